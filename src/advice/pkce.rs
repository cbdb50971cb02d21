//! Rules about PKCE (RFC 7636).

use std::collections::{BTreeMap, BTreeSet};

use super::history::History;
use super::rule::{Violation, advice_rules, times};
use crate::advice::call::{CallKind, ObservedCall};
use crate::protocol::pkce::{Challenge, Verifier};

advice_rules! { RULES {
    /// No challenge at authorize, or no verifier with the code.
    PKCE_MISSING "pkce-missing" Error pkce_missing {
        rationale: "Civitai rejects an authorization without PKCE, and a token request without the verifier invalidates the code",
        fix: "generate a verifier for each attempt; send its S256 challenge to authorize, and the verifier with the code",
        source: "https://www.rfc-editor.org/rfc/rfc9700#section-2.1.1",
    }
    /// The method `plain`, or none, which means the same; or a challenge that is the verifier.
    PKCE_PLAIN "pkce-plain" Error pkce_plain {
        rationale: "only S256 is supported; plain, the default without code_challenge_method, reveals the verifier \
            to anyone who can read the request",
        fix: "send code_challenge_method=S256 and, as code_challenge, the base64url-encoded SHA-256 of the verifier",
        source: "https://www.rfc-editor.org/rfc/rfc7636#section-4.2",
    }
    /// A challenge that is not 43 characters of base64url.
    PKCE_CHALLENGE_MALFORMED "pkce-challenge-malformed" Error pkce_challenge {
        rationale: "the challenge is accepted, but no verifier can match it: the code cannot be exchanged",
        fix: "encode the 32 bytes of the SHA-256 as base64url without padding: 43 characters",
        source: "https://www.rfc-editor.org/rfc/rfc7636#appendix-A",
    }
    /// A verifier that is not 43 to 128 unreserved characters.
    PKCE_VERIFIER_MALFORMED "pkce-verifier-malformed" Error pkce_verifier {
        rationale: "a verifier of another length or alphabet matches no challenge, and the failed exchange invalidates the code",
        fix: "generate 32 random bytes and encode them as base64url without padding: 43 characters",
        source: "https://www.rfc-editor.org/rfc/rfc7636#section-4.1",
    }
    /// One verifier for several codes.
    PKCE_VERIFIER_REUSED "pkce-verifier-reused" Warning verifier_reused {
        rationale: "an attacker who knows the verifier of one sign-in can exchange the code of the next",
        fix: "generate a new verifier for each attempt, and delete it after the exchange",
        source: "https://www.rfc-editor.org/rfc/rfc7636#section-7.1",
    }
} }

/// The authorization requests of an app. HEAD requests read no parameters.
pub(crate) fn attempts(history: &History) -> impl Iterator<Item = &ObservedCall> {
    let all = history.calls_of(CallKind::Authorize);
    all.filter(|call| call.method != "HEAD" && call.param("client_id").is_some())
}

fn pkce_missing(history: &History) -> Option<Violation> {
    let without = attempts(history).filter(|call| call.param("code_challenge").is_none());
    let unproved = history.calls_of(CallKind::Code).filter(|call| {
        !call.is_faulty && call.is_error_about("Missing parameter: `code_verifier`")
    });
    Violation::repeated(
        without.chain(unproved),
        "omitted code_challenge at authorize, or code_verifier in the exchange,",
    )
}

fn pkce_plain(history: &History) -> Option<Violation> {
    let declared = attempts(history).filter(|call| {
        call.param("code_challenge").is_some()
            && call.param("code_challenge_method") != Some("S256")
    });
    let disguised = history.calls_of(CallKind::Code).filter(|call| {
        let attempt = history.authorization(call);
        let challenge = attempt.and_then(|attempt| attempt.param("code_challenge"));
        challenge.is_some() && challenge == call.param("code_verifier")
    });
    Violation::repeated(
        declared.chain(disguised),
        "sent a challenge that does not use S256",
    )
}

/// The requests and the lengths of malformed values.
fn malformed<'a>(
    values: impl Iterator<Item = (&'a ObservedCall, &'a str)>,
    summary: impl FnOnce(String, String) -> String,
) -> Option<Violation> {
    let (mut lengths, mut requests) = (BTreeSet::new(), Vec::new());
    for (call, text) in values {
        lengths.insert(text.chars().count());
        requests.push(call.id);
    }
    let lengths: Vec<String> = lengths.iter().map(usize::to_string).collect();
    Violation::new(requests, |count| summary(times(count), lengths.join(", ")))
}

fn pkce_challenge(history: &History) -> Option<Violation> {
    let s256 = attempts(history).filter(|call| call.param("code_challenge_method") == Some("S256"));
    let challenges = s256.filter_map(|call| Some((call, call.param("code_challenge")?)));
    let wrong = challenges.filter(|(_, text)| Challenge::parse(text).is_none());
    malformed(wrong, |times, lengths| {
        format!("sent a challenge that is not 43 base64url characters {times}; lengths: {lengths}")
    })
}

fn pkce_verifier(history: &History) -> Option<Violation> {
    let exchanges = history.calls_of(CallKind::Code);
    let verifiers = exchanges.filter_map(|call| Some((call, call.param("code_verifier")?)));
    let wrong = verifiers.filter(|(_, text)| Verifier::parse(text).is_none());
    malformed(wrong, |times, lengths| {
        format!(
            "sent a verifier that is not 43 to 128 characters of RFC 7636 {times}; lengths: {lengths}"
        )
    })
}

/// Only codes whose authorization is in the journal: those of control operations have a verifier of the mock.
fn verifier_reused(history: &History) -> Option<Violation> {
    let mut codes: BTreeMap<&str, BTreeMap<&str, u64>> = BTreeMap::new();
    for call in history.calls_of(CallKind::Code) {
        if let (Some(verifier), Some(code)) = (call.param("code_verifier"), call.param("code"))
            && Verifier::parse(verifier).is_some()
            && history.authorization(call).is_some()
        {
            codes.entry(verifier).or_default().insert(code, call.id);
        }
    }
    let reused: Vec<_> = codes.into_values().filter(|all| all.len() > 1).collect();
    let count: usize = reused.iter().map(|codes| codes.len() - 1).sum();
    let requests = reused.into_iter().flat_map(BTreeMap::into_values);
    Violation::new(requests.collect(), |_| {
        format!("reused the PKCE verifier of another code {}", times(count))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    use crate::advice::testing::{authorize, exchange, reported};

    #[test]
    fn s256_with_a_verifier_for_each_code_is_not_reported() {
        for rule in [
            PKCE_MISSING,
            PKCE_PLAIN,
            PKCE_CHALLENGE_MALFORMED,
            PKCE_VERIFIER_MALFORMED,
            PKCE_VERIFIER_REUSED,
        ] {
            let calls = ["c1", "c2"].map(|code| [authorize(code), exchange(code)]);
            let calls = calls.into_iter().flatten();
            assert!(reported(&rule, calls).is_empty(), "{}", rule.id);
        }
    }

    #[test]
    fn missing_challenge_or_verifier_is_reported() {
        let bare = authorize("c1").without("code_challenge");
        assert_eq!(reported(&PKCE_MISSING, [bare]), [1]);
        let error = json!({
            "error": "invalid_request",
            "error_description": "Missing parameter: `code_verifier`",
        });
        let bare = exchange("c1").without("code_verifier").answered(400, error);
        assert_eq!(reported(&PKCE_MISSING, [authorize("c1"), bare]), [2]);
    }

    #[test]
    fn plain_is_reported_declared_implied_or_disguised() {
        let declared = authorize("c1").with("code_challenge_method", "plain");
        let implied = authorize("c2").without("code_challenge_method");
        assert_eq!(reported(&PKCE_PLAIN, [declared, implied]), [1, 2]);
        let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
        let calls = [
            authorize("c1").with("code_challenge", challenge),
            exchange("c1").with("code_verifier", challenge),
        ];
        assert_eq!(reported(&PKCE_PLAIN, calls), [2]);
    }

    #[test]
    fn malformed_challenges_and_verifiers_are_reported() {
        for challenge in [
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM=",
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "+/Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+cM",
        ] {
            let malformed = authorize("c1").with("code_challenge", challenge);
            assert_eq!(
                reported(&PKCE_CHALLENGE_MALFORMED, [malformed]),
                [1],
                "{challenge}"
            );
        }
        let malformed = exchange("c1").with("code_verifier", "short");
        assert_eq!(reported(&PKCE_VERIFIER_MALFORMED, [malformed]), [1]);
    }

    #[test]
    fn verifier_of_two_codes_is_reported() {
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        let exchanges = ["c1", "c2"].map(|code| exchange(code).with("code_verifier", verifier));
        let calls = ["c1", "c2"].map(authorize).into_iter().chain(exchanges);
        assert_eq!(reported(&PKCE_VERIFIER_REUSED, calls), [3, 4]);
    }
}
