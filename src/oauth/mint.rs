//! Where do tokens come from? The only birthplace of access and refresh tokens; `store/tokens.rs` keeps their
//! hashes.

use serde_json::{Value, json};

use crate::contract::{Contract, Difference, Rules};
use crate::model::token::{Token, TokenKind};
use crate::protocol::ids::{ClientId, UserId};
use crate::protocol::jose;
use crate::protocol::scope::Scope;
use crate::protocol::secret::Secret;
use crate::protocol::time::Timestamp;
use crate::sandbox::Sandbox;

/// Whom a token is for.
#[derive(Debug, Clone)]
pub(crate) struct Permission {
    pub(crate) client_id: ClientId,
    pub(crate) user_id: UserId,
    pub(crate) scope: Scope,
}

/// Tokens that have just been minted, and the rows that will know them again.
#[derive(Debug)]
pub(crate) struct Minted {
    access: Secret,
    refresh: Option<Secret>,
    expires_in: u32,
    scope: Scope,
    id_token: Option<String>,
    pub(crate) rows: Vec<Token>,
}

/// What an id token says besides the time.
#[derive(Debug)]
pub(crate) struct IdTokenClaims<'a> {
    pub(crate) nonce: &'a str,
    pub(crate) signed_in_at: Timestamp,
    pub(crate) user_id: UserId,
    pub(crate) audience: &'a str,
    pub(crate) issuer: String,
}

/// Mints an access token, and a refresh token where one goes with it.
pub(crate) fn mint(sandbox: &Sandbox, permission: &Permission, with_refresh: bool) -> Minted {
    let permission = Permission {
        scope: permission.scope.with_user_read(),
        ..permission.clone()
    };
    let life = sandbox.settings().access_token_seconds;
    mint_for(sandbox, &permission, with_refresh, life)
}

/// As [`mint`], with exactly this scope and an access token that lives so many seconds.
pub(crate) fn mint_for(
    sandbox: &Sandbox,
    permission: &Permission,
    with_refresh: bool,
    access_token_seconds: u32,
) -> Minted {
    let now = sandbox.now();
    let row = |secret: &Secret, kind, seconds| Token {
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
    let mut rows = vec![row(&access, TokenKind::Access, access_token_seconds)];
    let refresh_token_seconds = sandbox.settings().refresh_token_seconds;
    rows.extend(
        refresh
            .iter()
            .map(|one| row(one, TokenKind::Refresh, refresh_token_seconds)),
    );
    Minted {
        access,
        refresh,
        expires_in: access_token_seconds,
        scope: permission.scope,
        id_token: None,
        rows,
    }
}

impl Minted {
    /// The answer of `/token` (RFC 6749 §5.1; the scope's shape is the difference `scope-shape`).
    pub(crate) fn answer(&self, rules: &Rules) -> Value {
        let scope = match rules.side(Difference::ScopeShape) {
            Contract::Documented => json!(self.scope.to_string()),
            Contract::Live => json!([self.scope.to_string()]),
        };
        let mut answer = self.answer_with(scope);
        if let Some(id_token) = &self.id_token {
            answer["id_token"] = id_token.as_str().into();
        }
        answer
    }

    /// The answer of `/device-token`, whose scope is a string in both contracts.
    pub(crate) fn device_answer(&self) -> Value {
        self.answer_with(self.scope.to_string().into())
    }

    fn answer_with(&self, scope: Value) -> Value {
        let mut answer = json!({
            "access_token": self.access.reveal(),
            "token_type": "Bearer",
            "expires_in": self.expires_in,
        });
        if let Some(refresh) = &self.refresh {
            answer["refresh_token"] = refresh.reveal().into();
        }
        answer["scope"] = scope;
        answer
    }

    /// Adds an id token (OpenID Connect Core §2) for whoever signed in.
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
        self.id_token = Some(jose::sign(&claims, sandbox.key.signing_key()));
    }
}
