//! Events of clients. Any text is decoded or rejected, a splice fits or changes nothing, and a cleaned name stays the
//! same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use typewall::internals::{ClientEvent, Name, Text, TextChange};

/// The text of the box that splices are applied to.
const BOX: &str = "a\u{e9}\u{1F600}\u{301}b";

fuzz_target!(|json: &str| {
    let arguments = ClientEvent::decode_arguments(json);
    let plain = ClientEvent::decode(json);
    assert!(plain.is_err() || plain == arguments);
    match plain {
        Ok(ClientEvent::UpdatedText(TextChange::Splice(splice))) => {
            let mut text: Text = BOX.to_owned().into();
            let length = splice.length;
            match text.apply(TextChange::Splice(splice)) {
                Ok(()) => assert_eq!((text.as_str().chars().count(), text.chars()), (length, length)),
                Err(_) => assert_eq!(text.as_str(), BOX, "a splice that does not fit changes nothing"),
            }
        }
        Ok(ClientEvent::GotANewUser { name, .. } | ClientEvent::ChangeName { name }) => {
            if let Ok(name) = Name::parse(&name, 40) {
                assert_eq!(Name::parse(name.as_str(), 40).as_ref(), Ok(&name));
            }
        }
        Ok(_) => {}
        Err(error) => assert!(error.to_string().ends_with('.') && !error.code().is_empty()),
    }
});
