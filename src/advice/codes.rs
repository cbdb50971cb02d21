//! What does the app do with an authorization code?

use std::collections::BTreeMap;

use super::history::History;
use super::rule::{Rule, Sight, times};
use super::severity::Severity;
use crate::advice::call::{Call, Seen};

pub(crate) const RULES: &[Rule] = &[Rule {
    id: "code-reused",
    severity: Severity::Error,
    why: "a code works once: the second exchange is refused, and where it comes first, the app that shows its answer tells a \
          signed-in person that the sign-in failed",
    mend: "take state and verifier out of the store before the exchange, so that the callback page reloaded, or run twice, \
           finds nothing to exchange",
    source: "https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2",
    look: reused,
}];

/// Whether the code is gone once this exchange was answered, and the app was told so.
fn uses_up(one: &Seen) -> bool {
    let is_burnt = one.error() == Some("invalid_grant") || one.says("code_verifier");
    !one.is_faulty && (one.is_success() || is_burnt || one.says("`redirect_uri`"))
}

fn reused(history: &History) -> Option<Sight> {
    let mut first: BTreeMap<&str, Option<&Seen>> = BTreeMap::new();
    let mut requests = Vec::new();
    for (_, one) in history.calls(Call::Code) {
        let Some(code) = one.param("code") else {
            continue;
        };
        let before = first.entry(code).or_default();
        match before {
            // Whoever has given up on an answer that a fault holds back may try again meanwhile.
            Some(_) if one.is_lost => {}
            Some(before) => requests.extend([before.id, one.id]),
            None if uses_up(one) => *before = Some(one),
            // Whoever got no answer, or none that settles it, may try again.
            None => {}
        }
    }
    let again = requests.len() / 2;
    Sight::of(requests, |_| {
        format!(
            "exchanged a code that it had exchanged before {}",
            times(again)
        )
    })
}
