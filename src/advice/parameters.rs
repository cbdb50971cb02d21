//! Rule about authorization parameters that Civitai ignores.

use super::history::History;
use super::rule::{Violation, advice_rules};
use crate::advice::call::CallKind;

advice_rules! { RULES {
    /// A parameter of OpenID Connect or of an extension of OAuth at authorize that Civitai does not read.
    IGNORED_PARAMETER "ignored-parameter" Hint ignored_parameter {
        rationale: "OAuth 2.0 and OpenID Connect define the parameter, but Civitai ignores it: it has no effect \
            and causes no error",
        fix: "omit the parameter: a signed-in user is not asked to sign in again, and the response is always in \
            the query of the redirect URI",
        source: "https://developer.civitai.com/site/oauth",
    }
} }

/// Parameters of OAuth 2.0, its extensions and OpenID Connect.
const IGNORED: [&str; 13] = [
    "acr_values",
    "audience",
    "claims",
    "display",
    "id_token_hint",
    "login_hint",
    "max_age",
    "prompt",
    "request",
    "request_uri",
    "resource",
    "response_mode",
    "ui_locales",
];

fn ignored_parameter(history: &History) -> Option<Violation> {
    let (mut names, mut requests) = (Vec::new(), Vec::new());
    for name in IGNORED {
        let senders = history.calls_of(CallKind::Authorize);
        let senders = senders.filter(|call| call.param(name).is_some());
        let ids: Vec<u64> = senders.map(|call| call.id).collect();
        if !ids.is_empty() {
            names.push(name);
            requests.extend(ids);
        }
    }
    Violation::new(requests, |_| {
        format!("sent parameters that Civitai ignores: {}", names.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::advice::testing::{authorize, reported};

    #[test]
    fn ignored_parameters_are_reported() {
        let calls = [authorize("c1"), authorize("c2").with("prompt", "login")];
        assert_eq!(reported(&IGNORED_PARAMETER, calls), [2]);
    }
}
