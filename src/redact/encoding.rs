//! Decodes what may hide a secret: percent-encoding and JSON escapes.

use std::borrow::Cow;
use std::ops::Range;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

/// The most layers of encoding that are decoded.
const MAX_LAYERS: usize = 3;

/// The characters that are encoded again after a part of an encoded text was replaced; the rest stays readable.
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

/// The text without encoding, up to [`MAX_LAYERS`] layers.
pub(super) fn decode_all(text: &str) -> Cow<'_, str> {
    let mut decoded = Cow::Borrowed(text);
    for _ in 0..MAX_LAYERS {
        match decode_once(&decoded) {
            Some(next) => decoded = next.into(),
            None => break,
        }
    }
    decoded
}

/// A text with its escapes of ASCII characters decoded, and the position of each byte in the original text.
pub(super) struct Decoded {
    pub(super) text: String,
    /// One more than there are bytes: the last is the end of the text.
    positions: Vec<usize>,
}

impl Decoded {
    /// None if the text has no escapes.
    pub(super) fn new(original: &str) -> Option<Self> {
        let mut decoded = Self::layer(original)?;
        for _ in 1..MAX_LAYERS {
            let Some(next) = Self::layer(&decoded.text) else {
                break;
            };
            let positions = next
                .positions
                .iter()
                .map(|at| decoded.positions[*at])
                .collect();
            decoded = Self { positions, ..next };
        }
        Some(decoded)
    }

    fn layer(sent: &str) -> Option<Self> {
        if !sent.contains(['%', '\\']) {
            return None;
        }
        let (mut text, mut positions) = (String::with_capacity(sent.len()), Vec::new());
        let mut at = 0;
        while let Some(first) = sent[at..].chars().next() {
            let (letter, length) = ascii_escape(&sent[at..]).unwrap_or((first, first.len_utf8()));
            text.push(letter);
            positions.extend(std::iter::repeat_n(at, letter.len_utf8()));
            at += length;
        }
        positions.push(at);
        (text.len() < sent.len()).then_some(Self { text, positions })
    }

    /// The range of the original text for this range of the decoded text.
    pub(super) fn original(&self, range: &Range<usize>) -> Range<usize> {
        self.positions[range.start]..self.positions[range.end]
    }
}

/// The ASCII character whose escape the text begins with, and the length of the escape.
fn ascii_escape(text: &str) -> Option<(char, usize)> {
    let number = |from: usize, to: usize| {
        let digits = text.get(from..to)?;
        let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        let number = u32::from_str_radix(digits, 16).ok().filter(|_| is_hex)?;
        let letter = char::from_u32(number).filter(char::is_ascii)?;
        Some((letter, to))
    };
    match text.as_bytes() {
        [b'%', ..] => number(1, 3),
        [b'\\', b'u' | b'U', ..] => number(2, 6),
        [b'\\', b't', ..] => Some(('\t', 2)),
        [b'\\', sign @ (b'\\' | b'/' | b'"' | b'\''), ..] => Some((char::from(*sign), 2)),
        _ => None,
    }
}

/// The text percent-encoded again.
pub(super) fn encode(text: &str) -> String {
    utf8_percent_encode(text, UNSAFE).to_string()
}

/// The text with its `\u0063`, `\/` and `\"` decoded.
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
        assert!(Decoded::new("plain").is_none() && Decoded::new("100%").is_none());
        assert_eq!(encode("a b/[redacted]%"), "a%20b/[redacted]%25");
    }

    #[test]
    fn decoded_text_maps_to_the_original() {
        for (sent, plain, part) in [
            ("é%63ode%20", "écode ", "%63ode"),
            ("é%2563od\\\\u0065,", "écode,", "%2563od\\\\u0065"),
            ("%c3%a9 co\\u0064%65", "%c3%a9 code", "co\\u0064%65"),
        ] {
            let decoded = Decoded::new(sent).expect("it has escapes");
            assert_eq!(decoded.text, plain);
            let at = plain.find("code").expect("it has the word");
            assert_eq!(&sent[decoded.original(&(at..at + 4))], part);
        }
    }
}
