//! Secrets that are recognized by their shape, under any name.

use std::borrow::Cow;
use std::ops::Range;

use super::encoding::Decoded;
use super::placeholder::REDACTED;
use crate::protocol::secret::PREFIX;

/// Client secrets have 48 hexadecimal digits, codes 64. Ids and commits that developers compare have fewer.
const MIN_HEX_DIGITS: usize = 48;

/// The fewest digits of a secret that was cut off.
const MIN_CUT_HEX_DIGITS: usize = 16;

/// Shorter words after `Basic` or `Bearer` are part of a sentence.
const MIN_CREDENTIAL_BYTES: usize = 8;

/// Letters alone are a word of a sentence, up to this length.
const MAX_WORD_BYTES: usize = 16;

/// `civitai_` and letters are a token from this length on; shorter words may be a name, unless they have a digit.
const MIN_TOKEN_BYTES: usize = 8;

/// The text with `[redacted]` for each secret, including its encoded characters. If values are `shows_random`, long hexadecimal
/// numbers and JWTs are no secrets.
pub(super) fn redact_shapes(text: &str, shows_random: bool) -> Cow<'_, str> {
    let mut found = match Decoded::new(text) {
        Some(decoded) => {
            let found = find(&decoded.text, shows_random).into_iter();
            found.map(|range| decoded.original(&range)).collect()
        }
        None => find(text, shows_random),
    };
    if found.is_empty() {
        return text.into();
    }
    found.sort_by_key(|range| range.start);
    let (mut shown, mut at) = (String::new(), 0);
    for range in found {
        if range.start >= at {
            shown.push_str(&text[at..range.start]);
            shown.push_str(REDACTED);
        }
        at = at.max(range.end);
    }
    shown.push_str(&text[at..]);
    shown.into()
}

fn find(text: &str, shows_random: bool) -> Vec<Range<usize>> {
    let mut found = prefixed(text);
    found.extend(credentials(text));
    if !shows_random {
        found.extend(jwts(text));
        found.extend(hex(text));
    }
    found
}

/// The positions of an ASCII word, in upper or lower case.
fn positions<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let windows = text.as_bytes().windows(word.len()).enumerate();
    windows.filter_map(|(at, window)| window.eq_ignore_ascii_case(word.as_bytes()).then_some(at))
}

/// The number of consecutive bytes from here on that satisfy the condition.
fn run(text: &str, from: usize, matches: impl Fn(u8) -> bool) -> usize {
    let bytes = text.as_bytes().iter().skip(from);
    bytes.take_while(|byte| matches(**byte)).count()
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// `civitai_` and letters or digits, or a few hexadecimal digits as a whole word: `CIVITAI_CLIENT_ID` is no token.
fn prefixed(text: &str) -> Vec<Range<usize>> {
    let (mut found, mut until) = (Vec::new(), 0);
    for at in positions(text, PREFIX) {
        if at < until {
            continue;
        }
        let from = at + PREFIX.len();
        let digits = run(text, from, |byte| byte.is_ascii_hexdigit());
        let letters = run(text, from, |byte| byte.is_ascii_alphanumeric());
        let word = &text[from..from + letters];
        let has_digit = word.bytes().any(|byte| byte.is_ascii_digit());
        let is_long = digits >= MIN_TOKEN_BYTES
            || letters >= MIN_TOKEN_BYTES && (has_digit || letters >= MAX_WORD_BYTES);
        let is_whole = digits > 0
            && text
                .as_bytes()
                .get(from + digits)
                .is_none_or(|next| !is_word(*next));
        if is_long || is_whole {
            until = from + run(text, from, is_base64url);
            found.push(at..until);
        }
    }
    found
}

/// Long hexadecimal numbers.
fn hex(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let digits = run(text, at, |byte| byte.is_ascii_hexdigit());
        let is_cut = digits >= MIN_CUT_HEX_DIGITS && text[at + digits..].starts_with('…');
        if digits >= MIN_HEX_DIGITS || is_cut {
            found.push(at..at + digits);
        }
        // To the next character that may start one.
        at += digits.max(1);
        while !text.is_char_boundary(at) {
            at += 1;
        }
    }
    found
}

fn is_base64url(byte: u8) -> bool {
    is_word(byte) || byte == b'-'
}

/// JSON Web Tokens: a header in base64url, which starts with `eyJ`, and two or more further parts.
fn jwts(text: &str) -> Vec<Range<usize>> {
    let (mut found, mut until) = (Vec::new(), 0);
    for at in positions(text, "eyJ") {
        if at < until {
            continue;
        }
        let length = run(text, at, |byte| is_base64url(byte) || byte == b'.');
        let whole = &text[at..at + length];
        let header = whole.split('.').next().unwrap_or_default();
        if whole.matches('.').count() >= 2 && header.len() >= MIN_CREDENTIAL_BYTES {
            found.push(at..at + length);
        }
        until = at + length;
    }
    found
}

/// The credentials after `Basic` or `Bearer`.
fn credentials(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for scheme in ["basic", "bearer"] {
        let mut until = 0;
        for at in positions(text, scheme) {
            let is_inside = at < until || at > 0 && is_word(text.as_bytes()[at - 1]);
            if is_inside {
                continue;
            }
            let spaces = run(text, at + scheme.len(), |byte| b" \t+".contains(&byte));
            let from = at + scheme.len() + spaces;
            let length = run(text, from, |byte| {
                is_base64url(byte) || b"+/=.~".contains(&byte)
            });
            if spaces > 0 && is_credential(&text[from..from + length]) {
                found.push(from..from + length);
            }
            until = from + length;
        }
    }
    found
}

/// Whether it is more than a word of a sentence.
fn is_credential(text: &str) -> bool {
    let is_lower = |byte: u8| byte.is_ascii_lowercase() || b"-.".contains(&byte);
    let is_prose = text.len() < MAX_WORD_BYTES && text.bytes().skip(1).all(is_lower);
    text.len() >= MIN_CREDENTIAL_BYTES && !is_prose
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "dec0de5ec2e7dec0de5ec2e7dec0de5ec2e7dec0de5ec2e7";
    const JWT: &str = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl";

    #[test]
    fn secrets_are_redacted_by_their_shape() {
        for (text, shown) in [
            ("/x/civitai_00ff/y", "/x/[redacted]/y"),
            ("a civitai_ b civitai_1é", "a civitai_ b [redacted]é"),
            ("xCIVITAI_00FF", "x[redacted]"),
            ("civitai_0123456789abcdefgh", "[redacted]"),
            ("is \"civitai_Zq19837a1a3005yw\"", "is \"[redacted]\""),
            ("civitai_LBp7ZScrtCSC-bJr90oZ_DR0Rp0npG3", "[redacted]"),
            ("civitai_abcdefghijklmnop.", "[redacted]."),
            (
                "civitai_211529abaae3284598ee15\\u00654e094c36",
                "[redacted]",
            ),
            (
                "civitai_211529abaae3284598ee15%384e094c36 b",
                "[redacted] b",
            ),
            ("civitai_211529abaae3\\\\u00654e%2538", "[redacted]"),
            ("Bearer abcd%65fgh12345678", "Bearer [redacted]"),
            ("Bearer abc\\u0064efgh12345678", "Bearer [redacted]"),
            ("%42earer abcdefgh12345678", "%42earer [redacted]"),
            ("Bearer%20abcdefgh12345678/%C3", "Bearer%20[redacted]%C3"),
            ("Bearer\tabcdefgh12345678", "Bearer\t[redacted]"),
            ("basic YTpiY2Q9", "basic [redacted]"),
            ("Bearer  hunter2hunter2,", "Bearer  [redacted],"),
            ("Bearer correcthorsebatterystaple", "Bearer [redacted]"),
        ] {
            assert_eq!(redact_shapes(text, false), shown, "{text}");
        }
        for secret in [SECRET, &SECRET.to_uppercase(), &SECRET.repeat(2), JWT] {
            let text = format!("é{secret}.");
            assert!(!redact_shapes(&text, false).contains(secret), "{text}");
            assert_eq!(redact_shapes(&text, true), text);
        }
        for glued in ["_", "abc", "x-"] {
            let text = format!("{glued}{JWT}");
            assert!(!redact_shapes(&text, false).contains(JWT), "{text}");
        }
        let cut = format!("code {}…", &SECRET[..20]);
        assert_eq!(redact_shapes(&cut, false), "code [redacted]…");
    }

    #[test]
    fn ordinary_values_stay() {
        for text in [
            "dec0de00-0000-4000-8000-000000000001",
            "dec0de0000004000800000000000000100000000",
            "CIVITAI_CLIENT_ID and civitai_api",
            "civitai_mock and civitai_standins",
            "Authorization: Bearer with the access token",
            "Missing bearer token",
            "HTTP Basic authentication",
            "HTTP Basic percent-encoded",
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
            "keyJack.is.here",
            "http://localhost:3000/callback",
        ] {
            assert_eq!(redact_shapes(text, false), text);
        }
    }
}
