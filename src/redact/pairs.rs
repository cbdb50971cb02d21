//! Names and values in text of any kind: `name=value`, `"name": "value"`, `Header-Name: value`, `["name", "value"]`.

use std::borrow::Cow;
use std::ops::Range;

use super::names::is_secret;
use super::placeholder::REDACTED;
use super::values::{CLOSING, block_after, is_quote, line_after, value_after, value_after_lines};

/// Values that reveal nothing, or are redacted already.
const HARMLESS_VALUES: [&str; 7] = [
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

/// The longest name of a header, in bytes.
const MAX_HEADER_BYTES: usize = 128;

/// Extensions of file names that are followed by a line number.
const FILE_EXTENSIONS: [&str; 10] = [
    "js", "json", "mjs", "py", "rs", "toml", "ts", "tsx", "yaml", "yml",
];

/// The bytes of the lines above and below that are searched.
const MAX_CONTEXT_BYTES: usize = 128;

/// The text with `[redacted]` for the value of each secret name.
pub(super) fn redact_pairs(text: &str) -> Cow<'_, str> {
    let (mut shown, mut at) = (String::new(), 0);
    for (sign, divider) in text.match_indices(['=', ':', ',']) {
        // Within a redacted value, it is no divider.
        if sign < at {
            continue;
        }
        let found = Divider {
            before: &text[at..sign],
            text,
            end: sign + 1,
        };
        let value = match divider {
            "=" => found.assigned(),
            ":" => found.after_colon(),
            _ => found.listed(),
        };
        let Some(value) = value.filter(|value| !is_harmless(&text[value.clone()])) else {
            continue;
        };
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

/// Whether the value reveals nothing, or only its scheme.
fn is_harmless(value: &str) -> bool {
    let by_scheme = value.split_once(' ').filter(|(scheme, _)| {
        let schemes = ["basic", "bearer"];
        schemes.contains(&scheme.to_ascii_lowercase().as_str())
    });
    HARMLESS_VALUES.contains(&value)
        || by_scheme.is_some_and(|(_, rest)| [REDACTED, "…"].contains(&rest))
}

/// A character that may divide a name from its value.
pub(super) struct Divider<'a> {
    pub(super) text: &'a str,
    /// The text from the last redacted value up to the character.
    pub(super) before: &'a str,
    /// The index after the character.
    pub(super) end: usize,
}

impl<'a> Divider<'a> {
    /// The text before the character.
    pub(super) fn all_before(&self) -> &'a str {
        &self.text[..self.end - 1]
    }

    fn behind(&self) -> &'a str {
        &self.text[self.end..]
    }

    /// The value in `name=value`, `name => value` and `name ?= value`.
    fn assigned(&self) -> Option<Range<usize>> {
        let before = self.before.trim_end().trim_end_matches(['?', '+', ':']);
        let name = name_before(before);
        if is_named_secret(name) {
            return Some(value_after(self.text, self.end));
        }
        self.member_value(name).or_else(|| self.form_value(name))
    }

    /// The value in `"name": "value"`, `Header-Name: value` and `name: value`.
    fn after_colon(&self) -> Option<Range<usize>> {
        let quoted = quoted_name_before(self.before);
        let name = quoted.unwrap_or_else(|| name_before(self.before));
        if quoted.is_none() && header_name(self.before).is_some_and(is_named_secret) {
            let line = line_after(self.text, self.end);
            return self.block(name).or(Some(line));
        }
        if !is_named_secret(name) {
            return self.member_value(name);
        }
        if quoted.is_some() {
            return Some(value_after_lines(self.text, self.end));
        }
        self.bare_value(name)
    }

    /// The value of an unquoted name.
    fn bare_value(&self, name: &str) -> Option<Range<usize>> {
        if is_described(name, self.before) {
            return None;
        }
        if let Some(block) = self.block(name) {
            return Some(block);
        }
        let behind = self.behind();
        let value = value_after(self.text, self.end);
        if !behind.starts_with([' ', '\t']) {
            return (!is_location(name, self.before, behind)).then_some(value);
        }
        if name.starts_with('-') {
            return None;
        }
        if self.indent(name).is_some() && self.is_among_lines(name) {
            let line = line_after(self.text, self.end);
            let is_unquoted = !self.text[..value.start].ends_with(is_quote);
            if is_unquoted && value.end < line.end {
                return Some(line);
            }
        }
        is_value(behind).then_some(value)
    }

    fn indent(&self, name: &str) -> Option<usize> {
        indent(name, self.all_before())
    }

    /// The lines below the name.
    fn block(&self, name: &str) -> Option<Range<usize>> {
        block_after(self.text, self.end, self.indent(name)?)
    }

    /// Whether the line of the name has others like it above or below.
    fn is_among_lines(&self, name: &str) -> bool {
        let above = self.before.strip_suffix(name).unwrap_or_default();
        let above = above.trim_end_matches([' ', '\t', '-']).trim_end();
        let from = above.ceil_char_boundary(above.len().saturating_sub(MAX_CONTEXT_BYTES));
        let above = above[from..].rsplit('\n').next();
        let line = line_after(self.text, self.end);
        let below = self.text[line.end..].trim_start();
        let below = below[..below.floor_char_boundary(MAX_CONTEXT_BYTES)]
            .lines()
            .next();
        let lines = [above, below].into_iter().flatten();
        lines.into_iter().any(|line| line.contains(':'))
    }
}

/// Whether a value follows the colon and the space after an unquoted name, not a sentence.
fn is_value(behind: &str) -> bool {
    let value = value_after(behind, 0);
    let word = &behind[value.clone()];
    let rest = &behind[value.end..];
    let is_listed = rest
        .trim_start_matches(|sign| is_quote(sign) || " \t\\".contains(sign))
        .starts_with([',', ';', ')', ']', '}']);
    let rest = rest.trim_start_matches(|letter| CLOSING.contains(letter));
    let goes_on =
        !rest.trim_start_matches([' ', '\t']).is_empty() && !rest.starts_with(['\r', '\n']);
    let is_letter = |letter: char| letter.is_alphabetic() || "'’-".contains(letter);
    let is_quoted = behind[..value.start].ends_with(is_quote);
    let is_prose = is_quoted || word.ends_with(':') || word.chars().all(is_letter);
    is_listed || !goes_on || !is_prose
}

/// Whether the name is not empty and that of a secret.
pub(super) fn is_named_secret(name: &str) -> bool {
    !name.is_empty() && is_secret(name)
}

fn is_of_name(letter: char) -> bool {
    letter.is_alphanumeric() || "_-.[]%$@\\".contains(letter)
}

/// The name at the end of the text, without its quotes.
pub(super) fn name_before(text: &str) -> &str {
    let text = text.trim_end();
    let text = match text.strip_suffix(is_quote) {
        Some(quoted) => quoted.trim_end_matches('\\'),
        None => text,
    };
    let start = text.trim_end_matches(is_of_name).len();
    text[start..].trim_start_matches('\\')
}

/// The quoted name at the end of the text.
pub(super) fn quoted_name_before(text: &str) -> Option<&str> {
    let text = text.trim_end();
    text.ends_with(is_quote).then(|| name_before(text))
}

/// The name of a header, at the start of a line.
fn header_name(text: &str) -> Option<&str> {
    let from = text.ceil_char_boundary(text.len().saturating_sub(MAX_HEADER_BYTES));
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

/// Whether the word before the name makes it harmless: `exit code: 1`.
fn is_described(name: &str, before: &str) -> bool {
    let before = before.strip_suffix(name).unwrap_or_default();
    let word = name_before(before);
    before.ends_with(' ') && !word.is_empty() && !is_secret(&format!("{word} {name}"))
}

/// The indentation of the name, if it is the first word of its line.
fn indent(name: &str, before: &str) -> Option<usize> {
    let before = before.strip_suffix(name)?;
    let above = before.trim_end_matches([' ', '\t', '-']);
    let is_first = above.is_empty() || above.ends_with('\n');
    is_first.then(|| before.len() - above.len())
}

/// Whether the colon is part of a URL, path or file position, and no value follows: `auth://x`, `//auth:8080`, `token.rs:12`,
/// `token::x`.
fn is_location(name: &str, before: &str, behind: &str) -> bool {
    let is_scheme = |letter: char| letter.is_ascii_alphanumeric() || "+-.".contains(letter);
    let is_url = behind.starts_with("//") || name.contains('.') && behind.starts_with('/');
    let is_number = behind.starts_with(|first: char| first.is_ascii_digit());
    let is_file = name
        .rsplit_once('.')
        .is_some_and(|(_, end)| FILE_EXTENSIONS.contains(&end));
    let host = before.strip_suffix(name).unwrap_or_default();
    is_url && name.chars().all(is_scheme)
        || is_number && (is_file || host.ends_with("//"))
        || behind.starts_with(':')
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
            "unredacted=true shows them",
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
