//! Parameters of an authorization that Civitai ignores.

use super::history::History;
use super::rule::{Rule, Sight};
use super::severity::Severity;
use crate::advice::call::Call;

pub(crate) const RULES: &[Rule] = &[Rule {
    id: "ignored-parameter",
    severity: Severity::Hint,
    why: "OAuth 2.0 and OpenID Connect define the parameter and Civitai does not read it: what the app asks for by it does not \
          happen, and there is no error either",
    mend: "leave it out, and do without: a person who is signed in is not asked to sign in again, and the answer always comes \
           in the query of the redirect URI",
    source: "https://developer.civitai.com/site/oauth",
    look: ignored,
}];

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

fn ignored(history: &History) -> Option<Sight> {
    let (mut names, mut requests) = (Vec::new(), Vec::new());
    for name in IGNORED {
        let senders = history.calls(Call::Authorize);
        let senders: Vec<u64> = senders
            .filter(|(_, one)| one.param(name).is_some())
            .map(|(_, one)| one.id)
            .collect();
        if !senders.is_empty() {
            names.push(name);
            requests.extend(senders);
        }
    }
    Sight::of(requests, |_| {
        format!("sent what Civitai ignores: {}", names.join(", "))
    })
}
