//! Operations on tokens: issue, list, introspect, expire, revoke.

use std::borrow::Cow;
use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};

use super::consents::Deleted;
use super::error::ControlResult;
use super::grant_filter::GrantFilter;
use crate::invalid::Invalid;
use crate::model::token::{Token, TokenKind};
use crate::model::user::UserRef;
use crate::oauth::issue::{TokenPermission, Tokens, issue_tokens_with_lifetime};
use crate::protocol::contract_rules::ContractRules;
use crate::protocol::duration::Seconds;
use crate::protocol::ids::{ClientId, UserId};
use crate::protocol::json::scope_text;
use crate::protocol::scope::Scope;
use crate::protocol::scope_input::ScopeSpec;
use crate::protocol::secret::{Secret, SecretHash};
use crate::protocol::time::Timestamp;
use crate::sandbox::Sandbox;
use crate::sandbox::changes::ChangeKind;
use crate::store::GrantTable;

/// Tokens to issue for a client, a user and a scope. The scope may exceed the client's allowed scopes: a test may need a
/// state that the flows do not allow.
///
/// ```
/// use std::time::Duration;
///
/// use civitai_oauth_mock::Scope;
/// use civitai_oauth_mock::control::NewTokens;
///
/// let short = NewTokens::new("my-app", "ada", Scope::AI_SERVICES).expires_in(Duration::from_secs(60));
/// let of_old = NewTokens::new("my-app", 2, "ModelsRead,MediaRead".parse()?).exact_scope();
/// # let _ = (short, of_old);
/// # Ok::<(), String>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "NewTokens")
)]
#[serde(deny_unknown_fields)]
pub struct NewTokens {
    client_id: String,
    user: UserRef,
    #[serde(default)]
    scope: Option<ScopeSpec>,
    /// Lifetime of the access token, in seconds.
    #[serde(default)]
    expires_in: Option<Seconds>,
    /// Does not add `UserRead` to the scope, as old tokens of Civitai.
    #[serde(default)]
    exact_scope: bool,
}

impl NewTokens {
    /// The client by id, the user by id or username.
    pub fn new(client_id: impl Into<String>, user: impl Into<UserRef>, scope: Scope) -> Self {
        Self {
            client_id: client_id.into(),
            user: user.into(),
            scope: Some(scope.into()),
            expires_in: None,
            exact_scope: false,
        }
    }

    /// The lifetime of the access token, in whole seconds; by default that of the settings.
    #[must_use]
    pub fn expires_in(mut self, life: Duration) -> Self {
        let seconds = u32::try_from(life.as_secs()).unwrap_or(u32::MAX);
        self.expires_in = Some(Seconds(seconds));
        self
    }

    /// Does not add [`Scope::USER_READ`] to the scope, as old tokens of Civitai.
    #[must_use]
    pub fn exact_scope(mut self) -> Self {
        self.exact_scope = true;
        self
    }
}

/// One token, `{"token"}`.
#[derive(Debug, Deserialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "IntrospectToken")
)]
#[serde(deny_unknown_fields)]
pub(crate) struct TokenParam {
    pub(crate) token: Secret,
}

/// One token, the tokens of a user and a client, or all tokens.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "RevokeTokens")
)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TokenSelector {
    pub(crate) token: Option<Secret>,
    pub(crate) client_id: Option<String>,
    pub(crate) user: Option<UserRef>,
}

/// One token, or every access token.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ExpireTokens {
    pub(crate) token: Option<Secret>,
}

/// A stored token. Only the hash of its value is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct TokenView {
    /// Whether it is valid now.
    pub active: bool,
    /// Access or refresh token.
    pub kind: TokenKind,
    token_type: Option<&'static str>,
    /// The client.
    pub client_id: ClientId,
    /// The user.
    pub user: UserId,
    /// The scope.
    #[serde(serialize_with = "scope_text")]
    #[cfg_attr(feature = "openapi", schemars(with = "String"))]
    pub scope: Scope,
    scopes: Vec<Cow<'static, str>>,
    /// Time of issue.
    pub issued_at: Timestamp,
    /// The last moment at which it is valid.
    pub expires_at: Timestamp,
    /// Whole seconds until then; negative if it has expired.
    pub expires_in: i64,
    /// 64 lower-case hex digits.
    pub sha256: String,
}

/// The introspection of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Introspection {
    /// Whether it is valid now.
    pub active: bool,
    /// The token; `None` if it is unknown, revoked or replaced.
    pub token: Option<TokenView>,
}

impl Serialize for Introspection {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Unknown {
            active: bool,
        }
        match &self.token {
            Some(token) => token.serialize(serializer),
            None => Unknown { active: false }.serialize(serializer),
        }
    }
}

/// `{"tokens":[…]}`.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub(crate) struct TokenList {
    pub(crate) tokens: Vec<TokenView>,
}

/// The number of tokens that were expired.
#[derive(Debug, Clone, Copy, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub(crate) struct ExpiredCount {
    pub(crate) expired: u64,
}

impl Sandbox {
    /// Issues tokens for a user and a client. The response is that of `/token`.
    pub(crate) async fn issue_tokens(&self, input: NewTokens) -> ControlResult<Tokens> {
        let client = self.client_named(&input.client_id)?;
        let user = self.user(&input.user, "user")?;
        let scope = self.resolve_scope(&input.scope.unwrap_or_else(|| Scope::USER_READ.into()))?;
        let scope = if input.exact_scope {
            scope
        } else {
            scope.with_user_read()
        };
        let permission = TokenPermission {
            client_id: client.id,
            user_id: user.id,
            scope,
        };
        let life = input
            .expires_in
            .map_or_else(|| self.settings().access_token_seconds, |seconds| seconds.0);
        let issued = issue_tokens_with_lifetime(self, &permission, true, life);
        self.data().insert_tokens(&issued.tokens).await?;
        Ok(issued.into_tokens(&self.settings().rules))
    }

    /// The tokens, newest first.
    pub(crate) fn list_tokens(&self, filter: GrantFilter) -> ControlResult<TokenList> {
        let filter = self.resolve_grant_filter(filter)?;
        let found = self.data().list_tokens(filter.as_store_filter());
        let settings = self.settings();
        let shown = found
            .iter()
            .map(|token| show(token, self.now(), &settings.rules));
        Ok(TokenList {
            tokens: shown.collect(),
        })
    }

    /// Introspects a token, valid or not.
    pub(crate) fn introspect_token(&self, input: &TokenParam) -> Introspection {
        let found = self.data().find_token(&input.token.hash());
        let settings = self.settings();
        let token = found.map(|token| show(&token, self.now(), &settings.rules));
        Introspection {
            active: token.as_ref().is_some_and(|token| token.active),
            token,
        }
    }

    /// Expires a token, or every access token.
    pub(crate) async fn expire_tokens(&self, input: ExpireTokens) -> ControlResult<ExpiredCount> {
        let hash: Option<SecretHash> = input.token.as_ref().map(Secret::hash);
        self.expire_stored_tokens(hash.as_ref()).await
    }

    /// The same for the hash of a token.
    pub(crate) async fn expire_stored_tokens(
        &self,
        hash: Option<&SecretHash>,
    ) -> ControlResult<ExpiredCount> {
        // A token is valid up to and including the moment it expires at.
        let moment = Timestamp(self.now().0.saturating_sub(1));
        let expired = self.data().expire_tokens(hash, moment).await?;
        if hash.is_some() && expired == 0 {
            return Err(no_token().into());
        }
        if expired > 0 {
            let message = match (hash, expired) {
                (Some(_), _) => "Token expired".to_owned(),
                (None, 1) => "1 access token expired".to_owned(),
                (None, expired) => format!("{expired} access tokens expired"),
            };
            self.if_current(|core| core.record_change(ChangeKind::TokensExpired, &message));
        }
        Ok(ExpiredCount { expired })
    }

    /// Revokes one token as its user would, or deletes the tokens of a user and a client, or all tokens.
    pub(crate) async fn revoke_tokens(&self, input: TokenSelector) -> ControlResult<Deleted> {
        if input.token.is_some() && (input.client_id.is_some() || input.user.is_some()) {
            let error = Invalid::new("token", "token already identifies the user and the client");
            return Err(error
                .with_hint("give only {\"token\"}, or {\"client_id\",\"user\"}")
                .into());
        }
        let Some(token) = input.token else {
            let filter = GrantFilter {
                user: input.user,
                client_id: input.client_id,
            };
            let filter = self.resolve_grant_filter(filter)?;
            let deleted = self
                .data()
                .delete_grants(&[GrantTable::Tokens], filter.as_store_filter())
                .await?;
            return Ok(Deleted { deleted });
        };
        self.revoke_stored_token(&token.hash()).await?;
        Ok(Deleted { deleted: 1 })
    }

    /// Revokes the token of this hash as its user would.
    pub(crate) async fn revoke_stored_token(&self, hash: &SecretHash) -> ControlResult<()> {
        let token = self.data().find_token(hash).ok_or_else(no_token)?;
        self.data().revoke_token(&token).await?;
        Ok(())
    }
}

fn no_token() -> Invalid {
    Invalid::new("token", "the token does not exist or has already expired")
        .with_hint("GET tokens lists the tokens")
}

/// A token as the control API shows it.
fn show(token: &Token, now: Timestamp, rules: &ContractRules) -> TokenView {
    TokenView {
        active: token.is_unexpired(now),
        kind: token.kind,
        token_type: (token.kind == TokenKind::Access).then_some("Bearer"),
        client_id: token.client_id.clone(),
        user: token.user_id,
        scope: token.scope,
        scopes: token
            .scope
            .existing_bits(rules)
            .map(|bit| bit.name.clone())
            .collect(),
        issued_at: token.issued_at,
        expires_at: token.expires_at,
        expires_in: token.expires_at.seconds_from(now),
        sha256: token.hash.to_hex(),
    }
}
