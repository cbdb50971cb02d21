//! Names and values in text of any kind: `name=value`, `"name": "value"`, `Header-Name: value`.

use std::borrow::Cow;
use std::ops::Range;

use super::REDACTED;
use super::names::is_secret;

/// Values that say nothing: whether something is there, or that it is redacted already.
const PLAIN: [&str; 7] = [
    "",
    "true",
    "false",
    "null",
    "None",
    REDACTED,
    "%5Bredacted%5D",
];

/// Headers whose whole line is a secret, although their name has no hyphen.
const HEADERS: [&str; 2] = ["authorization", "cookie"];

/// Longer names, in bytes, are no header's.
const LONGEST_HEADER: usize = 128;

/// Quotes around a value or a name: of JSON, of JSON within a string, of other languages.
const QUOTES: [&str; 4] = ["\\\"", "\"", "'", "`"];

/// At the end of a value without quotes, these belong to the text around it.
const CLOSING: &str = ",;)]}>\"'`\\";

/// The text with `[redacted]` for the value of each secret name.
pub(super) fn redact_pairs(text: &str) -> Cow<'_, str> {
    let (mut shown, mut at) = (String::new(), 0);
    for (sign, divider) in text.match_indices(['=', ':']) {
        // A sign within a value that is redacted is no divider.
        if sign < at {
            continue;
        }
        let before = &text[at..sign];
        let name = if divider == "=" {
            Some(name_before(before))
        } else {
            let named = quoted_name_before(before).or_else(|| header_name(before));
            named.or_else(|| bare_name(before, &text[sign + 1..]))
        };
        if !name.is_some_and(|name| !name.is_empty() && is_secret(name)) {
            continue;
        }
        let is_header =
            divider == ":" && quoted_name_before(before).is_none() && header_name(before).is_some();
        let value = value_after(text, sign + 1, is_header);
        if is_plain(&text[value.clone()]) {
            continue;
        }
        shown.push_str(&text[at..value.start]);
        shown.push_str(REDACTED);
        at = value.end;
    }
    if at == 0 {
        return text.into();
    }
    shown.push_str(&text[at..]);
    shown.into()
}

/// Whether the value says nothing, or names no more than its scheme.
fn is_plain(value: &str) -> bool {
    let by_scheme = value.split_once(' ').filter(|(scheme, _)| {
        let schemes = ["basic", "bearer"];
        schemes.contains(&scheme.to_ascii_lowercase().as_str())
    });
    PLAIN.contains(&value) || by_scheme.is_some_and(|(_, rest)| [REDACTED, "…"].contains(&rest))
}

fn is_of_name(letter: char) -> bool {
    letter.is_alphanumeric() || "_-.[]%$@\\".contains(letter)
}

/// The name that the text ends in, without its quotes.
fn name_before(text: &str) -> &str {
    let text = text.trim_end();
    let text = QUOTES
        .iter()
        .find_map(|quote| text.strip_suffix(quote))
        .unwrap_or(text);
    let start = text.trim_end_matches(is_of_name).len();
    text[start..].trim_start_matches('\\')
}

/// The name in quotes that the text ends in.
fn quoted_name_before(text: &str) -> Option<&str> {
    let text = text.trim_end();
    let is_quoted = QUOTES.iter().any(|quote| text.ends_with(quote));
    is_quoted.then(|| name_before(text))
}

/// The name of a header, at the beginning of a line.
fn header_name(text: &str) -> Option<&str> {
    let from = text.ceil_char_boundary(text.len().saturating_sub(LONGEST_HEADER));
    let end = &text[from..];
    let line = match end.rsplit_once('\n') {
        Some((_, line)) => line.trim(),
        None if from == 0 => end.trim(),
        None => return None,
    };
    let is_token = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
    let is_header = line.contains('-') && line.starts_with(|first: char| first != '-')
        || HEADERS.iter().any(|name| line.eq_ignore_ascii_case(name));
    (is_header && line.chars().all(is_token)).then_some(line)
}

/// The name before a colon, if it is that of a parameter and no sentence follows: `client_secret: x`.
fn bare_name<'a>(text: &'a str, behind: &str) -> Option<&'a str> {
    let name = name_before(text);
    let is_parameter = name.contains('_') && !name.starts_with('-');
    if !is_parameter || !behind.starts_with([' ', '\t']) {
        return None;
    }
    let value = value_after(behind, 0, false);
    let word = &behind[value.clone()];
    let rest = behind[value.end..].trim_start_matches(|letter| CLOSING.contains(letter));
    let goes_on =
        !rest.trim_start_matches([' ', '\t']).is_empty() && !rest.starts_with(['\r', '\n']);
    let is_letter = |letter: char| letter.is_alphabetic() || "'’-".contains(letter);
    let is_quoted = behind[..value.start].ends_with(['"', '\'', '`']);
    let is_prose = is_quoted || word.ends_with(':') || word.chars().all(is_letter);
    let is_listed = behind[value.end..].starts_with([',', ';']);
    (is_listed || !goes_on || !is_prose).then_some(name)
}

/// Where the value is: within its quotes, up to the end of the line for a header, else up to a space or an `&`.
fn value_after(text: &str, from: usize, is_header: bool) -> Range<usize> {
    let rest = text[from..].trim_start_matches(['=', '>', ' ', '\t']);
    let start = text.len() - rest.len();
    if is_header {
        let end = rest.find(['\r', '\n']).unwrap_or(rest.len());
        return start..start + end;
    }
    if let Some(quote) = QUOTES.iter().find(|quote| rest.starts_with(**quote)) {
        let start = start + quote.len();
        return start..start + end_of_quoted(&text[start..], quote);
    }
    if rest.starts_with(['[', '{']) && !rest.starts_with(REDACTED) {
        // JSON that is cut off: nothing says where the value ends.
        return start..text.len();
    }
    let value = rest.split(is_end).next().unwrap_or_default();
    // What is left of a value that was redacted by its look belongs to it.
    let (known, more) = match value.strip_prefix(REDACTED) {
        Some(more) => (REDACTED.len(), more),
        None => (0, value),
    };
    let more = more.trim_end_matches(|letter: char| CLOSING.contains(letter));
    start..start + known + more.len()
}

/// Whether no value without quotes has this character.
fn is_end(letter: char) -> bool {
    letter.is_whitespace() || letter == '&'
}

/// Where the quotes are closed, or the text ends.
fn end_of_quoted(text: &str, quote: &str) -> usize {
    let mut from = 0;
    while let Some(found) = text[from..].find(quote) {
        let end = from + found;
        // An escaped quote is a part of the value.
        let escapes = text[..end].len() - text[..end].trim_end_matches('\\').len();
        if quote.starts_with('\\') || escapes.is_multiple_of(2) {
            return end;
        }
        from = end + quote.len();
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_secret_names_are_redacted() {
        for (text, shown) in [
            ("a=b&code=x&c=d", "a=b&code=[redacted]&c=d"),
            (
                "sent client_secret=x, and",
                "sent client_secret=[redacted], and",
            ),
            ("secret = \"a \\\" b\" # c", "secret = \"[redacted]\" # c"),
            (
                "{'password': 'x', 'a': 1}",
                "{'password': '[redacted]', 'a': 1}",
            ),
            ("{\"pin\": 1234, \"a", "{\"pin\": [redacted], \"a"),
            ("{\"token\": [\"x\", \"y", "{\"token\": [redacted]"),
            (
                "{\\\"code\\\":\\\"x\\\"}",
                "{\\\"code\\\":\\\"[redacted]\\\"}",
            ),
            (":password=>\"x\"", ":password=>\"[redacted]\""),
            ("x-api-key: a b\nnext", "x-api-key: [redacted]\nnext"),
            ("Cookie: a=b; c=d", "Cookie: [redacted]"),
            ("/a;jsessionid=x/b", "/a;jsessionid=[redacted]"),
            ("--control-token=x", "--control-token=[redacted]"),
            ("password=a(b)c d", "password=[redacted] d"),
            ("password=a#b d", "password=[redacted] d"),
            ("password=a…b d", "password=[redacted] d"),
            ("password=it's;a,\"[{<secret>}]x d", "password=[redacted] d"),
            ("password=[redacted]#b d", "password=[redacted] d"),
            (
                "(see \"/x?code=x\"), or",
                "(see \"/x?code=[redacted]\"), or",
            ),
            (
                "<http://a?code=x>; rel=y",
                "<http://a?code=[redacted]>; rel=y",
            ),
            ("{\"pin\":12},\"a", "{\"pin\":[redacted]"),
            ("client_secret: x", "client_secret: [redacted]"),
            (
                "a client_secret: x, b: y",
                "a client_secret: [redacted], b: y",
            ),
            (
                "client_secret: hunter2 and",
                "client_secret: [redacted] and",
            ),
            ("client_secret: \"x y\"", "client_secret: \"[redacted]\""),
            ("code=a%26b%20c d", "code=[redacted] d"),
        ] {
            assert_eq!(redact_pairs(text), shown);
            assert_eq!(redact_pairs(shown), shown, "once is enough");
        }
    }

    #[test]
    fn sentences_stay() {
        for text in [
            "secret: leave it out",
            "clients[0].secret: \"x\" is too short",
            "--control-token: leave user and password out",
            "CIVITAI_CLIENT_SECRET: a client secret is printable ASCII",
            "a.toml:3: signing_key: /a/b.pem: No such file",
            "CIVITAI_MOCK_SIGNING_KEY: \"a.pem\" is no key",
            "Missing parameter: `code_verifier`",
            "Invalid grant: authorization code is invalid",
            "send response_type=code and code_challenge_method=S256",
            "secrets=true shows them",
            "Authorization: Bearer …",
            "Authorization: Basic [redacted]",
            "code=&state=x",
            "[{\"type\":\"sliding\",\"limit\":5000}]",
            "http://localhost:8080/a?b=c",
        ] {
            assert_eq!(redact_pairs(text), text);
        }
    }
}
