//! Does the app ask for what it needs, and look at what it got?

use super::history::History;
use super::rule::{Rule, Sight, times};
use super::severity::Severity;
use crate::advice::call::{Call, Seen};
use crate::protocol::call::Endpoint;
use crate::protocol::scope::{Scope, leading_integer};

pub(crate) const RULES: &[Rule] = &[
    Rule {
        id: "scope-trimmed",
        severity: Severity::Error,
        why: "the answer of /token says what was granted; where it is less than was asked for, the calls that need the rest \
              are refused",
        mend: "compare scope in the token's answer with what was asked for, and leave out what it does not allow; or widen \
               the app's allowed scopes",
        source: "https://www.rfc-editor.org/rfc/rfc6749#section-3.3",
        look: trimmed,
    },
    Rule {
        id: "scope-unused",
        severity: Severity::Hint,
        why: "people are asked for more than the app needs, and a stolen token can do more; what this server does not serve \
              cannot be seen here",
        mend: "ask for the bits that the app's calls need, and for more when they are needed",
        source: "https://www.rfc-editor.org/rfc/rfc9700#section-2.3",
        look: unused,
    },
];

/// The scopes whose use this server can see.
const VISIBLE: [(Scope, &str); 3] = [
    (Scope::AI_SERVICES_READ, "AIServicesRead"),
    (Scope::AI_SERVICES_WRITE, "AIServicesWrite"),
    (Scope::BUZZ_READ, "BuzzRead"),
];

/// The bits of which a call needs one.
fn needs(one: &Seen) -> u32 {
    match one.endpoint {
        Endpoint::Workflows if one.method == "POST" => Scope::AI_SERVICES_WRITE.bits(),
        Endpoint::Workflows => Scope::AI_SERVICES_WRITE.bits() | Scope::AI_SERVICES_READ.bits(),
        Endpoint::BuzzGetBuzzAccount | Endpoint::BuzzGetUserAccount => Scope::BUZZ_READ.bits(),
        _ => 0,
    }
}

/// What an authorization asked for; where it cannot be read, nothing.
fn asked(authorization: &Seen) -> u32 {
    let number = authorization.param("scope").and_then(leading_integer);
    number
        .and_then(|number| u32::try_from(number).ok())
        .unwrap_or_default()
}

/// Calls with a token whose authorization was seen: the call, the authorization, and what was granted.
fn calls(history: &History) -> impl Iterator<Item = (&Seen, &Seen, u32)> {
    let all = history.seen.iter();
    let all = all.filter(|one| matches!(one.call, Call::Userinfo | Call::Api));
    all.filter_map(|one| {
        let birth = history.birth(one.bearer()?)?;
        let granted = history.seen.get(birth.by)?.granted()?;
        Some((one, history.root(birth.by)?, granted))
    })
}

fn trimmed(history: &History) -> Option<Sight> {
    let assumed = calls(history).filter(|(one, root, granted)| {
        let lacking = needs(one) & asked(root) & !granted;
        one.is_forbidden() && !one.is_faulty && lacking != 0 && needs(one) & granted == 0
    });
    let requests = assumed.map(|(one, _, _)| one.id).collect();
    Sight::of(requests, |many| {
        format!(
            "was granted less than it asked for, and called {} what needs the rest",
            times(many)
        )
    })
}

/// Of sign-ins alone, too: an app that only wants to know who somebody is asks for that alone.
fn unused(history: &History) -> Option<Sight> {
    let (mut wanted, mut requests) = (0, Vec::new());
    for (_, exchange) in history
        .calls(Call::Code)
        .filter(|(_, one)| one.is_success())
    {
        if let Some(authorization) = history.authorization(exchange) {
            wanted |= asked(authorization);
            requests.push(authorization.id);
        }
    }
    let used = calls(history).fold(0, |used, (one, _, _)| used | needs(one));
    let unused = wanted & !used;
    let names = VISIBLE
        .iter()
        .filter(|(scope, _)| scope.bits() & unused != 0);
    let names: Vec<&str> = names.map(|(_, name)| *name).collect();
    if names.is_empty() {
        return None;
    }
    Sight::of(requests, |_| {
        format!(
            "asked for {wanted}, and no call that was seen needed {}",
            names.join(", ")
        )
    })
}
