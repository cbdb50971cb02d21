//! Rules about PKCE (RFC 7636) and the state parameter (RFC 6749 §10.12).

use std::collections::{BTreeMap, BTreeSet};

use super::history::History;
use super::rule::{Rule, Violation, times};
use super::severity::Severity;
use crate::advice::call::{CallKind, ObservedCall};
use crate::protocol::pkce::{Challenge, Verifier};

pub(crate) const RULES: &[Rule] = &[
    Rule {
        id: "pkce-missing",
        severity: Severity::Error,
        rationale: "Civitai refuses an authorization without PKCE, and a code without its verifier is used up for nothing",
        fix: "draw a verifier for each attempt, send its S256 challenge to authorize, and the verifier with the code",
        source: "https://www.rfc-editor.org/rfc/rfc9700#section-2.1.1",
        check: pkce_missing,
    },
    Rule {
        id: "pkce-plain",
        severity: Severity::Error,
        rationale: "only S256 is supported, and plain – which is what a request without a method means – shows the verifier to \
              whoever sees the request",
        fix: "send code_challenge_method=S256, and as code_challenge the base64url of the verifier's SHA-256",
        source: "https://www.rfc-editor.org/rfc/rfc7636#section-4.2",
        check: pkce_plain,
    },
    Rule {
        id: "pkce-challenge",
        severity: Severity::Error,
        rationale: "the challenge is taken as it is, but no verifier will ever fit it: the code cannot be exchanged",
        fix: "encode the 32 bytes of the SHA-256 with the URL-safe alphabet and without padding: 43 characters",
        source: "https://www.rfc-editor.org/rfc/rfc7636#appendix-A",
        check: pkce_challenge,
    },
    Rule {
        id: "pkce-verifier",
        severity: Severity::Error,
        rationale: "a verifier of another length or alphabet fits no challenge, and the code is used up for nothing",
        fix: "draw 32 random bytes and encode them with the URL-safe alphabet and without padding: 43 characters",
        source: "https://www.rfc-editor.org/rfc/rfc7636#section-4.1",
        check: pkce_verifier,
    },
    Rule {
        id: "verifier-reused",
        severity: Severity::Warning,
        rationale: "whoever has learnt the verifier of one sign-in can exchange the code of the next",
        fix: "draw a new verifier for each attempt, and forget it when its code is exchanged",
        source: "https://www.rfc-editor.org/rfc/rfc7636#section-7.1",
        check: verifier_reused,
    },
    Rule {
        id: "state-reused",
        severity: Severity::Warning,
        rationale: "two sign-ins at once cannot be told apart, and an answer can be played to the app again",
        fix: "draw a new state for each attempt, compare it when the browser comes back, and then forget it",
        source: "https://www.rfc-editor.org/rfc/rfc9700#section-4.7.1",
        check: state_reused,
    },
    Rule {
        id: "state-missing",
        severity: Severity::Error,
        rationale: "Civitai refuses an authorization without a state",
        fix: "draw a state for each attempt, and compare it when the browser comes back",
        source: "https://www.rfc-editor.org/rfc/rfc6749#section-10.12",
        check: state_missing,
    },
    Rule {
        id: "state-short",
        severity: Severity::Hint,
        rationale: "a state that can be guessed keeps no forged answer out",
        fix: "draw 128 bits or more for each attempt: 22 characters of base64url, or 32 of hexadecimal",
        source: "https://www.rfc-editor.org/rfc/rfc6749#section-10.10",
        check: state_short,
    },
];

/// A shorter state has less than 96 bits of entropy in any alphabet.
const MIN_STATE_CHARS: usize = 16;

/// The authorization requests. HEAD requests read no parameters.
fn attempts(history: &History) -> impl Iterator<Item = &ObservedCall> {
    let all = history.calls_of(CallKind::Authorize).map(|(_, call)| call);
    all.filter(|call| call.method != "HEAD" && call.param("client_id").is_some())
}

fn pkce_missing(history: &History) -> Option<Violation> {
    let without = attempts(history).filter(|call| call.param("code_challenge").is_none());
    let unproved = history.calls_of(CallKind::Code).map(|(_, call)| call);
    let unproved = unproved.filter(|call| {
        !call.is_faulty
            && call.param("code").is_some()
            && call.says("Missing parameter: `code_verifier`")
    });
    let requests = without.chain(unproved).map(|call| call.id).collect();
    Violation::new(requests, |count| {
        format!(
            "asked without code_challenge, or exchanged without code_verifier, {}",
            times(count)
        )
    })
}

fn pkce_plain(history: &History) -> Option<Violation> {
    let method = |call: &ObservedCall| call.param("code_challenge_method") != Some("S256");
    let declared =
        attempts(history).filter(|call| call.param("code_challenge").is_some() && method(call));
    let in_disguise = history
        .calls_of(CallKind::Code)
        .map(|(_, call)| call)
        .filter(|call| {
            let challenge = history
                .authorization(call)
                .and_then(|attempt| attempt.param("code_challenge"));
            challenge.is_some() && challenge == call.param("code_verifier")
        });
    let requests = declared.chain(in_disguise).map(|call| call.id).collect();
    Violation::new(requests, |count| {
        format!("sent a challenge that is not of S256 {}", times(count))
    })
}

fn pkce_challenge(history: &History) -> Option<Violation> {
    let wrong = attempts(history).filter(|call| {
        let challenge = call.param("code_challenge");
        call.param("code_challenge_method") == Some("S256")
            && challenge.is_some_and(|text| Challenge::parse(text).is_none())
    });
    let (mut lengths, mut requests) = (BTreeSet::new(), Vec::new());
    for call in wrong {
        let text = call.param("code_challenge").unwrap_or_default();
        lengths.insert(text.len());
        requests.push(call.id);
    }
    let lengths: Vec<String> = lengths.iter().map(usize::to_string).collect();
    Violation::new(requests, |count| {
        format!(
            "sent {} a challenge that is not of 43 characters of base64url; it had {}",
            times(count),
            lengths.join(", ")
        )
    })
}

fn pkce_verifier(history: &History) -> Option<Violation> {
    let (mut lengths, mut requests) = (BTreeSet::new(), Vec::new());
    for (_, call) in history.calls_of(CallKind::Code) {
        if let Some(verifier) = call.param("code_verifier")
            && Verifier::parse(verifier).is_none()
        {
            lengths.insert(verifier.chars().count());
            requests.push(call.id);
        }
    }
    let lengths: Vec<String> = lengths.iter().map(usize::to_string).collect();
    Violation::new(requests, |count| {
        format!(
            "sent {} a verifier that is not of 43 to 128 characters of RFC 7636; it had {}",
            times(count),
            lengths.join(", ")
        )
    })
}

/// Exchanges of codes whose authorization is in the journal. Codes issued by a control operation have a verifier of the mock.
fn exchanges(history: &History) -> impl Iterator<Item = (&ObservedCall, &ObservedCall)> {
    let all = history.calls_of(CallKind::Code).map(|(_, call)| call);
    all.filter_map(|call| Some((call, history.authorization(call)?)))
}

fn verifier_reused(history: &History) -> Option<Violation> {
    let mut codes: BTreeMap<&str, BTreeMap<&str, u64>> = BTreeMap::new();
    for (call, _) in exchanges(history) {
        if let (Some(verifier), Some(code)) = (call.param("code_verifier"), call.param("code"))
            && Verifier::parse(verifier).is_some()
        {
            codes.entry(verifier).or_default().insert(code, call.id);
        }
    }
    let again: Vec<_> = codes.into_values().filter(|all| all.len() > 1).collect();
    let later: usize = again.iter().map(|codes| codes.len() - 1).sum();
    let requests = again.into_iter().flat_map(BTreeMap::into_values);
    Violation::new(requests.collect(), |_| {
        format!(
            "exchanged a code with a verifier that had served for another {}",
            times(later)
        )
    })
}

/// The challenge identifies an attempt: a browser that goes back or reloads sends the same challenge again, as do the steps
/// of one sign-in. Two exchanged codes with one state are two attempts, too.
fn state_reused(history: &History) -> Option<Violation> {
    let mut challenges: BTreeMap<&str, BTreeMap<&str, u64>> = BTreeMap::new();
    for call in attempts(history) {
        if let (Some(state), Some(challenge)) = (call.param("state"), call.param("code_challenge"))
        {
            challenges
                .entry(state)
                .or_default()
                .entry(challenge)
                .or_insert(call.id);
        }
    }
    let mut codes: BTreeMap<&str, BTreeMap<&str, u64>> = BTreeMap::new();
    for (call, attempt) in exchanges(history) {
        if let (Some(state), Some(code)) = (attempt.param("state"), call.param("code")) {
            codes.entry(state).or_default().insert(code, attempt.id);
        }
    }
    let again = challenges.into_iter().chain(codes);
    let again: Vec<_> = again.filter(|(_, attempts)| attempts.len() > 1).collect();
    // If both count a state, the larger count.
    let mut later: BTreeMap<&str, usize> = BTreeMap::new();
    for (state, attempts) in &again {
        let known = later.entry(state).or_default();
        *known = (*known).max(attempts.len() - 1);
    }
    let requests = again
        .into_iter()
        .flat_map(|(_, attempts)| attempts.into_values());
    Violation::new(requests.collect(), |_| {
        format!(
            "asked with a state that had served for another attempt {}",
            times(later.into_values().sum())
        )
    })
}

fn state_missing(history: &History) -> Option<Violation> {
    let without = attempts(history).filter(|call| call.param("state").is_none());
    Violation::new(without.map(|call| call.id).collect(), |count| {
        format!("asked without a state {}", times(count))
    })
}

fn state_short(history: &History) -> Option<Violation> {
    let short = attempts(history).filter_map(|call| {
        let length = call.param("state")?.chars().count();
        (length < MIN_STATE_CHARS).then_some((call.id, length))
    });
    let (requests, lengths): (Vec<u64>, Vec<usize>) = short.unzip();
    let shortest = lengths.into_iter().min().unwrap_or_default();
    Violation::new(requests, |_| {
        format!("sent a state of {shortest} characters, where {MIN_STATE_CHARS} are few")
    })
}
