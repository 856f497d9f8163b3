//! A user as a page would show them.

use serde_json::Value;
use typewall::room::splice::Splice;

/// A user and their box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownUser {
    pub name: String,
    pub text: String,
    pub away: bool,
}

impl ShownUser {
    /// Applies a text or a splice.
    pub fn change(&mut self, data: &Value) {
        if let Some(text) = data["text"].as_str() {
            return text.clone_into(&mut self.text);
        }
        let number = |field: &str| data[field].as_u64().expect("a number") as usize;
        let put = data["put"].as_str().expect("a string").into();
        let splice = Splice { at: number("at"), cut: number("cut"), put, length: number("length") };
        splice.apply(&mut self.text).expect("a splice of the text that is shown");
    }
}
