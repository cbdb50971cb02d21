//! The rules behind the causes of refusals, with fix and source.

use crate::model::refusal_cause::{CredentialKind, RefusalCause};

/// The part of an explanation that does not depend on the facts.
pub(super) struct CauseRule {
    pub(super) rule: &'static str,
    pub(super) fix: &'static str,
    pub(super) source: &'static str,
}

/// The rule behind a cause, and the fix.
#[expect(clippy::too_many_lines, reason = "one arm for each cause")]
pub(super) fn cause_rule(cause: &RefusalCause) -> CauseRule {
    let (rule, fix, source) = match cause {
        RefusalCause::UnknownClient { .. } => (
            "the client_id must be that of a registered app",
            "use an id from GET /_mock/clients, or register the app in the seed or on the account page",
            "RFC 6749 §2.2",
        ),
        RefusalCause::WrongSecret { .. } => (
            "a confidential app authenticates with its own client_secret",
            "check client_secret; get a new one on the account page or with POST /_mock/clients/{id}/rotate-secret",
            "RFC 6749 §2.3.1",
        ),
        RefusalCause::MissingSecret { .. } => (
            "a confidential app must send its client_secret",
            "send client_secret in the body or with HTTP Basic, or register the app as public",
            "RFC 6749 §2.3.1",
        ),
        RefusalCause::SecretOfPublicClient { .. } => (
            "a public app has no secret and must not send one",
            "omit client_secret, or register the app as confidential",
            "RFC 6749 §2.1; difference public-client-secret",
        ),
        RefusalCause::IntrospectionNotAllowed { .. } => (
            "only a confidential app that the operator has listed can introspect tokens",
            "set may_introspect = true in the seed or with PATCH /_mock/clients/{id}",
            "RFC 7662 §2.1; difference introspection",
        ),
        RefusalCause::GrantNotAllowed { .. } => (
            "an app uses only the grants that it is registered for",
            "add the grant to the app's grants, or use another grant",
            "RFC 6749 §5.2",
        ),
        RefusalCause::RedirectNotRegistered {
            any_loopback_port: true,
            ..
        } => (
            "the redirect URI must equal a registered one, character by character; only a loopback URI (localhost, 127.0.0.1 or [::1]) with the scheme and path of a registered loopback URI may have any port",
            "register it on the account page, in the seed or with PATCH /_mock/clients/{id}, or send a registered one",
            "RFC 9700 §2.1; RFC 8252 §7.3; difference redirect-uri-match",
        ),
        RefusalCause::RedirectNotRegistered { .. } => (
            "the redirect URI must equal a registered one, character by character; the port of a loopback URI counts, too",
            "register it on the account page, in the seed or with PATCH /_mock/clients/{id}, or send a registered one",
            "RFC 9700 §2.1; difference redirect-uri-match",
        ),
        RefusalCause::RedirectChanged { .. } => (
            "both requests must have the same redirect URI; the attempt has invalidated the code",
            "send the same text in both requests, and start a new authorization",
            "RFC 6749 §4.1.3",
        ),
        RefusalCause::VerifierMismatch { .. } => (
            "the base64url of the verifier's SHA-256 must equal the challenge; the attempt has invalidated the code",
            "store each attempt's verifier with its state, and start a new authorization",
            "RFC 7636 §4.6",
        ),
        RefusalCause::RateLimited { .. } => (
            "the limit of requests per minute is exceeded",
            "wait until the minute has passed; send fewer requests, with a backoff",
            "RFC 6585 §4",
        ),
        RefusalCause::AppClosed { .. } => (
            "the app's access_mode decides which users may use it",
            "change the app's access_mode, or give the user the role \"tester\"",
            "RFC 6749 §4.1.2.1",
        ),
        RefusalCause::ConsentDenied { .. } => (
            "the app receives the error access_denied instead of a code",
            "show the user that access was denied, and offer to start again",
            "RFC 6749 §4.1.2.1",
        ),
        RefusalCause::OriginNotAllowed { .. } => (
            "a public app can be used only from its allowed origins",
            "add the page's origin to the app's allowed_origins",
            "Civitai's /revoke",
        ),
        RefusalCause::InsufficientBuzz { .. } => (
            "the accounts that may pay must cover the cost",
            "add buzz with PATCH /_mock/users/{id}, or tell the user what is missing",
            "difference insufficient-funds",
        ),
        RefusalCause::SpendLimitExceeded { .. } => (
            "a user may limit the buzz that an app spends",
            "ask the user to raise the limit; GET /_mock/spends lists the limits",
            "difference insufficient-funds",
        ),
        RefusalCause::InsufficientScope { .. } => (
            "the call requires a scope that the user has not granted",
            "request the scope at authorize; the token response lists the granted scope",
            "RFC 6750 §3.1; difference insufficient-scope",
        ),
        RefusalCause::ScopeNotAllowed { .. } => (
            "an app may request only its allowed scopes",
            "add the scope to the app's allowed_scopes, or do not request it",
            "RFC 6749 §3.3; differences scope-ceiling, client-credentials-ceiling",
        ),
        RefusalCause::ScopeWidened { .. } => (
            "a refresh keeps the granted scope or narrows it",
            "omit scope, or start a new authorization for the wider scope",
            "RFC 6749 §6; difference refresh-scope",
        ),
        RefusalCause::ClientCredentialsToken => (
            "such a token gives access to the app store's catalog only",
            "use an access token that a user has granted",
            "difference app-store-catalog-write",
        ),
        RefusalCause::UserUnavailable { .. } => (
            "the tokens of a deleted or banned user are not accepted",
            "treat the user as signed out",
            "RFC 6750 §3.1",
        ),
        RefusalCause::CredentialOfOtherSandbox { .. } => (
            "each sandbox has its own codes and tokens",
            "send all requests of one sign-in to the same base URL, with or without the prefix /_sandbox/NAME",
            "docs/guides/parallel-tests.md",
        ),
        RefusalCause::CredentialUsed { credential, .. }
        | RefusalCause::CredentialExpired { credential, .. }
        | RefusalCause::CredentialRevoked { credential, .. }
        | RefusalCause::CredentialGone { credential, .. }
        | RefusalCause::CredentialOfOtherClient { credential, .. }
        | RefusalCause::CredentialOfOtherKind { credential, .. } => credential_rule(*credential),
        RefusalCause::CredentialUnknown { credential } => (
            "a restart without --database, a reset and a restored snapshot remove codes and tokens",
            match credential {
                CredentialKind::AccessToken => {
                    "check that the app sends the access_token of this server and sandbox; refresh once, and have the user sign in again if that is rejected"
                }
                _ => {
                    "check that the app sends what this server and sandbox have issued; start a new sign-in"
                }
            },
            credential_rule(*credential).2,
        ),
    };
    CauseRule { rule, fix, source }
}

fn credential_rule(credential: CredentialKind) -> (&'static str, &'static str, &'static str) {
    match credential {
        CredentialKind::AuthorizationCode => (
            "a code works once, for the app that it was issued to, for ten minutes as documented and five on the deployed server",
            "exchange the code once, as soon as the browser returns it; start a new authorization",
            "RFC 6749 §4.1.2; difference code-lifetime",
        ),
        CredentialKind::AccessToken => (
            "an access token is valid for one hour, unless it is revoked",
            "refresh once and retry; if the refresh is rejected, have the user sign in again",
            "RFC 6750 §3.1",
        ),
        CredentialKind::RefreshToken => (
            "a refresh token works once: the response contains the next one",
            "store the new refresh token first, run one refresh at a time, and have the user sign in again after this error",
            "RFC 9700 §4.14.2",
        ),
        CredentialKind::DeviceCode => (
            "a device code works once, for the app that started the flow, for 15 minutes",
            "stop polling and start a new flow",
            "RFC 8628 §3.5",
        ),
        CredentialKind::UserCode => (
            "a user code works once, for 15 minutes",
            "check the code on the device, or start a new flow",
            "RFC 8628 §3.3",
        ),
    }
}
