//! The linter: rules that find mistakes of apps in the journal, and explanations of refusals. Pure functions over journal
//! entries; no request waits for them.

mod access;
mod call;
mod codes;
mod contracts;
mod explanation;
mod history;
mod parameters;
mod picked;
mod pkce;
mod polling;
mod redirects;
mod refresh;
mod refusal;
mod refusal_hints;
mod report;
mod retries;
mod rule;
mod rules;
pub(crate) mod sarif;
mod scopes;
mod secrets;
mod severity;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use crate::redact::{redact_message, redact_text};
use crate::sandbox::journal::Discontinuities;
use history::History;

pub(crate) use call::ObservedCall;
pub use explanation::Explanation;
pub use report::{Advice, Finding};
pub use severity::Severity;

/// Runs all rules on these calls, of all clients or of one. No rule looks across the restore of a snapshot.
pub(crate) fn advise(
    all: Vec<ObservedCall>,
    breaks: Discontinuities,
    client: Option<&str>,
) -> Advice {
    let mut found: HashMap<(&str, Option<String>), Finding> = HashMap::new();
    let mut exchanges = 0;
    let ended: Arc<[u64]> = breaks.token_endings.into();
    let owners = history::token_owners(&all);
    let stretches = history::split_at_restores(all, &breaks.restores).into_iter();
    let histories = stretches.flat_map(|calls| history::by_client(calls, &owners, &ended));
    let client = client.map(picked::shortened);
    let is_asked_for = |history: &History| {
        let asked = client.as_deref();
        asked.is_none_or(|client| history.client.as_deref() == Some(client))
    };
    for history in histories.filter(is_asked_for) {
        exchanges += history.calls.len() as u64;
        for rule in rules::rules() {
            let Some(violation) = (rule.check)(&history) else {
                continue;
            };
            let summary = match history.client {
                Some(_) => violation.summary,
                None => format!(
                    "{}; no request says which client it is of",
                    violation.summary
                ),
            };
            let summary = redact_message(&summary).into_owned();
            let client_id = history.client.as_deref().map(redact_text);
            let client_id = client_id.map(Cow::into_owned);
            let finding = Finding {
                id: rule.id.to_owned(),
                severity: rule.severity,
                client_id: client_id.clone(),
                summary,
                why: rule.rationale.to_owned(),
                mend: rule.fix.to_owned(),
                source: rule.source.to_owned(),
                requests: violation.requests,
            };
            // The newest stretch replaces earlier ones.
            found.insert((rule.id, client_id), finding);
        }
    }
    let mut findings: Vec<Finding> = found.into_values().collect();
    findings.sort_by_cached_key(|call: &Finding| {
        (call.severity, call.id.clone(), call.client_id.clone())
    });
    Advice {
        findings,
        exchanges,
        dropped: 0,
    }
}
