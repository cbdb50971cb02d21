//! The mistake in a redirect URI that is not registered: the registered URI that is most similar, and the part that differs.

use url::Url;

/// The registered URI that is most similar to `given`, if any is similar at all.
pub(crate) fn closest<'a>(given: &str, registered: &'a [String]) -> Option<&'a str> {
    const MIN_SIMILARITY: f64 = 0.5;
    // The time grows with the product of the lengths.
    const MAX_BYTES: usize = 512;
    if given.len() > MAX_BYTES {
        return None;
    }
    registered
        .iter()
        .filter(|known| known.len() <= MAX_BYTES)
        .map(|known| (strsim::normalized_levenshtein(given, known), known.as_str()))
        .filter(|(similarity, _)| *similarity >= MIN_SIMILARITY)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known)
}

/// The first part in which two URIs differ, as a person would name it; None if they are equal or no URIs.
pub(crate) fn difference(given: &str, known: &str) -> Option<&'static str> {
    if given == known {
        return None;
    }
    if given.trim() == known {
        return Some("the white space around it");
    }
    let (a, b) = (Url::parse(given).ok()?, Url::parse(known).ok()?);
    let is_slash = |a: &str, b: &str| a.strip_suffix('/') == Some(b);
    if a.scheme() != b.scheme() {
        Some("the scheme")
    } else if a.host_str() != b.host_str() {
        Some("the host")
    } else if a.port() != b.port() {
        Some("the port")
    } else if is_slash(given, known) || is_slash(known, given) {
        Some("the slash at the end")
    } else if a.path().eq_ignore_ascii_case(b.path()) && a.path() != b.path() {
        Some("upper and lower case of the path")
    } else if a.path() != b.path() {
        Some("the path")
    } else if a.query() != b.query() {
        Some("the query")
    } else if a.fragment() != b.fragment() {
        Some("the fragment")
    } else {
        // Both name the same resource, and redirect URIs are compared as text (RFC 9700 §2.1).
        Some("the spelling")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closest_uri_and_the_differing_part_are_found() {
        let registered = [
            "https://app.example/callback".to_owned(),
            "http://localhost:3000/callback".to_owned(),
        ];
        for (given, part) in [
            ("http://localhost:3001/callback", "the port"),
            ("http://127.0.0.1:3000/callback", "the host"),
            ("https://localhost:3000/callback", "the scheme"),
            ("http://localhost:3000/callback/", "the slash at the end"),
            (
                "http://localhost:3000/Callback",
                "upper and lower case of the path",
            ),
            ("http://localhost:3000/callbacks", "the path"),
            ("http://localhost:3000/callback?a=b", "the query"),
            ("http://localhost:3000/callback#a", "the fragment"),
            ("HTTP://localhost:3000/callback", "the spelling"),
            (
                "http://localhost:3000/callback ",
                "the white space around it",
            ),
        ] {
            let closest = closest(given, &registered).expect("one is similar");
            assert_eq!(closest, registered[1], "{given}");
            assert_eq!(difference(given, closest), Some(part), "{given}");
        }
        assert_eq!(closest("urn:x", &registered), None);
        assert_eq!(difference(&registered[0], &registered[0]), None);
    }
}
