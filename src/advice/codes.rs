//! Rules about the exchange of authorization codes.

use std::collections::BTreeMap;

use super::history::History;
use super::rule::{Rule, Violation, times};
use super::severity::Severity;
use crate::advice::call::{CallKind, ObservedCall};

pub(crate) const RULES: &[Rule] = &[Rule {
    id: "code-reused",
    severity: Severity::Error,
    rationale: "a code works once: the second exchange is refused, and where it comes first, the app that shows its answer tells a \
          signed-in person that the sign-in failed",
    fix: "take state and verifier out of the store before the exchange, so that the callback page reloaded, or run twice, \
           finds nothing to exchange",
    source: "https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2",
    check: code_reused,
}];

/// Whether this exchange used up the code, and the app got a response.
fn uses_up(call: &ObservedCall) -> bool {
    let is_burnt = call.error() == Some("invalid_grant") || call.says("code_verifier");
    !call.is_faulty && (call.is_success() || is_burnt || call.says("`redirect_uri`"))
}

fn code_reused(history: &History) -> Option<Violation> {
    let mut first: BTreeMap<&str, Option<&ObservedCall>> = BTreeMap::new();
    let mut requests = Vec::new();
    for (_, call) in history.calls_of(CallKind::Code) {
        let Some(code) = call.param("code") else {
            continue;
        };
        let before = first.entry(code).or_default();
        match before {
            // The app may repeat a request whose response a fault delays.
            Some(_) if call.is_lost => {}
            Some(before) => requests.extend([before.id, call.id]),
            None if uses_up(call) => *before = Some(call),
            // The app may repeat a request without a final response.
            None => {}
        }
    }
    let again = requests.len() / 2;
    Violation::new(requests, |_| {
        format!(
            "exchanged a code that it had exchanged before {}",
            times(again)
        )
    })
}
