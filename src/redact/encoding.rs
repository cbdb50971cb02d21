//! Encodings that a secret may hide in: percent-encoding and the escapes of JSON.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

/// Encodings within encodings are undone this often.
const DEEPEST: usize = 3;

/// What is encoded again after a part of an encoded text was replaced: the rest is left readable.
const UNSAFE: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'`');

/// The text without one layer of encoding; none if it has none.
pub(super) fn decode_once(text: &str) -> Option<String> {
    let by_percent = if text.contains('%') {
        percent_decode_str(text).decode_utf8_lossy()
    } else {
        text.into()
    };
    let decoded = unescape(&by_percent);
    (decoded != text).then(|| decoded.into_owned())
}

/// The text without any encoding, as far as anybody encodes twice.
pub(super) fn decode_all(text: &str) -> Cow<'_, str> {
    let mut decoded = Cow::Borrowed(text);
    for _ in 0..DEEPEST {
        match decode_once(&decoded) {
            Some(next) => decoded = next.into(),
            None => break,
        }
    }
    decoded
}

/// The text percent-encoded again.
pub(super) fn encode(text: &str) -> String {
    utf8_percent_encode(text, UNSAFE).to_string()
}

/// The text with the characters that its `\u0063`, `\/` and `\"` stand for.
fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return text.into();
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        plain.push_str(&rest[..at]);
        let escape = &rest[at + 1..];
        let by_number = escape.strip_prefix(['u', 'U']).and_then(|digits| {
            let digits = digits.get(..4)?;
            char::from_u32(u32::from_str_radix(digits, 16).ok()?)
        });
        if let Some(letter) = by_number {
            plain.push(letter);
            rest = &escape[5..];
        } else if escape.starts_with(['/', '"', '\'']) {
            rest = escape;
        } else {
            plain.push('\\');
            rest = escape;
        }
    }
    plain.push_str(rest);
    plain.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_of_encoding_are_undone() {
        for (encoded, plain) in [
            ("code", "code"),
            ("%63ode", "code"),
            ("%2563ode", "code"),
            ("\\u0063ode", "code"),
            ("\\\"a\\/b\\\"", "\"a/b\""),
            ("%5Cu0063ode", "code"),
            ("100%", "100%"),
            ("a\\nb\\u12", "a\\nb\\u12"),
            ("\\u00é", "\\u00é"),
        ] {
            assert_eq!(decode_all(encoded), plain, "{encoded}");
        }
        assert_eq!(decode_once("plain"), None);
        assert_eq!(encode("a b/[redacted]%"), "a%20b/[redacted]%25");
    }
}
