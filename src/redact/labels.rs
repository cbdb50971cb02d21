//! The name before a separator.

use super::names::is_secret;
use super::values::is_quote;

/// Headers whose whole line is a secret, although their name has no hyphen.
const HEADERS: [&str; 2] = ["authorization", "cookie"];

/// Longer names, in bytes, are no header's.
const LONGEST_HEADER: usize = 128;

/// Ends of files' names: what follows their colon is the number of a line.
const FILES: [&str; 10] = [
    "js", "json", "mjs", "py", "rs", "toml", "ts", "tsx", "yaml", "yml",
];

pub(super) fn is_named_secret(name: &str) -> bool {
    !name.is_empty() && is_secret(name)
}

fn is_of_name(letter: char) -> bool {
    letter.is_alphanumeric() || "_-.[]%$@\\".contains(letter)
}

/// The name that the text ends in, without its quotes.
pub(super) fn name_before(text: &str) -> &str {
    let text = text.trim_end();
    let text = match text.strip_suffix(is_quote) {
        Some(quoted) => quoted.trim_end_matches('\\'),
        None => text,
    };
    let start = text.trim_end_matches(is_of_name).len();
    text[start..].trim_start_matches('\\')
}

/// The name in quotes that the text ends in.
pub(super) fn quoted_name_before(text: &str) -> Option<&str> {
    let text = text.trim_end();
    text.ends_with(is_quote).then(|| name_before(text))
}

/// The name of a header, at the beginning of a line.
pub(super) fn header_name(text: &str) -> Option<&str> {
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

/// Whether the word before the name makes it harmless: `exit code: 1`.
pub(super) fn is_described(name: &str, before: &str) -> bool {
    let before = before.strip_suffix(name).unwrap_or_default();
    let word = name_before(before);
    before.ends_with(' ') && !word.is_empty() && !is_secret(&format!("{word} {name}"))
}

/// How far the name is indented, if it is the first word of its line.
pub(super) fn indent(name: &str, before: &str) -> Option<usize> {
    let before = before.strip_suffix(name)?;
    let above = before.trim_end_matches([' ', '\t', '-']);
    let is_first = above.is_empty() || above.ends_with('\n');
    is_first.then(|| before.len() - above.len())
}

/// Whether the colon belongs to a place, and no value follows: `auth://x`, `//auth:8080`, `token.rs:12`, `token::x`.
pub(super) fn is_place(name: &str, before: &str, behind: &str) -> bool {
    let is_scheme = |letter: char| letter.is_ascii_alphanumeric() || "+-.".contains(letter);
    let is_url = behind.starts_with("//") || name.contains('.') && behind.starts_with('/');
    let is_number = behind.starts_with(|first: char| first.is_ascii_digit());
    let is_file = name
        .rsplit_once('.')
        .is_some_and(|(_, end)| FILES.contains(&end));
    let host = before.strip_suffix(name).unwrap_or_default();
    is_url && name.chars().all(is_scheme)
        || is_number && (is_file || host.ends_with("//"))
        || behind.starts_with(':')
}
