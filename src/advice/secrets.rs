//! Does the app show its secrets to those who should not see them, or where nobody looks?

use std::collections::BTreeSet;

use super::history::History;
use super::rule::{Rule, Sight, times};
use super::severity::Severity;
use crate::advice::call::{Call, Seen};
use crate::contract::Difference;
use crate::protocol::call::Endpoint;
use crate::sandbox::journal::Idle;

pub(crate) const RULES: &[Rule] = &[
    Rule {
        id: "public-client-secret",
        severity: Severity::Error,
        why: "a public app has no secret: what it ships can be read by everybody, and as documented it is refused",
        mend: "send no client_secret – or, if the app runs on a server of yours, register it as confidential",
        source: "https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1",
        look: public_secret,
    },
    Rule {
        id: "secret-in-query",
        severity: Severity::Warning,
        why: "what stands in an address stands in logs, histories and Referer headers; /token does not even read it there",
        mend: "send secrets in the body, and access tokens in the header Authorization: Bearer",
        source: "https://www.rfc-editor.org/rfc/rfc9700#section-4.3.2",
        look: in_query,
    },
    Rule {
        id: "basic-at-revoke",
        severity: Severity::Error,
        why: "/revoke does not read HTTP Basic: it answers 200, and the token lives on",
        mend: "send client_id, and the client_secret of an app that has one, in the body at /revoke",
        source: "https://developer.civitai.com/site/oauth",
        look: basic_at_revoke,
    },
    Rule {
        id: "basic-encoded",
        severity: Severity::Error,
        why: "Civitai takes what HTTP Basic says as it is: an id whose dashes are percent-encoded, as libraries do by RFC 6749 §2.3.1, \
              is no client",
        mend: "send client_id and client_secret in the body: client_secret_post",
        source: "https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1",
        look: basic_encoded,
    },
    Rule {
        id: "revoke-without-effect",
        severity: Severity::Warning,
        why: "/revoke answers 200 whether it has revoked something or not, and here it has not: the token lives on",
        mend: "show client_id and client_secret in the body",
        source: "https://www.rfc-editor.org/rfc/rfc7009#section-2.2",
        look: revoked_nothing,
    },
    Rule {
        id: "revoke-by-public-client",
        severity: Severity::Hint,
        why: "the documentation gives a public app no say at /revoke: it is answered 200, and the token lives on; today's deployed \
              server ends a token that was issued to the app",
        mend: "send token and client_id to /revoke, forget the tokens whatever it did, and show people the way to /user/account",
        source: "https://www.rfc-editor.org/rfc/rfc7009#section-2.2",
        look: public_revoked_nothing,
    },
];

const SECRETS: [&str; 6] = [
    "client_secret",
    "code_verifier",
    "device_code",
    "refresh_token",
    "access_token",
    // Last: where nobody knows the path, it may mean anything.
    "token",
];

fn public_secret(history: &History) -> Option<Sight> {
    let shows = |one: &&Seen| {
        let matters = |difference| {
            let decision = one.decision(difference);
            decision.is_some_and(|decision| decision.otherwise)
        };
        let for_itself =
            one.call == Call::ClientCredentials && one.param("client_secret").is_some();
        matters(Difference::PublicClientSecret)
            || (for_itself && matters(Difference::ClientCredentialsPublic))
    };
    let requests = history.seen.iter().filter(shows).map(|one| one.id);
    Sight::of(requests.collect(), |many| {
        format!("is registered as public and sent a secret {}", times(many))
    })
}

fn in_query(history: &History) -> Option<Sight> {
    let (mut names, mut requests) = (BTreeSet::new(), Vec::new());
    for one in &history.seen {
        let looked_for = match one.call {
            Call::Other if one.status == Some(404) => &SECRETS[..SECRETS.len() - 1],
            // A page, which is not the app's, or a preflight, which says nothing else than what it is for.
            Call::Other => continue,
            _ => &SECRETS[..],
        };
        let found = one.in_query(looked_for);
        if !found.is_empty() {
            names.extend(found);
            requests.push(one.id);
        }
    }
    let names: Vec<&str> = names.into_iter().collect();
    Sight::of(requests, |many| {
        format!("sent {} in the query {}", names.join(", "), times(many))
    })
}

fn basic_encoded(history: &History) -> Option<Sight> {
    let is_encoded = |one: &&Seen| {
        let is_refused = one.endpoint == Endpoint::Token && one.error() == Some("invalid_client");
        is_refused && one.basic_name().is_some_and(|name| name.contains('%'))
    };
    let encoded = history.seen.iter().filter(is_encoded);
    Sight::of(encoded.map(|one| one.id).collect(), |many| {
        format!(
            "said who it is by HTTP Basic, percent-encoded, {}",
            times(many)
        )
    })
}

/// Whose token it was to revoke, the difference `revoke-by-client` says; HTTP Basic has a rule of its own.
fn revoked_nothing(history: &History) -> Option<Sight> {
    idle(
        history,
        &[Idle::NoClient, Idle::NoSecret, Idle::WrongSecret],
    )
}

fn public_revoked_nothing(history: &History) -> Option<Sight> {
    idle(history, &[Idle::PublicClient])
}

fn idle(history: &History, why: &[Idle]) -> Option<Sight> {
    let revocations = history.calls(Call::Revoke).map(|(_, one)| one);
    let idle = revocations
        .filter(|one| !one.is_basic() && one.idle.is_some_and(|idle| why.contains(&idle)));
    Sight::of(idle.map(|one| one.id).collect(), |many| {
        format!(
            "asked to revoke a token and revoked nothing {}",
            times(many)
        )
    })
}

fn basic_at_revoke(history: &History) -> Option<Sight> {
    let by_basic = history.calls(Call::Revoke).map(|(_, one)| one);
    let by_basic = by_basic.filter(|one| one.is_basic() && one.param("client_secret").is_none());
    Sight::of(by_basic.map(|one| one.id).collect(), |many| {
        format!(
            "said who it is by HTTP Basic at /revoke {}, and revoked nothing",
            times(many)
        )
    })
}
