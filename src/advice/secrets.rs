//! Rules about secrets: where they are sent, and how the client authenticates.

use std::collections::BTreeSet;

use super::history::History;
use super::rule::{Rule, Violation, times};
use super::severity::Severity;
use crate::advice::call::{CallKind, ObservedCall};
use crate::contract::Difference;
use crate::protocol::endpoint::Endpoint;
use crate::sandbox::journal::RevokeNoop;

pub(crate) const RULES: &[Rule] = &[
    Rule {
        id: "public-client-secret",
        severity: Severity::Error,
        rationale: "a public app has no secret: what it ships can be read by everybody, and as documented it is refused",
        fix: "send no client_secret – or, if the app runs on a server of yours, register it as confidential",
        source: "https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1",
        check: public_client_secret,
    },
    Rule {
        id: "secret-in-query",
        severity: Severity::Warning,
        rationale: "what stands in an address stands in logs, histories and Referer headers; /token does not even read it there",
        fix: "send secrets in the body, and access tokens in the header Authorization: Bearer",
        source: "https://www.rfc-editor.org/rfc/rfc9700#section-4.3.2",
        check: secret_in_query,
    },
    Rule {
        id: "basic-at-revoke",
        severity: Severity::Error,
        rationale: "/revoke does not read HTTP Basic: it answers 200, and the token lives on",
        fix: "send client_id, and the client_secret of an app that has one, in the body at /revoke",
        source: "https://developer.civitai.com/site/oauth",
        check: basic_at_revoke,
    },
    Rule {
        id: "basic-encoded",
        severity: Severity::Error,
        rationale: "Civitai takes what HTTP Basic says as it is: an id whose dashes are percent-encoded, as libraries do by RFC 6749 §2.3.1, \
              is no client",
        fix: "send client_id and client_secret in the body: client_secret_post",
        source: "https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1",
        check: basic_encoded,
    },
    Rule {
        id: "revoke-without-effect",
        severity: Severity::Warning,
        rationale: "/revoke answers 200 whether it has revoked something or not, and here it has not: the token lives on",
        fix: "show client_id and client_secret in the body",
        source: "https://www.rfc-editor.org/rfc/rfc7009#section-2.2",
        check: revoke_without_effect,
    },
    Rule {
        id: "revoke-by-public-client",
        severity: Severity::Hint,
        rationale: "the documentation gives a public app no say at /revoke: it is answered 200, and the token lives on; today's deployed \
              server ends a token that was issued to the app",
        fix: "send token and client_id to /revoke, forget the tokens whatever it did, and show people the way to /user/account",
        source: "https://www.rfc-editor.org/rfc/rfc7009#section-2.2",
        check: revoke_by_public_client,
    },
];

const SECRETS: [&str; 6] = [
    "client_secret",
    "code_verifier",
    "device_code",
    "refresh_token",
    "access_token",
    // Last, because it may mean anything at an unknown path.
    "token",
];

fn public_client_secret(history: &History) -> Option<Violation> {
    let shows = |call: &&ObservedCall| {
        let matters = |difference| {
            let decision = call.decision(difference);
            decision.is_some_and(|decision| decision.other_side_differs)
        };
        let for_itself =
            call.kind == CallKind::ClientCredentials && call.param("client_secret").is_some();
        matters(Difference::PublicClientSecret)
            || (for_itself && matters(Difference::ClientCredentialsPublic))
    };
    let requests = history.calls.iter().filter(shows).map(|call| call.id);
    Violation::new(requests.collect(), |count| {
        format!("is registered as public and sent a secret {}", times(count))
    })
}

fn secret_in_query(history: &History) -> Option<Violation> {
    let (mut names, mut requests) = (BTreeSet::new(), Vec::new());
    for call in &history.calls {
        let looked_for = match call.kind {
            CallKind::Other if call.status == Some(404) => &SECRETS[..SECRETS.len() - 1],
            // A page, which is not of the app, or a preflight, which has the query of its request.
            CallKind::Other => continue,
            _ => &SECRETS[..],
        };
        let found = call.in_query(looked_for);
        if !found.is_empty() {
            names.extend(found);
            requests.push(call.id);
        }
    }
    let names: Vec<&str> = names.into_iter().collect();
    Violation::new(requests, |count| {
        format!("sent {} in the query {}", names.join(", "), times(count))
    })
}

fn basic_encoded(history: &History) -> Option<Violation> {
    let is_encoded = |call: &&ObservedCall| {
        let is_refused = call.endpoint == Endpoint::Token && call.error() == Some("invalid_client");
        is_refused && call.basic_name().is_some_and(|name| name.contains('%'))
    };
    let encoded = history.calls.iter().filter(is_encoded);
    Violation::new(encoded.map(|call| call.id).collect(), |count| {
        format!(
            "said who it is by HTTP Basic, percent-encoded, {}",
            times(count)
        )
    })
}

/// The tokens of other clients are left to the difference `revoke-by-client`, and HTTP Basic to `basic-at-revoke`.
fn revoke_without_effect(history: &History) -> Option<Violation> {
    revocations_without_effect(
        history,
        &[
            RevokeNoop::NoClient,
            RevokeNoop::NoSecret,
            RevokeNoop::WrongSecret,
        ],
    )
}

fn revoke_by_public_client(history: &History) -> Option<Violation> {
    revocations_without_effect(history, &[RevokeNoop::PublicClient])
}

fn revocations_without_effect(history: &History, reasons: &[RevokeNoop]) -> Option<Violation> {
    let revocations = history.calls_of(CallKind::Revoke).map(|(_, call)| call);
    let idle = revocations
        .filter(|call| !call.is_basic() && call.idle.is_some_and(|idle| reasons.contains(&idle)));
    Violation::new(idle.map(|call| call.id).collect(), |count| {
        format!(
            "asked to revoke a token and revoked nothing {}",
            times(count)
        )
    })
}

fn basic_at_revoke(history: &History) -> Option<Violation> {
    let by_basic = history.calls_of(CallKind::Revoke).map(|(_, call)| call);
    let by_basic = by_basic.filter(|call| call.is_basic() && call.param("client_secret").is_none());
    Violation::new(by_basic.map(|call| call.id).collect(), |count| {
        format!(
            "said who it is by HTTP Basic at /revoke {}, and revoked nothing",
            times(count)
        )
    })
}
