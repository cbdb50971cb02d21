//! Rules about secrets: where they are sent, and how the client authenticates.

use std::collections::BTreeSet;

use super::history::History;
use super::rule::{Violation, advice_rules, times};
use crate::advice::call::{CallKind, ObservedCall};
use crate::contract::Difference;
use crate::protocol::endpoint::Endpoint;
use crate::sandbox::journal::RevokeNoop;

advice_rules! { RULES {
    /// A public client sends a secret.
    PUBLIC_CLIENT_SECRET "public-client-secret" Error public_client_secret {
        rationale: "a public app has no secret: anyone can read what it ships, and as documented the request is rejected",
        fix: "omit client_secret; if the app runs on your own server, register it as confidential",
        source: "https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1",
    }
    /// A secret or a token is in a query.
    SECRET_IN_QUERY "secret-in-query" Warning secret_in_query {
        rationale: "URLs appear in logs, browser histories and Referer headers, and /token does not read secrets from the query",
        fix: "send secrets in the body, and access tokens in the Authorization: Bearer header",
        source: "https://www.rfc-editor.org/rfc/rfc9700#section-4.3.2",
    }
    /// HTTP Basic at `/revoke`, which does not read it.
    BASIC_AUTH_AT_REVOKE "basic-auth-at-revoke" Error basic_at_revoke {
        rationale: "/revoke ignores HTTP Basic: it answers 200, and the token stays valid",
        fix: "send client_id, and client_secret if the app has one, in the body at /revoke",
        source: "https://developer.civitai.com/site/oauth",
    }
    /// HTTP Basic with a percent-encoded client id.
    BASIC_AUTH_PERCENT_ENCODED "basic-auth-percent-encoded" Error basic_encoded {
        rationale: "Civitai does not percent-decode HTTP Basic: an id with percent-encoded dashes, as libraries \
            send it by RFC 6749 §2.3.1, is an unknown client",
        fix: "send client_id and client_secret in the body: client_secret_post",
        source: "https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1",
    }
    /// A revocation is answered 200 and revokes nothing, because the client or its secret is missing or wrong.
    REVOKE_WITHOUT_EFFECT "revoke-without-effect" Warning revoke_without_effect {
        rationale: "/revoke answers 200 even if it revokes nothing, as in this case: the token stays valid",
        fix: "send client_id and client_secret in the body",
        source: "https://www.rfc-editor.org/rfc/rfc7009#section-2.2",
    }
    /// A revocation by a public client, which has no effect as documented.
    REVOKE_BY_PUBLIC_CLIENT "revoke-by-public-client" Hint revoke_by_public_client {
        rationale: "as documented, a public app cannot revoke tokens: /revoke answers 200, and the token stays \
            valid; today's deployed server revokes a token that was issued to the app",
        fix: "send token and client_id to /revoke, delete the tokens after every response, and link to /user/account",
        source: "https://www.rfc-editor.org/rfc/rfc7009#section-2.2",
    }
} }

/// The parameters that are secrets.
const SECRETS: [&str; 6] = [
    "access_token",
    "client_secret",
    "code_verifier",
    "device_code",
    "refresh_token",
    "token",
];

fn public_client_secret(history: &History) -> Option<Violation> {
    let shows = |call: &&ObservedCall| {
        let matters = |difference| {
            let decision = call.decision(difference);
            decision.is_some_and(|decision| decision.is_divergent)
        };
        let is_client_credentials =
            call.kind == CallKind::ClientCredentials && call.param("client_secret").is_some();
        matters(Difference::PublicClientSecret)
            || (is_client_credentials && matters(Difference::ClientCredentialsPublic))
    };
    Violation::repeated(
        history.calls.iter().filter(shows),
        "is registered as public but sent a secret",
    )
}

/// Pages, preflights and unknown paths are left out: there, `token` may mean anything.
fn secret_in_query(history: &History) -> Option<Violation> {
    let (mut names, mut requests) = (BTreeSet::new(), Vec::new());
    let calls = history.calls.iter();
    for call in calls.filter(|call| call.kind != CallKind::Other) {
        let found: Vec<&str> = SECRETS
            .into_iter()
            .filter(|name| call.has_in_query(name))
            .collect();
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
        is_refused
            && call
                .basic_client_id()
                .is_some_and(|name| name.contains('%'))
    };
    let encoded = history.calls.iter().filter(is_encoded);
    Violation::repeated(encoded, "sent percent-encoded HTTP Basic credentials")
}

/// The tokens of other clients are left to the difference `revoke-by-client`, and HTTP Basic to `basic-auth-at-revoke`.
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
    let revocations = history.calls_of(CallKind::Revoke);
    let without_effect = revocations.filter(|call| {
        !call.is_basic()
            && call
                .revoke_noop
                .is_some_and(|reason| reasons.contains(&reason))
    });
    Violation::repeated(without_effect, "sent a revocation that had no effect")
}

fn basic_at_revoke(history: &History) -> Option<Violation> {
    let by_basic = history.calls_of(CallKind::Revoke);
    let by_basic = by_basic.filter(|call| call.is_basic() && call.param("client_secret").is_none());
    Violation::new(by_basic.map(|call| call.id).collect(), |count| {
        format!(
            "authenticated with HTTP Basic at /revoke {}, which had no effect",
            times(count)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    use crate::advice::testing::{TestCall, api, exchange, reported, revoke};
    use crate::contract::{Contract, Difference};
    use crate::sandbox::journal::RevokeNoop;

    /// `conf:secret`
    const BASIC: &str = "Basic Y29uZjpzZWNyZXQ=";
    /// `a%2Db:secret`
    const ENCODED: &str = "Basic YSUyRGI6c2VjcmV0";

    #[test]
    fn secret_of_a_public_client_is_reported() {
        let call = exchange("c1").with("client_secret", "shipped");
        let call = call.decided(Difference::PublicClientSecret, Contract::Live);
        assert_eq!(reported(&PUBLIC_CLIENT_SECRET, [call]), [1]);
        let call = exchange("c1").with("client_secret", "secret");
        assert!(reported(&PUBLIC_CLIENT_SECRET, [call]).is_empty());
    }

    #[test]
    fn secret_in_a_query_is_reported_but_not_at_an_unknown_path() {
        let call = exchange("c1").in_query("client_secret", "secret");
        assert_eq!(reported(&SECRET_IN_QUERY, [call]), [1]);
        let call = api("a1").in_query("token", "a1");
        assert_eq!(reported(&SECRET_IN_QUERY, [call]), [1]);
        let elsewhere = TestCall::to_unknown_path().in_query("token", "t1");
        assert!(reported(&SECRET_IN_QUERY, [elsewhere]).is_empty());
    }

    #[test]
    fn basic_is_reported_at_revoke_and_if_it_is_encoded() {
        let call = revoke("r1").header("authorization", BASIC);
        assert_eq!(reported(&BASIC_AUTH_AT_REVOKE, [call]), [1]);
        let refused = exchange("c1")
            .header("authorization", ENCODED)
            .answered(400, json!({ "error": "invalid_client" }));
        assert_eq!(reported(&BASIC_AUTH_PERCENT_ENCODED, [refused]), [1]);
    }

    #[test]
    fn revocation_without_effect_is_reported() {
        for (reason, rule) in [
            (RevokeNoop::NoClient, REVOKE_WITHOUT_EFFECT),
            (RevokeNoop::NoSecret, REVOKE_WITHOUT_EFFECT),
            (RevokeNoop::WrongSecret, REVOKE_WITHOUT_EFFECT),
            (RevokeNoop::PublicClient, REVOKE_BY_PUBLIC_CLIENT),
        ] {
            let call = revoke("r1").without_effect(reason);
            assert_eq!(reported(&rule, [call]), [1], "{}", rule.id);
        }
        assert!(reported(&REVOKE_WITHOUT_EFFECT, [revoke("r1")]).is_empty());
    }
}
