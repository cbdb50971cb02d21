//! The error of an invalid value, with its fix: the known word that is closest to a mistyped one ("did you mean").

use std::fmt;

/// The known word that is closest to a mistyped one, or `None` if no word is similar.
pub(crate) fn closest_match<'a>(
    word: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    const MIN_SIMILARITY: f64 = 0.75;
    // The time grows with the length, and a typing error does not make a word this long.
    const MAX_WORD_BYTES: usize = 256;
    if word.len() > MAX_WORD_BYTES {
        return None;
    }
    known
        .into_iter()
        .map(|candidate| (similarity(word, candidate), candidate))
        .filter(|(similarity, _)| *similarity > MIN_SIMILARITY)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

/// The known path that a wrong one was meant to be: one that ends with it, or one of whose segments is similar and whose others
/// are the same.
pub(crate) fn closest_path<'a>(path: &str, known: &[&'a str]) -> Option<&'a str> {
    const MIN_END_BYTES: usize = 5;
    let mut longer = known.iter().copied();
    if path.len() >= MIN_END_BYTES
        && let Some(longer) = longer.find(|known| known.ends_with(path))
    {
        return Some(longer);
    }
    let only_difference = |known: &'a str| {
        let mut pairs = path.split('/').zip(known.split('/'));
        let (wrong, right) = pairs.find(|(given, known)| given != known)?;
        let is_last = pairs.all(|(given, known)| given == known);
        let is_as_long = path.matches('/').count() == known.matches('/').count();
        (is_last && is_as_long && !right.starts_with('{')).then_some((wrong, right, known))
    };
    let mut candidates = known.iter().copied().filter_map(only_difference);
    let found = candidates.find(|(wrong, right, _)| closest_match(wrong, [*right]).is_some());
    found.map(|(.., known)| known)
}

/// From 0 to 1. A word that is a part of the candidate, as `scopes` is of `allowed_scopes`, counts as very similar.
fn similarity(word: &str, candidate: &str) -> f64 {
    const PART: f64 = 0.9;
    const MIN_PART_CHARS: usize = 4;
    let similarity = strsim::jaro_winkler(word, candidate);
    if word.len() >= MIN_PART_CHARS && candidate.contains(word) {
        similarity.max(PART)
    } else {
        similarity
    }
}

/// The error of a value that breaks a rule. Errors of serde are text, so the alternate form (`{:#}`) marks where the fix
/// begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ValueError {
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

/// Separates message and hint in the alternate form (ASCII unit separator).
const MARK: char = '\u{1f}';

impl ValueError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
        }
    }

    /// A word that is not known, with the nearest known word or all of them as the fix.
    pub(crate) fn unknown(message: impl Into<String>, word: &str, known: &[&str]) -> Self {
        let near = closest_match(word, known.iter().copied());
        let hint = match near {
            Some(near) => format!("did you mean {near:?}?"),
            None if known.is_empty() => "it takes nothing".to_owned(),
            None => format!("choose among {}", known.join(", ")),
        };
        Self::new(message).with_hint(hint)
    }

    /// `no endpoint "tokn"; did you mean "token"?`: a word that is not in a list. `spelt` is the word as the list spells its own.
    pub(crate) fn not_in_list(noun: &str, word: &str, spelt: &str, known: &[&str]) -> Self {
        Self::unknown(format!("no {noun} {word:?}"), spelt, known)
    }

    #[must_use]
    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The error that a deserializer was given as something to display.
    pub(crate) fn read(reason: &impl fmt::Display) -> Self {
        let text = format!("{reason:#}");
        match text.split_once(MARK) {
            Some((message, hint)) => Self::new(message).with_hint(hint),
            None => Self::new(text),
        }
    }
}

impl fmt::Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) if f.alternate() => write!(f, "{MARK}{hint}"),
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}

impl From<String> for ValueError {
    fn from(message: String) -> Self {
        Self::new(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_close_if_one_segment_is_similar_or_the_beginning_is_missing() {
        let known = [
            "/api/auth/oauth/token",
            "/_mock/settings",
            "/_mock/users/{id}",
        ];
        for (path, expected) in [
            ("/oauth/token", Some("/api/auth/oauth/token")),
            ("/api/auth/oauth/tokens", Some("/api/auth/oauth/token")),
            ("/_mock/setting", Some("/_mock/settings")),
            ("/_mock/user/7", None),
            ("/api/auth/oauth/nothing", None),
            ("/api/auth/oauth", None),
            ("/", None),
        ] {
            assert_eq!(closest_path(path, &known), expected, "{path}");
        }
    }

    #[test]
    fn only_short_words_are_compared() {
        assert_eq!(closest_match("tokn", ["token"]), Some("token"));
        assert_eq!(
            closest_match(&"token".repeat(100), [&*"token".repeat(101)]),
            None
        );
    }
}
