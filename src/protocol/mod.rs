//! What do the words mean? Scope bitmask, PKCE, redirect URI, parameters, requests, errors: parsed once,
//! pure, so that holding the type is the proof. What exists and how it changes is in `model/`.

pub(crate) mod authorize_request;
pub(crate) mod call;
pub(crate) mod client_auth;
pub(crate) mod declared_scopes;
pub(crate) mod duration;
pub(crate) mod error;
pub(crate) mod format;
pub(crate) mod ids;
pub(crate) mod jose;
pub(crate) mod json;
pub(crate) mod params;
pub(crate) mod pkce;
pub(crate) mod redirect_uri;
pub(crate) mod scope;
pub(crate) mod scope_input;
pub(crate) mod secret;
pub(crate) mod time;
pub(crate) mod token_request;
pub(crate) mod user_code;

/// The known word nearest to a mistyped one, if one is near enough to be meant.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|candidate| (likeness(word, candidate), candidate))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

/// `no endpoint "tokn"; did you mean "token"?` – of a word that is on no list, and how it is compared with the list.
pub(crate) fn unknown(noun: &str, wrong: &str, (spelt, known): (&str, &[&str])) -> String {
    match nearest(spelt, known.iter().copied()) {
        Some(near) => format!("no {noun} {wrong:?}; did you mean {near:?}?"),
        None => format!("no {noun} {wrong:?}; choose among {}", known.join(", ")),
    }
}

/// From 0 to 1. A word that is a part of the candidate, as `scopes` is of `allowed_scopes`, is nearly it.
fn likeness(word: &str, candidate: &str) -> f64 {
    const PART: f64 = 0.9;
    const SHORTEST_PART: usize = 4;
    let alike = strsim::jaro_winkler(word, candidate);
    if word.len() >= SHORTEST_PART && candidate.contains(word) {
        alike.max(PART)
    } else {
        alike
    }
}
