//! The explanation of a refusal whose cause the handler has recorded.

use serde_json::{Map, Value};

use super::cause_rules::{CauseRule, cause_rule};
use super::explanation::Explanation;
use crate::model::client::AccessMode;
use crate::model::refusal_cause::{DeniedBy, RefusalCause, RequestRef};
use crate::protocol::time::Timestamp;
use crate::redact::redact_text;

/// The explanation of a cause, for a request that arrived at `at`.
pub(super) fn explain(cause: &RefusalCause, at: Timestamp) -> Explanation {
    let (code, facts) = code_and_facts(cause);
    let CauseRule { rule, fix, source } = cause_rule(cause);
    Explanation {
        code: code.into(),
        message: message(cause, at),
        rule: Some(rule.into()),
        facts,
        fix: fix.into(),
        source,
    }
}

/// The code and the facts, as serde writes them. Texts that the client sent are redacted.
fn code_and_facts(cause: &RefusalCause) -> (String, Map<String, Value>) {
    let Ok(Value::Object(mut object)) = serde_json::to_value(cause) else {
        return (String::new(), Map::new());
    };
    let code = object.get("code").and_then(Value::as_str);
    let code = code.unwrap_or_default().to_owned();
    let mut facts = match object.remove("facts") {
        Some(Value::Object(facts)) => facts,
        _ => Map::new(),
    };
    facts.values_mut().for_each(redact_texts);
    (code, facts)
}

fn redact_texts(value: &mut Value) {
    match value {
        Value::String(text) => *text = redact_text(text).into_owned(),
        Value::Array(values) => values.iter_mut().for_each(redact_texts),
        Value::Object(values) => values.values_mut().for_each(redact_texts),
        _ => {}
    }
}

/// What happened, with the facts: one sentence without a full stop.
#[expect(clippy::too_many_lines, reason = "one arm for each cause")]
fn message(cause: &RefusalCause, at: Timestamp) -> String {
    let ago = |request: &RequestRef| ago(request.at, at);
    let issued_in = |issued: &Option<RequestRef>| match issued {
        Some(issued) => format!(" (issued in request {})", issued.request),
        None => String::new(),
    };
    match cause {
        RefusalCause::UnknownClient { client_id, closest } => match closest {
            Some(closest) => {
                format!(
                    "no app has the client_id {}; the closest one is {closest:?}",
                    quoted(client_id)
                )
            }
            None => format!("no app has the client_id {}", quoted(client_id)),
        },
        RefusalCause::WrongSecret { client } => format!("wrong client_secret for {client}"),
        RefusalCause::MissingSecret { client } => {
            format!("{client} is confidential, and the request has no client_secret")
        }
        RefusalCause::SecretOfPublicClient { client } => {
            format!("{client} is public, and the request has a client_secret")
        }
        RefusalCause::IntrospectionNotAllowed { client } => {
            format!("{client} is not permitted to introspect tokens")
        }
        RefusalCause::GrantNotAllowed {
            client,
            grant,
            allowed,
        } => format!(
            "{client} may not use the grant {grant}; allowed: {}",
            list(allowed)
        ),
        RefusalCause::RedirectNotRegistered {
            client,
            redirect_uri,
            registered,
            closest,
            differs_in,
            ..
        } => redirect_message(
            client,
            redirect_uri.as_deref(),
            registered,
            closest.as_deref().zip(differs_in.as_deref()),
        ),
        RefusalCause::RedirectChanged {
            redirect_uri,
            authorized,
            differs_in,
        } => {
            let part = differs_in.as_ref();
            let part = part.map_or_else(String::new, |part| format!("; {part} differs"));
            format!(
                "redirect_uri {} is not that of the authorize request, {}{part}",
                quoted(redirect_uri),
                quoted(authorized)
            )
        }
        RefusalCause::VerifierMismatch { mistake } => match mistake {
            Some(mistake) => {
                format!("the code_verifier does not fit the code_challenge: {mistake}")
            }
            None => "the code_verifier does not fit the code_challenge of the authorize request"
                .to_owned(),
        },
        RefusalCause::CredentialUsed {
            credential, used, ..
        } => format!(
            "{} already used in request {}, {}",
            credential.noun(),
            used.request,
            ago(used)
        ),
        RefusalCause::CredentialExpired {
            credential,
            issued,
            expired_at,
        } => format!(
            "{} expired {}{}",
            credential.noun(),
            self::ago(*expired_at, at),
            issued_in(issued)
        ),
        RefusalCause::CredentialRevoked {
            credential,
            issued,
            revoked,
        } => format!(
            "{} revoked in request {}, {}{}",
            credential.noun(),
            revoked.request,
            ago(revoked),
            issued_in(issued)
        ),
        RefusalCause::CredentialGone { credential, issued } => format!(
            "{} no longer valid{}: another request used it at the same time, or it was revoked",
            credential.noun(),
            issued_in(issued)
        ),
        RefusalCause::CredentialOfOtherClient {
            credential,
            issued,
            issued_to,
        } => format!(
            "{} belongs to another app, {issued_to}{}",
            credential.noun(),
            issued_in(issued)
        ),
        RefusalCause::CredentialOfOtherSandbox {
            credential,
            sandbox,
        } => format!("{} belongs to the sandbox {sandbox:?}", credential.noun()),
        RefusalCause::CredentialOfOtherKind { credential, sent } => {
            format!("{} expected, and {} sent", credential.noun(), sent.noun())
        }
        RefusalCause::CredentialUnknown { credential } => format!(
            "{} unknown: no request in the journal has issued it",
            credential.noun()
        ),
        RefusalCause::UserUnavailable { credential } => {
            format!("the user of the {} is deleted or banned", credential.noun())
        }
        RefusalCause::ClientCredentialsToken => {
            "the access token is one of the client credentials grant for the app store's catalog"
                .into()
        }
        RefusalCause::InsufficientScope { required, granted } => format!(
            "the access token lacks {}; it has {}",
            list(required),
            list(granted)
        ),
        RefusalCause::ScopeNotAllowed {
            client, refused, ..
        } => format!("{client} may not request {}", list(refused)),
        RefusalCause::ScopeWidened { added, .. } => format!(
            "a refresh cannot add scopes, and the request adds {}",
            list(added)
        ),
        RefusalCause::RateLimited {
            counted,
            requests_per_minute,
        } => format!("more than {requests_per_minute} {counted} within a minute"),
        RefusalCause::AppClosed {
            client,
            access_mode,
            user,
        } => match access_mode {
            AccessMode::Testers => {
                format!("{client} is open to testers only, and {user} has no role \"tester\"")
            }
            AccessMode::Open | AccessMode::Disabled => format!("{client} is disabled"),
        },
        RefusalCause::ConsentDenied { user, client, by } => match by {
            DeniedBy::User => format!("{user} denied the consent to {client}"),
            DeniedBy::Fault => format!("a fault denied the consent of {user} to {client}"),
            DeniedBy::Setting => {
                format!("the setting consent=deny denied the consent of {user} to {client}")
            }
        },
        RefusalCause::OriginNotAllowed {
            client,
            origin,
            allowed,
        } => format!(
            "{} is no allowed origin of {client}; allowed: {}",
            quoted(origin),
            list(allowed)
        ),
        RefusalCause::InsufficientBuzz {
            cost,
            available,
            currencies,
        } => format!(
            "the cost of {cost} exceeds the balance of {available} ({})",
            currencies.join(", ")
        ),
        RefusalCause::SpendLimitExceeded {
            cost,
            limit,
            spent,
            remaining,
        } => format!(
            "the cost of {cost} exceeds the {remaining} that remain of the app's limit: {spent} of {limit} are spent"
        ),
    }
}

fn redirect_message(
    client: &str,
    redirect_uri: Option<&str>,
    registered: &[String],
    closest: Option<(&str, &str)>,
) -> String {
    let registered: Vec<String> = registered.iter().map(|uri| quoted(uri)).collect();
    let Some(redirect_uri) = redirect_uri else {
        return format!(
            "the request has no redirect_uri; {client} has registered {}",
            list(&registered)
        );
    };
    let start = format!(
        "redirect_uri {} is not registered for {client}",
        quoted(redirect_uri)
    );
    match closest {
        Some((closest, part)) => {
            format!(
                "{start}; the closest one, {}, differs in {part}",
                quoted(closest)
            )
        }
        None if registered.is_empty() => format!("{start}, which has no registered redirect URI"),
        None => format!("{start}; registered: {}", list(&registered)),
    }
}

/// Text of the client in quotation marks, without secrets.
fn quoted(text: &str) -> String {
    format!("{:?}", redact_text(text))
}

/// `a, b and c`; `none` for an empty list.
fn list<T: AsRef<str>>(values: &[T]) -> String {
    let texts: Vec<&str> = values.iter().map(AsRef::as_ref).collect();
    match texts.as_slice() {
        [] => "none".to_owned(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// `4 s ago`, `2 h 5 min ago`: the largest unit and the next one.
fn ago(then: Timestamp, now: Timestamp) -> String {
    const UNITS: [(i64, &str); 4] = [(86_400, "d"), (3600, "h"), (60, "min"), (1, "s")];
    let seconds = now.0.saturating_sub(then.0) / 1000;
    if seconds < 0 {
        return "by the sandbox's clock later, since the clock was moved back".to_owned();
    }
    let Some(at) = UNITS.iter().position(|(unit, _)| seconds >= *unit) else {
        return "less than 1 s ago".to_owned();
    };
    let (unit, name) = UNITS[at];
    let rest = UNITS
        .get(at + 1)
        .map(|(next, name)| (seconds % unit / next, *name));
    match rest {
        Some((count, next)) if count > 0 => {
            format!("{} {name} {count} {next} ago", seconds / unit)
        }
        _ => format!("{} {name} ago", seconds / unit),
    }
}
