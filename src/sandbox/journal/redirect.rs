//! The parameters of redirects of `authorize` to the app.

use crate::protocol::endpoint::Endpoint;
use crate::protocol::params::Params;

/// A parameter that a redirect of `authorize` passes to the app.
pub(super) fn param(endpoint: Endpoint, location: &str, name: &str) -> Option<String> {
    if endpoint != Endpoint::Authorize {
        return None;
    }
    let (_, query) = location.split_once('?')?;
    // Most redirects pass a code: they are not parsed.
    if !query.contains(name) {
        return None;
    }
    let query = query.split('#').next().unwrap_or_default();
    let params = Params::from_urlencoded(query.as_bytes());
    params.text(name).map(str::to_owned)
}

/// Whether it redirects the user back to the app with an error (RFC 6749 §4.1.2.1).
pub(super) fn has_error(endpoint: Endpoint, location: Option<&[u8]>) -> bool {
    let location = location.map(String::from_utf8_lossy);
    location.is_some_and(|location| param(endpoint, &location, "error").is_some())
}
