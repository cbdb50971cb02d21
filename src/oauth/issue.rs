//! Issues access and refresh tokens; `store/tokens.rs` stores their hashes.

use std::time::Duration;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::json;

use crate::contract::{Contract, Difference};
use crate::model::token::{Token, TokenKind};
use crate::protocol::contract_rules::ContractRules;
use crate::protocol::ids::{ClientId, UserId};
use crate::protocol::scope::Scope;
use crate::protocol::secret::Secret;
use crate::protocol::time::Timestamp;
use crate::sandbox::Sandbox;

/// The permission that a token carries: client, user and scope.
#[derive(Debug, Clone)]
pub(crate) struct TokenPermission {
    pub(crate) client_id: ClientId,
    pub(crate) user_id: UserId,
    pub(crate) scope: Scope,
}

/// New tokens: their secrets for the client, and the tokens to store.
#[derive(Debug)]
pub(crate) struct IssuedTokens {
    access: Secret,
    refresh: Option<Secret>,
    expires_in: u32,
    scope: Scope,
    id_token: Option<Secret>,
    pub(crate) tokens: Vec<Token>,
}

/// The claims of an id token, except `iat` and `exp`.
#[derive(Debug)]
pub(crate) struct IdTokenClaims<'a> {
    pub(crate) nonce: &'a str,
    pub(crate) signed_in_at: Timestamp,
    pub(crate) user_id: UserId,
    pub(crate) audience: &'a str,
    pub(crate) issuer: String,
}

/// Issues an access token, and a refresh token if asked for.
pub(crate) fn issue_tokens(
    sandbox: &Sandbox,
    permission: &TokenPermission,
    with_refresh: bool,
) -> IssuedTokens {
    let permission = TokenPermission {
        scope: permission.scope.with_user_read(),
        ..permission.clone()
    };
    let lifetime_seconds = sandbox.settings().access_token_seconds;
    issue_tokens_with_lifetime(sandbox, &permission, with_refresh, lifetime_seconds)
}

/// As [`issue_tokens`], with exactly this scope and an access token of this lifetime in seconds.
pub(crate) fn issue_tokens_with_lifetime(
    sandbox: &Sandbox,
    permission: &TokenPermission,
    with_refresh: bool,
    access_token_seconds: u32,
) -> IssuedTokens {
    let now = sandbox.now();
    let token = |secret: &Secret, kind, seconds| Token {
        hash: secret.hash(),
        kind,
        client_id: permission.client_id.clone(),
        user_id: permission.user_id,
        scope: permission.scope,
        issued_at: now,
        expires_at: now.plus_seconds(seconds),
    };
    let access = sandbox.entropy.token();
    let refresh = with_refresh.then(|| sandbox.entropy.token());
    let mut tokens = vec![token(&access, TokenKind::Access, access_token_seconds)];
    let refresh_token_seconds = sandbox.settings().refresh_token_seconds;
    tokens.extend(
        refresh
            .iter()
            .map(|one| token(one, TokenKind::Refresh, refresh_token_seconds)),
    );
    IssuedTokens {
        access,
        refresh,
        expires_in: access_token_seconds,
        scope: permission.scope,
        id_token: None,
        tokens,
    }
}

/// Tokens as `/token` answers with them (RFC 6749 §5.1).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tokens {
    /// The access token.
    pub access_token: Secret,
    /// `Bearer`.
    pub token_type: &'static str,
    /// The lifetime of the access token, in whole seconds.
    pub expires_in: Duration,
    /// The refresh token.
    pub refresh_token: Option<Secret>,
    /// The scope of the tokens.
    pub scope: Scope,
    /// The id token, if the request had a nonce (OpenID Connect Core §2).
    pub id_token: Option<Secret>,
    scope_shape: ScopeShape,
}

/// How the scope of a token response is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ScopeShape {
    String,
    /// A list of one string.
    List,
}

impl Serialize for Tokens {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut answer = serializer.serialize_map(None)?;
        answer.serialize_entry("access_token", &self.access_token)?;
        answer.serialize_entry("token_type", self.token_type)?;
        answer.serialize_entry("expires_in", &self.expires_in.as_secs())?;
        if let Some(refresh_token) = &self.refresh_token {
            answer.serialize_entry("refresh_token", refresh_token)?;
        }
        let scope = self.scope.to_string();
        match self.scope_shape {
            ScopeShape::String => answer.serialize_entry("scope", &scope)?,
            ScopeShape::List => answer.serialize_entry("scope", &[scope])?,
        }
        if let Some(id_token) = &self.id_token {
            answer.serialize_entry("id_token", id_token)?;
        }
        answer.end()
    }
}

impl AsRef<[Token]> for IssuedTokens {
    /// The tokens to store.
    fn as_ref(&self) -> &[Token] {
        &self.tokens
    }
}

impl IssuedTokens {
    /// The answer of `/token`, whose scope is written by the difference `scope-shape`.
    pub(crate) fn into_tokens(self, rules: &ContractRules) -> Tokens {
        rules.record_divergence(Difference::ScopeShape, true);
        let scope_shape = match rules.contract_for(Difference::ScopeShape) {
            Contract::Documented => ScopeShape::String,
            Contract::Live | Contract::Live2026_08 => ScopeShape::List,
        };
        self.with_scope_shape(scope_shape)
    }

    /// The answer of `/device-token`, whose scope is a string under every contract.
    pub(crate) fn into_device_tokens(self) -> Tokens {
        self.with_scope_shape(ScopeShape::String)
    }

    fn with_scope_shape(self, scope_shape: ScopeShape) -> Tokens {
        Tokens {
            access_token: self.access,
            token_type: "Bearer",
            expires_in: Duration::from_secs(self.expires_in.into()),
            refresh_token: self.refresh,
            scope: self.scope,
            id_token: self.id_token,
            scope_shape,
        }
    }

    /// Adds an id token (OpenID Connect Core §2) for the user who signed in.
    pub(crate) fn add_id_token(&mut self, sandbox: &Sandbox, claims: &IdTokenClaims) {
        let now = sandbox.now();
        let claims = json!({
            "nonce": claims.nonce,
            "auth_time": claims.signed_in_at.unix_seconds(),
            "sub": claims.user_id.to_string(),
            "aud": claims.audience,
            "iat": now.unix_seconds(),
            "exp": now.plus_seconds(self.expires_in).unix_seconds(),
            "iss": claims.issuer,
        });
        let signed = sandbox.key.sign(&claims);
        self.id_token = Some(Secret::new(signed));
    }
}
