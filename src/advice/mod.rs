//! The linter: rules that find mistakes of apps in the journal, and explanations of refusals. Pure functions over journal
//! entries; no request waits for them.

mod access_tokens;
mod call;
mod cause;
mod cause_rules;
mod codes;
mod contracts;
mod explanation;
mod history;
mod parameters;
mod pkce;
mod polling;
mod rate_limits;
mod redirects;
mod refresh;
mod refusal;
mod refusal_hints;
mod report;
mod rule;
mod rules;
pub(crate) mod sarif;
mod scopes;
mod secrets;
mod severity;
mod state;
#[cfg(test)]
mod testing;

use std::borrow::Cow;
use std::collections::HashMap;

use crate::redact::{redact_message, redact_text};
use history::History;

pub(crate) use call::ObservedCall;
pub use explanation::Explanation;
pub use report::{Advice, Finding};
pub(crate) use rule::MAX_REQUESTS;
pub(crate) use rules::rules;
pub use severity::Severity;

/// Runs all rules on these calls, of all clients or of one. No rule looks across the restore of a snapshot: `restores` has
/// the id of the last call before each.
pub(crate) fn advise(all: Vec<ObservedCall>, restores: &[u64], client: Option<&str>) -> Advice {
    let mut found: HashMap<(&str, Option<String>), Finding> = HashMap::new();
    let mut requests = 0;
    let owners = history::token_owners(&all);
    let stretches = history::split_at_restores(all, restores).into_iter();
    let histories = stretches.flat_map(|calls| history::by_client(calls, &owners));
    let is_requested =
        |history: &History| client.is_none_or(|client| history.client.as_deref() == Some(client));
    for history in histories.filter(is_requested) {
        requests += history.calls.len() as u64;
        for rule in rules() {
            let Some(violation) = (rule.check)(&history) else {
                continue;
            };
            let summary = match history.client {
                Some(_) => violation.summary,
                None => format!(
                    "{}; the requests do not identify their client",
                    violation.summary
                ),
            };
            let client_id = history.client.as_deref().map(redact_text);
            let client_id = client_id.map(Cow::into_owned);
            let finding = Finding {
                rule_id: rule.id.to_owned(),
                severity: rule.severity,
                client_id: client_id.clone(),
                summary: redact_message(&summary).into_owned(),
                reason: rule.rationale.to_owned(),
                fix: rule.fix.to_owned(),
                source: rule.source.to_owned(),
                requests: violation.requests,
            };
            // The newest stretch replaces earlier ones.
            found.insert((rule.id, client_id), finding);
        }
    }
    let mut findings: Vec<Finding> = found.into_values().collect();
    findings.sort_by_cached_key(|finding| {
        (
            finding.severity,
            finding.rule_id.clone(),
            finding.client_id.clone(),
        )
    });
    Advice {
        findings,
        requests,
        evicted: 0,
    }
}
