//! A user as a page would show them.

use serde_json::Value;

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
        let put = data["put"].as_str().expect("a string");
        let chars: Vec<char> = self.text.chars().collect();
        let (before, rest) = chars.split_at(number("at"));
        let shown: String =
            before.iter().copied().chain(put.chars()).chain(rest[number("cut")..].iter().copied()).collect();
        assert_eq!(shown.chars().count(), number("length"), "a splice of the text that is shown");
        self.text = shown;
    }
}
