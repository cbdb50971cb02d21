//! Text that others have sent, for a terminal or a log: neither is to take it for a command or to reorder it.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Control characters, and those that divide lines or turn the direction of text around.
fn is_unsafe(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The text with an escape such as `\u{9b}` for each unsafe character, line breaks included.
pub(crate) fn printable(sent: &str) -> Cow<'_, str> {
    escaped(sent, is_unsafe, |letter, shown| {
        shown.extend(letter.escape_default());
    })
}

/// The same for text of several lines, which stay apart.
#[cfg(feature = "cli")]
pub(crate) fn printable_lines(sent: &str) -> Cow<'_, str> {
    let is_unsafe = |letter| is_unsafe(letter) && letter != '\n';
    escaped(sent, is_unsafe, |letter, shown| {
        shown.extend(letter.escape_default());
    })
}

/// JSON text with an escape such as `\u009b` for each unsafe character. Such characters occur only within strings, where an
/// escape means the same; the line breaks between values stay.
pub(crate) fn printable_json(json: &str) -> Cow<'_, str> {
    let is_unsafe = |letter| is_unsafe(letter) && !matches!(letter, '\n' | '\r' | '\t');
    escaped(json, is_unsafe, |letter, shown| {
        for unit in letter.encode_utf16(&mut [0; 2]) {
            // Writing to a String cannot fail.
            let _ = write!(shown, "\\u{unit:04x}");
        }
    })
}

fn escaped(
    text: &str,
    is_unsafe: impl Fn(char) -> bool,
    escape: impl Fn(char, &mut String),
) -> Cow<'_, str> {
    if !text.chars().any(&is_unsafe) {
        return text.into();
    }
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        if is_unsafe(letter) {
            escape(letter, &mut shown);
        } else {
            shown.push(letter);
        }
    }
    shown.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: &str = "a\u{9b}\u{7f}\u{1b}[31m\u{2028}\u{202e}\u{2066}\u{200f}é\n";

    #[test]
    fn text_has_no_unsafe_character() {
        assert_eq!(
            printable(SENT),
            "a\\u{9b}\\u{7f}\\u{1b}[31m\\u{2028}\\u{202e}\\u{2066}\\u{200f}é\\n"
        );
        assert_eq!(printable("plain é"), "plain é");
    }

    #[test]
    fn json_means_the_same_without_unsafe_characters() {
        let json =
            serde_json::to_string_pretty(&serde_json::json!({ "sent": SENT })).expect("JSON");
        let shown = printable_json(&json);
        assert!(
            !shown
                .chars()
                .any(|letter| is_unsafe(letter) && letter != '\n')
        );
        assert!(shown.contains("\\u009b\\u007f\\u001b"), "{shown}");
        let read: serde_json::Value = serde_json::from_str(&shown).expect("JSON");
        assert_eq!(read["sent"], SENT);
    }
}
