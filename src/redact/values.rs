//! Finds the value after a separator: its start, and the end of its quotes, its line or its block.

use std::ops::Range;

use super::placeholder::REDACTED;

/// At the end of an unquoted value, these belong to the text around it.
pub(super) const CLOSING: &str = ",;)]}>\"'`\\";

/// Characters between a name and its value, including the separator: `:=`, `==`, `=>`.
const SEPARATORS: [char; 4] = ['=', '>', ' ', '\t'];

/// The longest word before a parenthesis, in bytes, that wraps a value: `Some("x")`, `SecretStr('x')`.
const MAX_WRAPPER_BYTES: usize = 64;

/// A quote, and the backslashes before it: JSON within a string has one, JSON within that has three.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Quote {
    backslashes: usize,
    sign: char,
}

impl Quote {
    /// The quote at the start of the text.
    fn opening(text: &str) -> Option<Self> {
        let rest = text.trim_start_matches('\\');
        let sign = rest.chars().next().filter(|sign| is_quote(*sign))?;
        let backslashes = text.len() - rest.len();
        Some(Self { backslashes, sign })
    }

    fn len(self) -> usize {
        self.backslashes + self.sign.len_utf8()
    }

    /// The end of the text after the opening quote: before the closing quote, or at the end of the text.
    fn end(self, text: &str) -> usize {
        let mut from = 0;
        while let Some(found) = text[from..].find(self.sign) {
            let at = from + found;
            let plain = text[from..at].trim_end_matches('\\');
            let escapes = at - from - plain.len();
            // The backslashes that remain after parsing the surrounding strings.
            let left = escapes.checked_sub(self.backslashes);
            if left.is_none_or(|left| (left / (self.backslashes + 1)).is_multiple_of(2)) {
                return at - escapes.min(self.backslashes);
            }
            from = at + self.sign.len_utf8();
        }
        text.len()
    }
}

pub(super) fn is_quote(letter: char) -> bool {
    matches!(letter, '"' | '\'' | '`')
}

/// The value after a separator: within its quotes, or up to a space or an `&`.
pub(super) fn value_after(text: &str, from: usize) -> Range<usize> {
    let mut rest = text[from..].trim_start_matches(SEPARATORS);
    let below = trim_start(rest);
    if below.len() < rest.len() && below.starts_with(|first| is_quote(first) || first == '\\') {
        rest = below;
    }
    value_at(text, text.len() - rest.len())
}

/// As [`value_after`], if the value may start on a later line.
pub(super) fn value_after_lines(text: &str, from: usize) -> Range<usize> {
    let rest = text[from..].trim_start_matches(SEPARATORS);
    value_at(text, text.len() - trim_start(rest).len())
}

/// The rest of the line.
pub(super) fn line_after(text: &str, from: usize) -> Range<usize> {
    let rest = text[from..].trim_start_matches(SEPARATORS);
    let start = text.len() - rest.len();
    start..start + rest.find(['\r', '\n']).unwrap_or(rest.len())
}

/// The lines of a YAML value below its name, which is indented by `indent`: `name: |`, `name:` and a list.
pub(super) fn block_after(text: &str, from: usize, indent: usize) -> Option<Range<usize>> {
    let rest = text[from..].trim_start_matches([' ', '\t']);
    let rest = rest.trim_start_matches(['|', '>']);
    let rest = rest.trim_start_matches(|sign: char| "+-".contains(sign) || sign.is_ascii_digit());
    let rest = rest.trim_start_matches([' ', '\t', '\r']);
    let lines = rest.strip_prefix('\n')?;
    let start = text.len() - lines.len();
    let mut end = start;
    for line in lines.split_inclusive('\n') {
        let words = line.trim_start_matches([' ', '\t']);
        let is_deeper = line.len() - words.len() > indent || words.starts_with("- ");
        if !is_deeper && !words.trim_end().is_empty() {
            break;
        }
        end += line.len();
    }
    let value = text[start..end].trim();
    let start = end - text[start..end].trim_start().len();
    (!value.is_empty()).then(|| start..start + value.len())
}

fn value_at(text: &str, start: usize) -> Range<usize> {
    let rest = without_tag(&text[start..]);
    let start = text.len() - rest.len();
    let inner = unwrapped(rest);
    if let Some(quote) = Quote::opening(inner) {
        let start = text.len() - inner.len();
        let tripled = quote.sign.to_string().repeat(3);
        if let Some(lines) = inner.strip_prefix(&tripled) {
            let end = lines.find(&tripled).unwrap_or(lines.len());
            return start + tripled.len()..start + tripled.len() + end;
        }
        let start = start + quote.len();
        return start..start + quote.end(&text[start..]);
    }
    if inner.starts_with(['[', '{', '(']) && !rest.starts_with(REDACTED) {
        // The end of the value is uncertain: it may be cut off.
        return start..text.len();
    }
    let value = rest.split(is_end).next().unwrap_or_default();
    // The rest of a value that was redacted by its shape belongs to it.
    let (known, more) = match value.strip_prefix(REDACTED) {
        Some(more) => (REDACTED.len(), more),
        None => (0, value),
    };
    let more = more.trim_end_matches(|letter: char| CLOSING.contains(letter));
    start..start + known + more.len()
}

/// The text without a YAML tag at its start: `!!str x`.
fn without_tag(text: &str) -> &str {
    let tag = text.strip_prefix("!!").unwrap_or_default();
    let behind = tag.trim_start_matches(|letter: char| letter.is_ascii_alphanumeric());
    if behind.starts_with(' ') {
        behind.trim_start_matches(' ')
    } else {
        text
    }
}

/// The text after a prefix or wrapper of a quote or bracket: `b'x'`, `Some("x")`.
fn unwrapped(text: &str) -> &str {
    let bytes = text.as_bytes().iter().take(MAX_WRAPPER_BYTES);
    let is_word = |byte: &&u8| byte.is_ascii_alphanumeric() || b"_.:".contains(byte);
    let word = bytes.take_while(is_word).count();
    let (name, behind) = text.split_at(word);
    let is_prefix = (1..=2).contains(&word)
        && name.bytes().all(|byte| b"bBuUrRfF".contains(&byte))
        && Quote::opening(behind).is_some();
    if is_prefix {
        return behind;
    }
    let inner = behind
        .strip_prefix('(')
        .filter(|_| word > 0)
        .map(trim_start);
    let is_wrapped =
        |inner: &&str| inner.starts_with(['[', '{']) || Quote::opening(inner).is_some();
    inner.filter(is_wrapped).unwrap_or(text)
}

/// Whether the character ends an unquoted value.
fn is_end(letter: char) -> bool {
    letter.is_whitespace() || letter == '&'
}

/// The text without leading white space, including line breaks that are escaped for JSON.
pub(super) fn trim_start(text: &str) -> &str {
    let mut rest = text.trim_start();
    while let Some(behind) = rest
        .trim_start_matches('\\')
        .strip_prefix(['n', 'r', 't'])
        .filter(|_| rest.starts_with('\\'))
    {
        rest = behind.trim_start();
    }
    rest
}

/// The text without trailing white space, including line breaks that are escaped for JSON.
pub(super) fn trim_end(text: &str) -> &str {
    let mut rest = text.trim_end();
    while let Some(before) = rest
        .strip_suffix(['n', 'r', 't'])
        .filter(|before| before.ends_with('\\'))
    {
        rest = before.trim_end_matches('\\').trim_end();
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_close_on_their_own_level() {
        for (text, inside) in [
            (r#""a" b"#, "a"),
            (r#""a \" b" c"#, r#"a \" b"#),
            (r#""a \\" b"#, r"a \\"),
            (r#"\"a\" b"#, "a"),
            (r#"\"a \\\" b\" c"#, r#"a \\\" b"#),
            (r#"\"a \\\\\" b"#, r"a \\\\"),
            (r#"\\\"a b\\\" c"#, "a b"),
            (r#"\"a" b"#, "a"),
            ("'''a ' b''' c", "a ' b"),
            ("b'a b' c", "a b"),
            ("Some(\"a b\") c", "a b"),
            ("SecretStr( 'a b') c", "a b"),
            ("!!str 'a b' c", "a b"),
            ("a(b)c d", "a(b)c"),
            ("('a b', 'c')", "('a b', 'c')"),
            ("\"a", "a"),
        ] {
            assert_eq!(&text[value_at(text, 0)], inside, "{text}");
        }
    }

    #[test]
    fn values_below_their_names_end_with_their_block() {
        for (text, block) in [
            (" |\n  a b\n  c\nd: e", Some("a b\n  c")),
            (" >-\r\n  a\n\n  b\n", Some("a\n\n  b")),
            ("\n- a\n- b\nd: e", Some("- a\n- b")),
            ("\nd: e", None),
            (" a\n  b", None),
        ] {
            let found = block_after(text, 0, 0);
            assert_eq!(found.map(|range| &text[range]), block, "{text}");
        }
    }
}
