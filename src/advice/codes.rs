//! Rule about the exchange of authorization codes.

use std::collections::BTreeMap;

use super::history::History;
use super::rule::{Violation, advice_rules, times};
use crate::advice::call::{CallKind, ObservedCall};

advice_rules! { RULES {
    /// A code is exchanged twice.
    CODE_REUSED "code-reused" Error code_reused {
        rationale: "an authorization code works once: the second exchange is rejected, and if the app shows its \
            response first, a signed-in user sees a failed sign-in",
        fix: "remove the state and the verifier from the store before the exchange, so that a callback page that \
            is reloaded or runs twice has nothing to exchange",
        source: "https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2",
    }
} }

/// Whether this exchange used up the code, and the app got a response.
fn uses_up(call: &ObservedCall) -> bool {
    let is_rejected = call.error() == Some("invalid_grant")
        || call.is_error_about("code_verifier")
        || call.is_error_about("`redirect_uri`");
    !call.is_faulty && (call.is_success() || is_rejected)
}

fn code_reused(history: &History) -> Option<Violation> {
    let mut first_uses: BTreeMap<&str, &ObservedCall> = BTreeMap::new();
    let mut requests = Vec::new();
    for call in history.calls_of(CallKind::Code) {
        let Some(code) = call.param("code") else {
            continue;
        };
        match first_uses.get(code) {
            // The app may repeat a request whose response a fault delays.
            Some(_) if call.is_lost => {}
            Some(first) => requests.extend([first.id, call.id]),
            // The app may repeat a request without a final response.
            None if !uses_up(call) => {}
            None => {
                first_uses.insert(code, call);
            }
        }
    }
    let count = requests.len() / 2;
    Violation::new(requests, |_| {
        format!("reused an authorization code {}", times(count))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    use crate::advice::testing::{authorize, exchange, reported};

    #[test]
    fn second_exchange_is_reported() {
        let refused = || exchange("c1").answered(400, json!({ "error": "invalid_grant" }));
        let calls = [authorize("c1"), exchange("c1"), refused()];
        assert_eq!(reported(&CODE_REUSED, calls), [2, 3]);
        assert_eq!(reported(&CODE_REUSED, [refused(), refused()]), [1, 2]);
    }

    #[test]
    fn retry_after_a_temporary_failure_is_not_reported() {
        let down = exchange("c1").answered(503, json!({}));
        let limited = exchange("c1").answered(429, json!({ "error": "rate_limited" }));
        let calls = [authorize("c1"), down, limited, exchange("c1")];
        assert!(reported(&CODE_REUSED, calls).is_empty());
    }
}
