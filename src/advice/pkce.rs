//! Does the app prove that it is the one that asked? PKCE (RFC 7636), and the state of each attempt (RFC 6749 §10.12).

use std::collections::{BTreeMap, BTreeSet};

use super::history::History;
use super::rule::{Rule, Sight, times};
use super::severity::Severity;
use crate::advice::call::{Call, Seen};
use crate::protocol::pkce::{Challenge, Verifier};

pub(crate) const RULES: &[Rule] = &[
    Rule {
        id: "pkce-missing",
        severity: Severity::Error,
        why: "Civitai refuses an authorization without PKCE, and a code without its verifier is used up for nothing",
        mend: "draw a verifier for each attempt, send its S256 challenge to authorize, and the verifier with the code",
        source: "https://www.rfc-editor.org/rfc/rfc9700#section-2.1.1",
        look: missing,
    },
    Rule {
        id: "pkce-plain",
        severity: Severity::Error,
        why: "only S256 is supported, and plain – which is what a request without a method means – shows the verifier to \
              whoever sees the request",
        mend: "send code_challenge_method=S256, and as code_challenge the base64url of the verifier's SHA-256",
        source: "https://www.rfc-editor.org/rfc/rfc7636#section-4.2",
        look: plain,
    },
    Rule {
        id: "pkce-challenge",
        severity: Severity::Error,
        why: "the challenge is taken as it is, but no verifier will ever fit it: the code cannot be exchanged",
        mend: "encode the 32 bytes of the SHA-256 with the URL-safe alphabet and without padding: 43 characters",
        source: "https://www.rfc-editor.org/rfc/rfc7636#appendix-A",
        look: unredeemable,
    },
    Rule {
        id: "pkce-verifier",
        severity: Severity::Error,
        why: "a verifier of another length or alphabet fits no challenge, and the code is used up for nothing",
        mend: "draw 32 random bytes and encode them with the URL-safe alphabet and without padding: 43 characters",
        source: "https://www.rfc-editor.org/rfc/rfc7636#section-4.1",
        look: no_verifier,
    },
    Rule {
        id: "verifier-reused",
        severity: Severity::Warning,
        why: "whoever has learnt the verifier of one sign-in can exchange the code of the next",
        mend: "draw a new verifier for each attempt, and forget it when its code is exchanged",
        source: "https://www.rfc-editor.org/rfc/rfc7636#section-7.1",
        look: verifier_reused,
    },
    Rule {
        id: "state-reused",
        severity: Severity::Warning,
        why: "two sign-ins at once cannot be told apart, and an answer can be played to the app again",
        mend: "draw a new state for each attempt, compare it when the browser comes back, and then forget it",
        source: "https://www.rfc-editor.org/rfc/rfc9700#section-4.7.1",
        look: state_reused,
    },
    Rule {
        id: "state-missing",
        severity: Severity::Error,
        why: "Civitai refuses an authorization without a state",
        mend: "draw a state for each attempt, and compare it when the browser comes back",
        source: "https://www.rfc-editor.org/rfc/rfc6749#section-10.12",
        look: state_missing,
    },
    Rule {
        id: "state-short",
        severity: Severity::Hint,
        why: "a state that can be guessed keeps no forged answer out",
        mend: "draw 128 bits or more for each attempt: 22 characters of base64url, or 32 of hexadecimal",
        source: "https://www.rfc-editor.org/rfc/rfc6749#section-10.10",
        look: state_short,
    },
];

/// Fewer characters hold no 96 bits, whatever the alphabet.
const SHORT: usize = 16;

/// Authorizations that an app has asked for. A HEAD reads no parameters.
fn attempts(history: &History) -> impl Iterator<Item = &Seen> {
    let all = history.calls(Call::Authorize).map(|(_, one)| one);
    all.filter(|one| one.method != "HEAD" && one.param("client_id").is_some())
}

fn missing(history: &History) -> Option<Sight> {
    let without = attempts(history).filter(|one| one.param("code_challenge").is_none());
    let unproved = history.calls(Call::Code).map(|(_, one)| one);
    let unproved = unproved.filter(|one| {
        !one.is_faulty
            && one.param("code").is_some()
            && one.says("Missing parameter: `code_verifier`")
    });
    let requests = without.chain(unproved).map(|one| one.id).collect();
    Sight::of(requests, |many| {
        format!(
            "asked without code_challenge, or exchanged without code_verifier, {}",
            times(many)
        )
    })
}

fn plain(history: &History) -> Option<Sight> {
    let method = |one: &Seen| one.param("code_challenge_method") != Some("S256");
    let declared =
        attempts(history).filter(|one| one.param("code_challenge").is_some() && method(one));
    let in_disguise = history.calls(Call::Code).map(|(_, one)| one).filter(|one| {
        let challenge = history
            .authorization(one)
            .and_then(|attempt| attempt.param("code_challenge"));
        challenge.is_some() && challenge == one.param("code_verifier")
    });
    let requests = declared.chain(in_disguise).map(|one| one.id).collect();
    Sight::of(requests, |many| {
        format!("sent a challenge that is not of S256 {}", times(many))
    })
}

fn unredeemable(history: &History) -> Option<Sight> {
    let wrong = attempts(history).filter(|one| {
        let challenge = one.param("code_challenge");
        one.param("code_challenge_method") == Some("S256")
            && challenge.is_some_and(|text| Challenge::parse(text).is_none())
    });
    let (mut lengths, mut requests) = (BTreeSet::new(), Vec::new());
    for one in wrong {
        let text = one.param("code_challenge").unwrap_or_default();
        lengths.insert(text.len());
        requests.push(one.id);
    }
    let lengths: Vec<String> = lengths.iter().map(usize::to_string).collect();
    Sight::of(requests, |many| {
        format!(
            "sent {} a challenge that is not of 43 characters of base64url; it had {}",
            times(many),
            lengths.join(", ")
        )
    })
}

fn no_verifier(history: &History) -> Option<Sight> {
    let (mut lengths, mut requests) = (BTreeSet::new(), Vec::new());
    for (_, one) in history.calls(Call::Code) {
        if let Some(verifier) = one.param("code_verifier")
            && Verifier::parse(verifier).is_none()
        {
            lengths.insert(verifier.chars().count());
            requests.push(one.id);
        }
    }
    let lengths: Vec<String> = lengths.iter().map(usize::to_string).collect();
    Sight::of(requests, |many| {
        format!(
            "sent {} a verifier that is not of 43 to 128 characters of RFC 7636; it had {}",
            times(many),
            lengths.join(", ")
        )
    })
}

/// Exchanges of codes whose authorization was seen: what a test issues by a control call comes with a verifier of ours.
fn exchanges(history: &History) -> impl Iterator<Item = (&Seen, &Seen)> {
    let all = history.calls(Call::Code).map(|(_, one)| one);
    all.filter_map(|one| Some((one, history.authorization(one)?)))
}

fn verifier_reused(history: &History) -> Option<Sight> {
    let mut codes: BTreeMap<&str, BTreeMap<&str, u64>> = BTreeMap::new();
    for (one, _) in exchanges(history) {
        if let (Some(verifier), Some(code)) = (one.param("code_verifier"), one.param("code"))
            && Verifier::parse(verifier).is_some()
        {
            codes.entry(verifier).or_default().insert(code, one.id);
        }
    }
    let again: Vec<_> = codes.into_values().filter(|all| all.len() > 1).collect();
    let later: usize = again.iter().map(|codes| codes.len() - 1).sum();
    let requests = again.into_iter().flat_map(BTreeMap::into_values);
    Sight::of(requests.collect(), |_| {
        format!(
            "exchanged a code with a verifier that had served for another {}",
            times(later)
        )
    })
}

/// An attempt is known by its challenge: a browser that goes back or reloads sends the same one again, and so do the steps
/// of one sign-in. Who exchanges two codes of one attempt has kept its state all the same.
fn state_reused(history: &History) -> Option<Sight> {
    let mut challenges: BTreeMap<&str, BTreeMap<&str, u64>> = BTreeMap::new();
    for one in attempts(history) {
        if let (Some(state), Some(challenge)) = (one.param("state"), one.param("code_challenge")) {
            challenges
                .entry(state)
                .or_default()
                .entry(challenge)
                .or_insert(one.id);
        }
    }
    let mut codes: BTreeMap<&str, BTreeMap<&str, u64>> = BTreeMap::new();
    for (one, attempt) in exchanges(history) {
        if let (Some(state), Some(code)) = (attempt.param("state"), one.param("code")) {
            codes.entry(state).or_default().insert(code, attempt.id);
        }
    }
    let again = challenges.into_iter().chain(codes);
    let again: Vec<_> = again.filter(|(_, attempts)| attempts.len() > 1).collect();
    // Of a state that both tell of, the one that tells of more.
    let mut later: BTreeMap<&str, usize> = BTreeMap::new();
    for (state, attempts) in &again {
        let known = later.entry(state).or_default();
        *known = (*known).max(attempts.len() - 1);
    }
    let requests = again
        .into_iter()
        .flat_map(|(_, attempts)| attempts.into_values());
    Sight::of(requests.collect(), |_| {
        format!(
            "asked with a state that had served for another attempt {}",
            times(later.into_values().sum())
        )
    })
}

fn state_missing(history: &History) -> Option<Sight> {
    let without = attempts(history).filter(|one| one.param("state").is_none());
    Sight::of(without.map(|one| one.id).collect(), |many| {
        format!("asked without a state {}", times(many))
    })
}

fn state_short(history: &History) -> Option<Sight> {
    let short = attempts(history).filter_map(|one| {
        let length = one.param("state")?.chars().count();
        (length < SHORT).then_some((one.id, length))
    });
    let (requests, lengths): (Vec<u64>, Vec<usize>) = short.unzip();
    let shortest = lengths.into_iter().min().unwrap_or_default();
    Sight::of(requests, |_| {
        format!("sent a state of {shortest} characters, where {SHORT} are few")
    })
}
