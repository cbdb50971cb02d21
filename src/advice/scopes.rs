//! Rule about scopes.

use super::history::History;
use super::rule::{Violation, advice_rules};
use crate::advice::call::ObservedCall;
use crate::protocol::endpoint::Endpoint;
use crate::protocol::scope::{Scope, leading_integer};

advice_rules! { RULES {
    /// Less is granted than requested, and a call that needs the rest is rejected.
    SCOPE_TRIMMED "scope-trimmed" Error scope_trimmed {
        rationale: "the response of /token contains the granted scope; if it is less than requested, calls that \
            require the rest are rejected",
        fix: "compare scope in the token response with the requested scope, and avoid calls that it does not \
            allow; or widen the app's allowed scopes",
        source: "https://www.rfc-editor.org/rfc/rfc6749#section-3.3",
    }
} }

/// The scope bits of a call; it needs one of them.
fn needed(call: &ObservedCall) -> u32 {
    match call.endpoint {
        Endpoint::Workflows if call.method == "POST" => Scope::AI_SERVICES_WRITE.bits(),
        Endpoint::Workflows => Scope::AI_SERVICES_WRITE.bits() | Scope::AI_SERVICES_READ.bits(),
        Endpoint::BuzzGetBuzzAccount | Endpoint::BuzzGetUserAccount => Scope::BUZZ_READ.bits(),
        _ => 0,
    }
}

/// The scope that an authorization requested; 0 if it is malformed.
fn requested(authorization: &ObservedCall) -> u32 {
    let number = authorization.param("scope").and_then(leading_integer);
    number
        .and_then(|number| u32::try_from(number).ok())
        .unwrap_or_default()
}

/// Whether the call was rejected for a scope that its authorization requested, and that the token was not granted.
fn lacks_requested_scope(history: &History, call: &ObservedCall) -> Option<bool> {
    let issued_by = history.origin(call.bearer()?)?;
    let (granted, requested) = (
        issued_by.granted_scope?,
        requested(history.root(issued_by)?),
    );
    let needed = needed(call);
    Some(needed & granted == 0 && needed & requested != 0)
}

fn scope_trimmed(history: &History) -> Option<Violation> {
    let rejected = history
        .calls
        .iter()
        .filter(|call| call.is_api_call() && call.status == Some(403) && !call.is_faulty);
    let lacking = rejected.filter(|call| lacks_requested_scope(history, call) == Some(true));
    Violation::repeated(
        lacking,
        "was granted less than requested, and called an endpoint that requires the rest",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    use crate::advice::testing::{authorize, balance, exchange, reported};

    fn rejected_with_scopes(requested: &str, granted: &str) -> Vec<u64> {
        let granted = json!({ "access_token": "a1", "scope": granted });
        reported(
            &SCOPE_TRIMMED,
            [
                authorize("c1").with("scope", requested),
                exchange("c1").answered(200, granted),
                balance("a1").answered(403, json!({ "error": "FORBIDDEN" })),
            ],
        )
    }

    #[test]
    fn call_beyond_a_trimmed_scope_is_reported() {
        assert_eq!(rejected_with_scopes("65537", "1"), [3]);
    }

    #[test]
    fn call_beyond_what_was_requested_is_not_reported() {
        assert!(rejected_with_scopes("1", "1").is_empty());
        assert!(rejected_with_scopes("65537", "65537").is_empty());
    }
}
