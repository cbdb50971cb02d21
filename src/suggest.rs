//! The known word that a mistyped one is closest to, for "did you mean" hints.

/// The known word closest to a mistyped one, if any is similar enough.
pub(crate) fn closest_match<'a>(
    word: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    const MIN_SIMILARITY: f64 = 0.75;
    known
        .into_iter()
        .map(|candidate| (similarity(word, candidate), candidate))
        .filter(|(similarity, _)| *similarity > MIN_SIMILARITY)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

/// `no endpoint "tokn"; did you mean "token"?`: the error for a word that is not in the list. `spelt` is the word as the
/// list spells its own.
pub(crate) fn unknown_value_error(noun: &str, wrong: &str, spelt: &str, known: &[&str]) -> String {
    match closest_match(spelt, known.iter().copied()) {
        Some(near) => format!("no {noun} {wrong:?}; did you mean {near:?}?"),
        None => format!("no {noun} {wrong:?}; choose among {}", known.join(", ")),
    }
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
