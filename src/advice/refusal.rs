//! Explanations of refusals: the rule, the fix and the source. The first of these that applies explains a response:
//!
//! 1. a revocation without effect;
//! 2. a fault that replaced the response;
//! 3. a method that the endpoint does not have (405);
//! 4. for a known error code: a hint from the parameters, an exceeded rate limit, the cause that the handler recorded
//!    ([`RefusalCause`](crate::model::refusal_cause::RefusalCause)), the table of this file;
//! 5. the cause, without an error code;
//! 6. an error of the mock itself, or a problem document of the API.
//!
//! `middleware/request_log.rs` sends the message as `X-Mock-Reason`.

use std::borrow::Cow;

use axum::http::StatusCode;

use crate::invalid::MAKE_ROOM;
use crate::protocol::authorize_request::MAX_STORED_BYTES;

use super::cause;
use super::explanation::Explanation;
use super::refusal_hints::{self, description};
use crate::protocol::error::ErrorCode;
use crate::protocol::ids::ClientId;
use crate::redact::{self, redact_message, redact_text};
use crate::sandbox::journal::{Entry, original_len};

/// The explanation of one kind of refusal.
struct RefusalRule {
    error: ErrorCode,
    /// The code of the reason.
    code: &'static str,
    /// The start of `error_description`; empty for all others with this error.
    description_prefix: &'static str,
    /// The parameter that the refusal is about, if it is no secret.
    parameter: &'static str,
    rule: &'static str,
    fix: &'static str,
    source: &'static str,
}

macro_rules! rules {
    ($($error:ident $prefix:literal $parameter:literal $code:literal { $rule:literal, $fix:literal, $source:literal })*) => {
        &[$(RefusalRule { error: ErrorCode::$error, code: $code, description_prefix: $prefix, parameter: $parameter, rule: $rule, fix: $fix, source: $source },)*]
    };
}

/// The first match applies.
#[rustfmt::skip]
const RULES: &[RefusalRule] = rules! {
    InvalidRequest "redirect_uri does not match" "redirect_uri" "redirect-not-registered" {
        "the redirect URI must exactly match one that the app has registered",
        "register it on the account page, in the seed or with PATCH /_mock/clients/{id}, or send a registered URI",
        "RFC 9700 §2.1; difference redirect-uri-match" }
    InvalidRequest "Missing client_id" "" "missing-client-id" {
        "client_id is required", "send client_id", "RFC 6749 §4.1.1" }
    InvalidRequest "response_type must be code" "response_type" "response-type" {
        "only response_type=code is supported", "send response_type=code", "RFC 6749 §3.1.1; difference response-type" }
    InvalidRequest "state parameter is required" "" "missing-state" {
        "Civitai requires a state; the RFC only recommends it",
        "send a new random state for each attempt, and compare it when the browser returns", "RFC 6749 §10.12" }
    InvalidRequest "PKCE" "code_challenge_method" "missing-pkce" {
        "PKCE with S256 is required",
        "send code_challenge, the base64url-encoded SHA-256 of the verifier, and code_challenge_method=S256", "RFC 7636 §4.3" }
    InvalidRequest "Only S256" "code_challenge_method" "pkce-method" {
        "PKCE with S256 is required",
        "send code_challenge, the base64url-encoded SHA-256 of the verifier, and code_challenge_method=S256", "RFC 7636 §4.3" }
    InvalidRequest "buzz_limit" "buzz_limit" "buzz-limit" {
        "a buzz limit is null or a list of budgets, each with a type and whole numbers of at least 1",
        "send, for example, [{\"type\":\"sliding\",\"limit\":5000,\"window\":\"day\",\"unit\":1}]", "difference buzz-limit" }
    InvalidRequest "Missing parameter: `code_verifier`" "" "missing-verifier" {
        "a code that was issued for a challenge requires the verifier; this attempt has invalidated the code",
        "store the verifier with the state and send it as code_verifier", "RFC 7636 §4.5" }
    InvalidRequest "Missing parameter: `grant_type`" "" "missing-grant-type" {
        "grant_type is required; a body that is not a form, JSON or multipart counts as empty",
        "send grant_type, with the Content-Type of the body", "RFC 6749 §4.1.3" }
    InvalidRequest "Missing token parameter" "" "missing-token" {
        "a revocation requires the token", "send token", "RFC 7009 §2.1" }
    InvalidRequest "Missing user_code" "" "missing-user-code" {
        "the user code that the device shows is required", "send user_code", "RFC 8628 §3.3" }
    InvalidRequest "Missing parameter" "" "missing-parameter" {
        "a required parameter is missing or empty", "send the parameter that the response names", "RFC 6749 §5.2" }
    InvalidRequest "Invalid parameter" "" "invalid-parameter" {
        "a parameter has invalid characters or an invalid length", "correct the parameter that the response names, following its section of the RFC",
        "RFC 6749 appendix A" }
    InvalidRequest "Invalid request: `redirect_uri` is invalid" "redirect_uri" "redirect-changed" {
        "the redirect URI must exactly match that of the authorize request; this attempt has invalidated the code",
        "send the same text in both requests, and start a new authorization", "RFC 6749 §4.1.3" }
    InvalidRequest "Invalid request: `redirect_uri`" "redirect_uri" "missing-redirect-uri" {
        "the complete redirect URI of the authorize request must be sent again; this attempt has invalidated the code", "send redirect_uri, for example http://localhost:3000/callback, and start a new authorization", "RFC 6749 §4.1.3" }
    InvalidRequest "" "" "invalid-request" {
        "the endpoint cannot read the request", "correct the mistake that the response describes", "RFC 6749 §5.2" }
    InvalidClient "Unknown client" "client_id" "unknown-client" {
        "the app is not registered", "use an id from GET /_mock/clients, or register the app", "RFC 6749 §2.2" }
    InvalidClient "Invalid client: cannot retrieve" "" "missing-client-credentials" {
        "client_id is required; an unreadable Basic header counts as missing",
        "send client_id, and client_secret if the app has one, in the body or with HTTP Basic", "RFC 6749 §2.3.1; difference missing-parameter" }
    InvalidClient "" "client_id" "client-not-authenticated" {
        "the client is unknown, or the client_secret of a confidential client is missing or wrong",
        "check client_id and client_secret; get a new secret on the account page or with POST /_mock/clients/{id}/rotate-secret",
        "RFC 6749 §2.3.1" }
    InvalidGrant "Invalid grant: authorization code has expired" "" "credential-expired" {
        "an authorization code is valid for ten minutes as documented, and for five on the deployed server",
        "exchange the code as soon as the browser returns it", "RFC 6749 §4.1.2; difference code-lifetime" }
    InvalidGrant "Invalid grant: authorization code is invalid" "" "authorization-code-invalid" {
        "an authorization code works once, for the app that it was issued to, for ten minutes as documented and five on the deployed server; a wrong verifier or redirect URI invalidates it",
        "start a new authorization", "RFC 6749 §4.1.2" }
    InvalidGrant "Invalid grant: code verifier" "" "verifier-mismatch" {
        "the SHA-256 of the verifier must equal the challenge of the authorize request; the failed attempt has invalidated the code",
        "store each attempt's verifier with its state, and start a new authorization", "RFC 7636 §4.6" }
    InvalidGrant "Invalid grant: refresh token" "" "refresh-token-invalid" {
        "a refresh token works once: the response contains the next one; it may also have expired or been revoked",
        "store the new refresh token first, run one refresh at a time, and have the user sign in again after this error",
        "RFC 9700 §4.14.2" }
    InvalidGrant "Invalid grant: user credentials" "" "client-credentials-public" {
        "the deployed server allows client_credentials only for confidential apps with a secret",
        "register the app as confidential, with a secret", "RFC 6749 §4.4; difference client-credentials-public" }
    InvalidGrant "" "" "invalid-grant" {
        "the code or token is already used, expired, revoked or issued to another app", "start a new authorization", "RFC 6749 §5.2" }
    InvalidScope "" "scope" "invalid-scope" {
        "a scope is a decimal number of known bits, within the app's allowed scopes",
        "send the bitmask as a number; see /_mock/contract for the bits, and the app's allowed_scopes",
        "RFC 6749 §3.3; differences scope-syntax, scope-ceiling, link-connect, client-credentials-ceiling" }
    UnauthorizedClient "" "grant_type" "grant-not-allowed" {
        "the app is not registered for this grant", "add the grant to the app's grants, or use another grant",
        "RFC 6749 §5.2" }
    UnsupportedGrantType "" "grant_type" "unsupported-grant-type" {
        "the server supports authorization_code, refresh_token and client_credentials at /token, and the device grant at /device-token",
        "send one of these grants to its endpoint", "RFC 6749 §5.2" }
    AccessDenied "The user denied" "" "user-denied" {
        "the user denied access", "show the user that access was denied, and offer to start again", "RFC 6749 §4.1.2.1" }
    AccessDenied "" "" "access-denied" {
        "the app is not open to this user, or the user denied access", "check the app's access_mode and the user's roles", "RFC 6749 §4.1.2.1" }
    UserDenied "" "" "user-denied" {
        "the user denied access", "show the user that access was denied, and offer to start again", "RFC 6749 §4.1.2.1" }
    AuthorizationPending "" "" "authorization-pending" {
        "the user has not approved the device yet", "continue to poll, at most once per interval", "RFC 8628 §3.5" }
    ExpiredToken "" "" "device-code-expired" {
        "the device code has expired", "stop polling and start a new flow", "RFC 8628 §3.5" }
    InvalidCode "" "user_code" "user-code-invalid" {
        "no device is waiting for this code: it is mistyped, already used or expired", "check the code on the device, or start a new flow", "RFC 8628 §3.3" }
    InsufficientScope "" "" "insufficient-scope" {
        "the token lacks the scope that this call requires",
        "request the scope at authorize; the token response lists the granted scope", "RFC 6750 §3.1; difference insufficient-scope" }
    InvalidToken "Missing bearer token" "" "missing-bearer-token" {
        "the call requires the header Authorization: Bearer with the access token and a capital B; most clients remove it when a redirect leads to another host",
        "send the header directly to the host that answers", "RFC 6750 §2.1" }
    InvalidToken "" "" "access-token-invalid" {
        "the access token is unknown, revoked or expired (after one hour), or its user was deleted",
        "refresh once and retry; if the refresh is rejected, have the user sign in again", "RFC 6750 §3.1" }
    OriginNotAllowed "" "" "origin-not-allowed" {
        "a public app can be used only from its registered origins",
        "add the page's origin to the app's allowed_origins", "difference rate-limit-key; Civitai's /revoke" }
    RateLimited "" "" "rate-limited" {
        "the limit of requests per minute is exceeded", "wait until the minute has passed; send fewer requests, with a backoff", "RFC 6585 §4" }
    Unauthorized "" "" "not-signed-in" {
        "no user is signed in to this browser", "sign in at /login", "Civitai's device page" }
    ServerError "" "" "server-error" {
        "the mock failed; this is not a mistake of the app", "check the server's log", "RFC 6749 §4.1.2.1" }
    Unwritable "" "" "database-unwritable" {
        "the mock cannot write its database file, so nothing was changed", "free disk space, then send the request again",
        "the mock's --database" }
};

impl Explanation {
    /// The explanation of an exchange that was refused or had no effect; `None` for all others.
    pub(crate) fn new(entry: &Entry) -> Option<Self> {
        if let Some(reason) = entry.revoke_noop {
            return Some(refusal_hints::without_effect(reason));
        }
        let mut faults = entry.faults.iter();
        let Some(fault) = faults.find(|fault| fault.definition.effect.answers()) else {
            return Self::of_handler(entry);
        };
        let id = fault.id;
        let by_fault = Self::general(
            "fault",
            format!("fault {id} replaced the response"),
            "list the faults with GET /_mock/faults, and DELETE those that you no longer need",
            "the fault",
        );
        let meaning = entry.error().and_then(|error| Self::refusal(entry, error));
        Some(match meaning {
            Some(meaning) => Self {
                code: by_fault.code,
                message: format!(
                    "{}; in production, this response means: {}",
                    by_fault.message, meaning.message
                ),
                ..meaning
            },
            None if entry.status < 400 => return None,
            None => by_fault,
        })
    }

    /// The explanation of a response that a handler gave.
    fn of_handler(entry: &Entry) -> Option<Self> {
        if entry.status == StatusCode::METHOD_NOT_ALLOWED {
            return Some(Self::general(
                "method-not-allowed",
                format!(
                    "this path does not support the method {}",
                    redact_text(&entry.method)
                ),
                "use a method from the response's Allow header",
                "RFC 9110 §15.5.6",
            ));
        }
        let error = entry.error();
        let refusal = match error {
            Some(error) => Self::refusal(entry, error),
            None => None,
        };
        refusal
            .or_else(|| Self::of_cause(entry))
            .or_else(|| match error {
                Some(_) => Self::own_error(entry).or_else(|| Self::problem(entry)),
                None => Self::problem(entry),
            })
    }

    fn of_cause(entry: &Entry) -> Option<Self> {
        let cause = entry.cause.as_deref()?;
        Some(cause::explain(cause, entry.at))
    }

    fn refusal(entry: &Entry, error: &str) -> Option<Self> {
        // An error code that no endpoint returns comes from a fault.
        rule_for(error, "")?;
        let specific = refusal_hints::find(entry)
            .or_else(|| Self::exceeded_limit(entry, error))
            .or_else(|| Self::of_cause(entry));
        if specific.is_some() {
            return specific;
        }
        let rule = rule_for(error, description(entry))?;
        let sent = entry
            .params
            .get(rule.parameter)
            .and_then(|sent| sent.as_str());
        let message = match sent {
            // Redacted even where secrets are shown: the value stands in a sentence, beside the parameter itself.
            Some(sent) => {
                let shown = redact::redact_named(rule.parameter, sent);
                format!("{}; {} was {shown:?}", rule.rule, rule.parameter)
            }
            None => rule.rule.to_owned(),
        };
        Some(Self::general(rule.code, message, rule.fix, rule.source))
    }

    /// An error of the mock itself, such as an unknown `X-Mock-User`: its response has the rule and the fix.
    fn own_error(entry: &Entry) -> Option<Self> {
        let text = |key: &str| entry.answer.as_ref()?.get(key)?.as_str();
        let message = text("message")?;
        let message = match text("path")? {
            "" => message.to_owned(),
            path => format!("{path}: {message}"),
        };
        let fix = match text("hint") {
            Some(hint) => redact_message(hint).into_owned().into(),
            None => Cow::Borrowed("correct the value that the response names"),
        };
        Some(Self::general(
            "invalid-use-of-the-mock",
            redact_message(&message),
            fix,
            "an error of the mock itself, not of Civitai",
        ))
    }

    /// A refusal by the workflow API, whose problem documents (RFC 9457) have no error code.
    fn problem(entry: &Entry) -> Option<Self> {
        let answer = entry.answer.as_ref()?;
        let text = |key: &str| answer.get(key)?.as_str();
        let by_error = |error: ErrorCode, description| {
            let rule = rule_for(error.name(), description)?;
            Some(Self::general(rule.code, rule.rule, rule.fix, rule.source))
        };
        let message = text("detail")
            .or_else(|| text("message"))
            .unwrap_or_default();
        match entry.status {
            401 if entry.headers.contains_key("authorization") => {
                by_error(ErrorCode::InvalidToken, "")
            }
            401 => by_error(ErrorCode::InvalidToken, "Missing bearer token"),
            403 if message.contains(" scope") => by_error(ErrorCode::InsufficientScope, ""),
            404 => Some(Self::general(
                "not-found",
                "this user and app have no workflow or picture with this id",
                "use the id of a workflow that the same app submitted for the same user",
                "RFC 9110 §15.5.5",
            )),
            _ => {
                let (path, messages) = answer.get("errors")?.as_object()?.iter().next()?;
                let message = format!("{path}: {}", messages.get(0)?.as_str()?);
                Some(Self::general(
                    "invalid-body",
                    redact_message(&message),
                    "correct that key",
                    "the orchestrator's documentation",
                ))
            }
        }
    }

    /// A limit of the mock that the request exceeded. Civitai's own error messages say less.
    fn exceeded_limit(entry: &Entry, error: &str) -> Option<Self> {
        const SOURCE: &str = "docs/reference/limits.md";
        let description = description(entry);
        if let Some(full) = description.strip_suffix(MAKE_ROOM) {
            let message = full.trim_end_matches("; ");
            return Some(Self::general("full", message, MAKE_ROOM, SOURCE));
        }
        if error == ErrorCode::InvalidClient.name() {
            let id = entry.client_id.as_deref()?;
            let bytes = original_len(id);
            let reason = if bytes > ClientId::MAX_BYTES {
                let most = ClientId::MAX_BYTES;
                format!("{bytes} bytes; a client id has at most {most}")
            } else {
                ClientId::check(id).err()?
            };
            return Some(Self::general(
                "invalid-client-id",
                format!("client_id: {}", redact_message(&reason)),
                "register the app with an id of letters, digits, \"-\", \".\" and \"_\", and send that id",
                SOURCE,
            ));
        }
        for name in ["redirect_uri", "code_challenge", "nonce"] {
            let is_named = description.starts_with("redirect_uri does not match")
                && name == "redirect_uri"
                || description.starts_with("Invalid parameter") && description.contains(name);
            let sent = entry.params.get(name).and_then(|sent| sent.as_str());
            let bytes = sent.map_or(0, original_len);
            if is_named && bytes > MAX_STORED_BYTES {
                return Some(Self::general(
                    "parameter-too-long",
                    format!("{name} has {bytes} bytes; at most {MAX_STORED_BYTES} are stored"),
                    format!("send a shorter {name}"),
                    SOURCE,
                ));
            }
        }
        None
    }
}

fn rule_for(error: &str, description: &str) -> Option<&'static RefusalRule> {
    RULES
        .iter()
        .find(|rule| rule.error.name() == error && description.starts_with(rule.description_prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_has_a_reason() {
        for error in ErrorCode::ALL {
            assert!(rule_for(error.name(), "").is_some(), "{}", error.name());
        }
    }

    #[test]
    fn every_row_can_be_reached() {
        for wanted in RULES {
            let found = rule_for(wanted.error.name(), wanted.description_prefix);
            // Two codes share a name; the first one's words serve both.
            let found = found.is_some_and(|found| {
                (found.error, found.description_prefix) == (wanted.error, wanted.description_prefix)
                    || wanted.error == ErrorCode::UserDenied
            });
            assert!(
                found,
                "{} {:?}",
                wanted.error.name(),
                wanted.description_prefix
            );
        }
    }

    #[test]
    fn explanations_contain_no_secret() {
        for rule in RULES.iter().filter(|rule| !rule.parameter.is_empty()) {
            let sent = redact::redact_named(
                rule.parameter,
                "https://a.example/?code=c#access_token=t civitai_00ff",
            );
            for secret in ["=c", "=t", "00ff"] {
                assert!(!sent.contains(secret), "{}: {sent}", rule.parameter);
            }
        }
    }
}
