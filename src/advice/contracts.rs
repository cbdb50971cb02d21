//! Rules about requests that pass under this contract and would fail under another. Each decision on a difference records
//! whether the other contract would have answered differently.

use std::collections::BTreeSet;

use super::history::History;
use super::rule::{Rule, Violation, times};
use super::severity::Severity;
use crate::advice::call::{CallKind, ObservedCall};
use crate::contract::{Contract, Difference};
use crate::redact;

const DIFFERENCES: &str = "https://developer.civitai.com/site/oauth";

/// A rule for a difference: the request was accepted, and would not have been under the other contract.
macro_rules! relies {
    ($id:literal $severity:ident $difference:ident, $rationale:literal, $fix:literal) => {
        Rule {
            id: $id,
            severity: Severity::$severity,
            rationale: $rationale,
            fix: $fix,
            source: DIFFERENCES,
            check: |history| relies(history, Difference::$difference),
        }
    };
}

pub(crate) const RULES: &[Rule] = &[
    relies!("contract-scope-syntax" Warning ScopeSyntax,
        "as documented a scope is a decimal number up to 33554431; the deployed server reads the digits that it begins with",
        "send the bitmask as decimal digits and nothing else"),
    relies!("contract-scope-ceiling" Warning ScopeCeiling,
        "a scope beyond the app's own is trimmed as documented, and refused by the deployed server",
        "ask for no more than the app's allowed scopes"),
    relies!("contract-response-type" Warning ResponseType,
        "the documentation asks for response_type=code; the deployed server never looks at it",
        "send response_type=code"),
    relies!("contract-authorize-preflight" Warning AuthorizePreflight,
        "the deployed server refuses the preflight of /authorize, so that a page that fetches it gets nothing",
        "send the browser there: a navigation, not a fetch"),
    relies!("contract-code-lifetime" Warning CodeLifetime,
        "a code lives ten minutes as documented, and five on the deployed server: this one would have run out",
        "exchange the code as soon as the browser brings it"),
    relies!("contract-client-credentials-scope" Warning ClientCredentialsScope,
        "without a scope the documentation grants all that the app may have, the deployed server UserRead alone; one that \
         cannot be read is refused, or means UserRead",
        "say which scope is wanted"),
    relies!("contract-client-credentials-ceiling" Warning ClientCredentialsCeiling,
        "the deployed server gives client_credentials UserRead and AppStoreCatalogWrite, and refuses every other scope",
        "ask for a code or by the device flow for what belongs to a person, and for UserRead by client_credentials"),
    relies!("contract-refresh-scope" Warning RefreshScope,
        "as documented a scope at refresh narrows the grant, and a wider one is refused; the deployed server ignores it",
        "send no scope when you refresh, and ask for a narrow one at authorize"),
    relies!("contract-legacy-host" Warning LegacyHost,
        "the deployed server still answers on the old host; as documented it redirects every path",
        "call auth.civitai.com itself, as the discovery document says"),
    Rule {
        id: "contract-client-credentials-refresh",
        severity: Severity::Warning,
        rationale: "only the deployed server of 2026-08 gave client_credentials a refresh token: today's gives none, as documented",
        fix: "ask for a new token by client_credentials when the old one runs out",
        source: "https://www.rfc-editor.org/rfc/rfc6749#section-4.4.3",
        check: contract_client_credentials_refresh,
    },
    relies!("contract-revoke-by-client" Hint RevokeByClient,
        "as documented an app revokes the tokens issued to it; the deployed server lets an app's secret revoke only tokens of \
         the app's owner, and answers 200 all the same",
        "forget the tokens whatever /revoke did, and show people the way to their account's connected apps"),
    Rule {
        id: "contract-one-side",
        severity: Severity::Hint,
        rationale: "answers have another form under another contract, which this app has not met yet",
        fix: "run the tests once more with the other of documented and live: --contract, or PATCH /_mock/settings {\"contract\":…}",
        source: DIFFERENCES,
        check: contract_one_side,
    },
];

/// The differences in the form of a response: no request is at fault.
const FORMS: [Difference; 7] = [
    Difference::ScopeShape,
    Difference::RedirectStatus,
    Difference::BuzzLimit,
    Difference::MissingParameter,
    Difference::UserinfoClaims,
    Difference::InsufficientFunds,
    Difference::InsufficientScope,
];

fn side(contract: Contract) -> &'static str {
    match contract {
        Contract::Documented => "as documented",
        Contract::Live => "as on the deployed server",
        Contract::Live2026_08 => "as on the deployed server of 2026-08",
    }
}

/// The parameter that a difference is about.
fn parameter(difference: Difference) -> Option<&'static str> {
    match difference {
        Difference::ScopeSyntax
        | Difference::ScopeCeiling
        | Difference::ClientCredentialsScope
        | Difference::ClientCredentialsCeiling
        | Difference::RefreshScope => Some("scope"),
        Difference::ResponseType => Some("response_type"),
        _ => None,
    }
}

/// The most parameter values that a summary lists.
const MAX_VALUES: usize = 3;

fn relies(history: &History, difference: Difference) -> Option<Violation> {
    let (mut requests, mut met, mut values) = (Vec::new(), None, BTreeSet::new());
    let preflight = difference == Difference::AuthorizePreflight;
    for call in &history.calls {
        let Some(decision) = call
            .decision(difference)
            .filter(|decision| decision.other_side_differs)
        else {
            continue;
        };
        if preflight && call.is_success() || call.kind != CallKind::Other && call.is_accepted() {
            // The exchange of a code may decide again on what its authorization asked for.
            let asked = history.authorization(call).unwrap_or(call);
            let blamed = if parameter(difference).is_some() {
                asked
            } else {
                call
            };
            requests.push(blamed.id);
            met = Some(decision.side);
            values.extend(parameter(difference).map(|name| match blamed.param(name) {
                Some(value) => format!("{name}={}", redact::shown(name, value)),
                None => format!("no {name}"),
            }));
        }
    }
    Violation::new(requests, |count| {
        let here = met.map(side).unwrap_or_default();
        let told: Vec<&str> = values.iter().take(MAX_VALUES).map(String::as_str).collect();
        let for_what = if told.is_empty() {
            String::new()
        } else {
            format!(" for {}", told.join(", "))
        };
        format!(
            "was answered {here} {}{for_what}, where another contract would have answered otherwise",
            times(count)
        )
    })
}

fn contract_client_credentials_refresh(history: &History) -> Option<Violation> {
    let is_its_own = |call: &&ObservedCall| {
        let origin = call
            .param("refresh_token")
            .and_then(|token| history.origin(token));
        let origin = origin.and_then(|origin| history.calls.get(origin.by));
        origin.is_some_and(|origin| origin.kind == CallKind::ClientCredentials)
    };
    let refreshes = history.calls_of(CallKind::Refresh).map(|(_, call)| call);
    let requests = refreshes.filter(is_its_own).map(|call| call.id);
    Violation::new(requests.collect(), |count| {
        format!(
            "refreshed {} with a token that client_credentials had brought",
            times(count)
        )
    })
}

fn contract_one_side(history: &History) -> Option<Violation> {
    let (mut requests, mut names) = (Vec::new(), Vec::new());
    for difference in FORMS {
        let met = history.calls.iter().filter_map(|call| {
            let decision = call.decision(difference)?;
            (decision.other_side_differs && !call.is_faulty).then_some((call.id, decision.side))
        });
        let met: Vec<(u64, Contract)> = met.collect();
        let documented = met
            .iter()
            .filter(|(_, side)| *side == Contract::Documented)
            .count();
        if !met.is_empty() && (documented == 0 || documented == met.len()) {
            names.push(difference.name());
            requests.extend(met.into_iter().map(|(id, _)| id));
        }
    }
    Violation::new(requests, |_| {
        format!("met one side only of {}", names.join(", "))
    })
}
