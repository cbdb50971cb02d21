//! Rules about the state parameter (RFC 6749 §10.12).

use std::collections::BTreeMap;

use super::history::History;
use super::pkce::attempts;
use super::rule::{Violation, advice_rules, times};

advice_rules! { RULES {
    /// An authorization without a state.
    STATE_MISSING "state-missing" Error state_missing {
        rationale: "Civitai rejects an authorization without a state",
        fix: "generate a state for each attempt, and compare it when the browser returns",
        source: "https://www.rfc-editor.org/rfc/rfc6749#section-10.12",
    }
    /// One state for several attempts, each with a challenge of its own. A browser that goes back or reloads sends the same
    /// challenge again, as do the steps of one sign-in.
    STATE_REUSED "state-reused" Warning state_reused {
        rationale: "the app cannot distinguish parallel sign-ins, and a response can be replayed",
        fix: "generate a new state for each attempt, compare it when the browser returns, then delete it",
        source: "https://www.rfc-editor.org/rfc/rfc9700#section-4.7.1",
    }
} }

fn state_missing(history: &History) -> Option<Violation> {
    let without = attempts(history).filter(|call| call.param("state").is_none());
    Violation::repeated(without, "omitted the state")
}

fn state_reused(history: &History) -> Option<Violation> {
    let mut challenges: BTreeMap<&str, BTreeMap<&str, u64>> = BTreeMap::new();
    for call in attempts(history) {
        if let (Some(state), Some(challenge)) = (call.param("state"), call.param("code_challenge"))
        {
            let attempts = challenges.entry(state).or_default();
            attempts.entry(challenge).or_insert(call.id);
        }
    }
    let reused: Vec<_> = challenges
        .into_values()
        .filter(|all| all.len() > 1)
        .collect();
    let count: usize = reused.iter().map(|attempts| attempts.len() - 1).sum();
    let requests = reused.into_iter().flat_map(BTreeMap::into_values);
    Violation::new(requests.collect(), |_| {
        format!("reused the state of another attempt {}", times(count))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::advice::testing::{authorize, reported};

    #[test]
    fn missing_state_is_reported() {
        assert_eq!(
            reported(&STATE_MISSING, [authorize("c1").without("state")]),
            [1]
        );
    }

    #[test]
    fn state_of_two_attempts_is_reported() {
        let calls = ["c1", "c2"].map(|code| authorize(code).with("state", "constant"));
        assert_eq!(reported(&STATE_REUSED, calls), [1, 2]);
    }

    #[test]
    fn reloaded_authorization_is_not_reported() {
        let calls = [authorize("c1"), authorize("c1")];
        assert!(reported(&STATE_REUSED, calls).is_empty());
    }
}
