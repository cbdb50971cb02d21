//! Rules about scopes: requested, granted and used.

use super::history::History;
use super::rule::{Rule, Violation, times};
use super::severity::Severity;
use crate::advice::call::{CallKind, ObservedCall};
use crate::protocol::endpoint::Endpoint;
use crate::protocol::scope::{Scope, leading_integer};

pub(crate) const RULES: &[Rule] = &[
    Rule {
        id: "scope-trimmed",
        severity: Severity::Error,
        rationale: "the answer of /token says what was granted; where it is less than was asked for, the calls that need the rest \
              are refused",
        fix: "compare scope in the token's answer with what was asked for, and leave out what it does not allow; or widen \
               the app's allowed scopes",
        source: "https://www.rfc-editor.org/rfc/rfc6749#section-3.3",
        check: scope_trimmed,
    },
    Rule {
        id: "scope-unused",
        severity: Severity::Hint,
        rationale: "people are asked for more than the app needs, and a stolen token can do more; what this server does not serve \
              cannot be seen here",
        fix: "ask for the bits that the app's calls need, and for more when they are needed",
        source: "https://www.rfc-editor.org/rfc/rfc9700#section-2.3",
        check: scope_unused,
    },
];

/// The scopes whose use this server observes.
const VISIBLE: [(Scope, &str); 3] = [
    (Scope::AI_SERVICES_READ, "AIServicesRead"),
    (Scope::AI_SERVICES_WRITE, "AIServicesWrite"),
    (Scope::BUZZ_READ, "BuzzRead"),
];

/// The scope bits of a call; it needs one of them.
fn needs(call: &ObservedCall) -> u32 {
    match call.endpoint {
        Endpoint::Workflows if call.method == "POST" => Scope::AI_SERVICES_WRITE.bits(),
        Endpoint::Workflows => Scope::AI_SERVICES_WRITE.bits() | Scope::AI_SERVICES_READ.bits(),
        Endpoint::BuzzGetBuzzAccount | Endpoint::BuzzGetUserAccount => Scope::BUZZ_READ.bits(),
        _ => 0,
    }
}

/// The scope that an authorization requested; 0 if it is malformed.
fn asked(authorization: &ObservedCall) -> u32 {
    let number = authorization.param("scope").and_then(leading_integer);
    number
        .and_then(|number| u32::try_from(number).ok())
        .unwrap_or_default()
}

/// Calls with a token whose authorization is in the journal: the call, the authorization, and the granted scope.
fn calls(history: &History) -> impl Iterator<Item = (&ObservedCall, &ObservedCall, u32)> {
    let all = history.calls.iter();
    let all = all.filter(|call| matches!(call.kind, CallKind::Userinfo | CallKind::Api));
    all.filter_map(|call| {
        let origin = history.origin(call.bearer()?)?;
        let granted = history.calls.get(origin.by)?.granted()?;
        Some((call, history.root(origin.by)?, granted))
    })
}

fn scope_trimmed(history: &History) -> Option<Violation> {
    let assumed = calls(history).filter(|(call, root, granted)| {
        let lacking = needs(call) & asked(root) & !granted;
        call.is_forbidden() && !call.is_faulty && lacking != 0 && needs(call) & granted == 0
    });
    let requests = assumed.map(|(call, _, _)| call.id).collect();
    Violation::new(requests, |count| {
        format!(
            "was granted less than it asked for, and called {} what needs the rest",
            times(count)
        )
    })
}

/// Also checked for apps that only sign users in: those need no further scope.
fn scope_unused(history: &History) -> Option<Violation> {
    let (mut wanted, mut requests) = (0, Vec::new());
    for (_, exchange) in history
        .calls_of(CallKind::Code)
        .filter(|(_, call)| call.is_success())
    {
        if let Some(authorization) = history.authorization(exchange) {
            wanted |= asked(authorization);
            requests.push(authorization.id);
        }
    }
    let used = calls(history).fold(0, |used, (call, _, _)| used | needs(call));
    let unused = wanted & !used;
    let names = VISIBLE
        .iter()
        .filter(|(scope, _)| scope.bits() & unused != 0);
    let names: Vec<&str> = names.map(|(_, name)| *name).collect();
    if names.is_empty() {
        return None;
    }
    Violation::new(requests, |_| {
        format!(
            "asked for {wanted}, and no call that was seen needed {}",
            names.join(", ")
        )
    })
}
