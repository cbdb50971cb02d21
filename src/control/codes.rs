//! Operations on authorization codes: list, and issue without a browser.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::error::ControlResult;
use super::grant_filter::GrantFilter;
use crate::invalid::Invalid;
use crate::model::builder::builder;
use crate::model::code::{self, AuthorizationCode};
use crate::model::user::UserRef;
use crate::protocol::authorize_request::MAX_STORED_BYTES;
use crate::protocol::ids::{ClientId, UserId};
use crate::protocol::json::{scope_text, seconds};
use crate::protocol::pkce::Challenge;
use crate::protocol::redirect_uri;
use crate::protocol::scope::Scope;
use crate::protocol::scope_input::ScopeSpec;
use crate::protocol::secret::Secret;
use crate::protocol::time::Timestamp;
use crate::sandbox::Sandbox;

/// A code to issue, as if the user had pressed Authorize. The redirect URI need not be registered, and the scope may exceed
/// the client's allowed scopes: a test may need a state that authorize does not allow.
///
/// ```
/// use civitai_oauth_mock::control::NewCode;
///
/// let code = NewCode::new("my-app", "ada")
///     .redirect_uri("http://localhost:3000/callback")
///     .code_challenge("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")
///     .state("xyz");
/// # let _ = code;
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NewCode {
    client_id: String,
    user: UserRef,
    #[serde(default)]
    scope: Option<ScopeSpec>,
    #[serde(default)]
    redirect_uri: Option<String>,
    /// By default, a verifier is generated and returned.
    #[serde(default)]
    code_challenge: Option<String>,
    #[serde(default)]
    nonce: Option<String>,
    #[serde(default)]
    state: Option<String>,
}

impl NewCode {
    /// The client by id, the user by id or username. By default the scope is [`Scope::USER_READ`], the redirect URI is the
    /// first registered one, and a verifier is generated.
    pub fn new(client_id: impl Into<String>, user: impl Into<UserRef>) -> Self {
        Self {
            client_id: client_id.into(),
            user: user.into(),
            scope: None,
            redirect_uri: None,
            code_challenge: None,
            nonce: None,
            state: None,
        }
    }
}

builder! { NewCode {
    /// The approved scope.
    scope(scope: Scope) { scope = Some(scope.into()) }
    /// The redirect URI.
    redirect_uri(uri: impl Into<String>) { redirect_uri = Some(uri.into()) }
    /// The S256 challenge of the app's verifier (RFC 7636 §4.2).
    code_challenge(challenge: impl Into<String>) { code_challenge = Some(challenge.into()) }
    /// The nonce of the id token (OpenID Connect Core §3.1.2.1).
    nonce(nonce: impl Into<String>) { nonce = Some(nonce.into()) }
    /// The state of the redirect (RFC 6749 §4.1.1).
    state(state: impl Into<String>) { state = Some(state.into()) }
} }

/// An issued code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct IssuedCode {
    /// The code.
    pub code: Secret,
    /// Its lifetime.
    #[serde(serialize_with = "seconds")]
    #[cfg_attr(feature = "openapi", schemars(with = "u64"))]
    pub expires_in: Duration,
    /// The scope of the token.
    #[serde(serialize_with = "scope_text")]
    #[cfg_attr(feature = "openapi", schemars(with = "String"))]
    pub scope: Scope,
    /// The redirect URI that the exchange must repeat.
    pub redirect_uri: String,
    /// The redirect URI with the code; `None` if the redirect URI is not a URL.
    pub location: Option<Secret>,
    /// The generated verifier, if no challenge was given.
    pub code_verifier: Option<Secret>,
}

/// A code that is not exchanged yet. Only the hash of its value is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct CodeView {
    /// Whether it can still be exchanged.
    pub active: bool,
    /// The client.
    pub client_id: ClientId,
    /// The user who approved.
    pub user: UserId,
    /// The scope of the token.
    #[serde(serialize_with = "scope_text")]
    #[cfg_attr(feature = "openapi", schemars(with = "String"))]
    pub scope: Scope,
    /// The redirect URI that the exchange must repeat.
    pub redirect_uri: String,
    /// Time of issue.
    pub issued_at: Timestamp,
    /// The last moment at which it is valid.
    pub expires_at: Timestamp,
    /// Whole seconds until then; negative if it has expired.
    pub expires_in: i64,
}

/// `{"codes":[…]}`.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub(crate) struct CodeList {
    pub(crate) codes: Vec<CodeView>,
}

impl Sandbox {
    /// The codes that are not exchanged yet, newest first.
    pub(crate) fn list_codes(&self, filter: GrantFilter) -> ControlResult<CodeList> {
        let filter = self.resolve_grant_filter(filter)?;
        let found = self.data().list_codes(filter.as_store_filter());
        let now = self.now();
        let shown = found.into_iter().map(|code| CodeView {
            active: code.expires_at >= now && code.retained_until > now,
            client_id: code.client_id,
            user: code.user_id,
            scope: code.scope,
            redirect_uri: code.redirect_uri,
            issued_at: code.issued_at,
            expires_at: code.expires_at,
            expires_in: code.expires_at.seconds_from(now),
        });
        Ok(CodeList {
            codes: shown.collect(),
        })
    }

    /// Issues a code as if the user had approved. The checks of authorize are skipped.
    pub(crate) async fn issue_code(&self, input: NewCode) -> ControlResult<IssuedCode> {
        let client = self.client_named(&input.client_id)?;
        let user = self.user(&input.user, "user")?;
        let registered = client.redirect_uris.first().cloned();
        let Some(redirect_uri) = input.redirect_uri.or(registered) else {
            let message = format!(
                "client {:?} has no registered redirect URI",
                input.client_id
            );
            return Err(Invalid::new("redirect_uri", message)
                .with_hint("give a redirect_uri")
                .into());
        };
        check_length("redirect_uri", &redirect_uri)?;
        redirect_uri::check(&redirect_uri).map_err(|error| Invalid::new("redirect_uri", error))?;
        if let Some(nonce) = &input.nonce {
            check_length("nonce", nonce)?;
        }
        let (challenge, verifier) = if let Some(text) = input.code_challenge {
            (challenge(&text)?, None)
        } else {
            let verifier = self.entropy.verifier();
            (verifier.challenge(), Some(verifier))
        };
        let scope = input.scope.unwrap_or_else(|| Scope::USER_READ.into());
        let scope = self.resolve_scope(&scope)?;
        let settings = self.settings();
        let (life, retention) = code::lifetime(&settings.rules, settings.code_seconds);
        let (now, value) = (self.now(), self.entropy.authorization_code());
        let row = AuthorizationCode {
            client_id: client.id,
            user_id: user.id,
            scope: scope.with_user_read(),
            redirect_uri,
            challenge,
            nonce: input.nonce,
            issued_at: now,
            expires_at: now.plus_seconds(life),
            retained_until: now.plus_seconds(retention),
        };
        let mut params = vec![("code", value.reveal())];
        params.extend(input.state.as_deref().map(|state| ("state", state)));
        let location = redirect_uri::with_params(&row.redirect_uri, &params);
        let (scope, redirect_uri) = (row.scope, row.redirect_uri.clone());
        self.data().insert_code(&value.hash(), row).await?;
        Ok(IssuedCode {
            location: location.map(Secret::new),
            code: value,
            expires_in: Duration::from_secs(life.into()),
            scope,
            redirect_uri,
            code_verifier: verifier.map(|verifier| Secret::new(verifier.reveal())),
        })
    }
}

/// Checks the limit of authorize for texts that are stored with a code.
fn check_length(name: &str, text: &str) -> Result<(), Invalid> {
    let length = text.len();
    if length > MAX_STORED_BYTES {
        let message = format!("{length} bytes; at most {MAX_STORED_BYTES} are stored with a code");
        return Err(Invalid::new(name, message));
    }
    Ok(())
}

/// Parses a challenge. Civitai's authorize accepts any text; here a malformed one is a mistake of the test.
fn challenge(text: &str) -> Result<Challenge, Invalid> {
    Challenge::parse(text).ok_or_else(|| {
        Invalid::new(
            "code_challenge",
            format!("{text:?} is not a valid S256 challenge"),
        )
        .with_hint(
            "give the base64url-encoded SHA-256 of the verifier, 43 characters without padding, or omit it",
        )
    })
}
