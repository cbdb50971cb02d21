//! Tokens and codes without a browser: mint, list, look into, let run out, revoke.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Outcome, Whose};
use crate::invalid::{self, Invalid};
use crate::model::code::{self, AuthorizationCode};
use crate::model::token::{Token, TokenKind};
use crate::model::user::UserRef;
use crate::oauth::mint::{Permission, mint_for};
use crate::protocol::pkce::{Challenge, Verifier};
use crate::protocol::redirect_uri;
use crate::protocol::scope::Scope;
use crate::protocol::secret::{Secret, SecretHash};
use crate::protocol::time::Timestamp;
use crate::sandbox::Sandbox;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mint {
    client_id: String,
    user: UserRef,
    #[serde(default)]
    scope: Option<Scope>,
    /// Seconds that the access token lives.
    #[serde(default)]
    expires_in: Option<u32>,
    /// Leaves `UserRead` out unless it is asked for, as tokens of old do.
    #[serde(default)]
    exact_scope: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Issue {
    client_id: String,
    user: UserRef,
    #[serde(default)]
    scope: Option<Scope>,
    #[serde(default)]
    redirect_uri: Option<String>,
    /// Without one, a verifier is drawn and given back.
    #[serde(default)]
    code_challenge: Option<String>,
    #[serde(default)]
    nonce: Option<String>,
    #[serde(default)]
    state: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct One {
    token: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct OneOrAll {
    token: Option<String>,
    client_id: Option<String>,
    user: Option<UserRef>,
}

impl Sandbox {
    /// Mints tokens for a user and a client; the answer is that of `/token`.
    pub(crate) async fn mint_tokens(&self, input: Value) -> Outcome<Value> {
        let asked: Mint = invalid::from_object(input)?;
        let client = self.client_named(&asked.client_id).await?;
        let user = self.user(&asked.user, "user").await?;
        let scope = asked.scope.unwrap_or(Scope::USER_READ);
        let scope = if asked.exact_scope {
            scope
        } else {
            scope.with_user_read()
        };
        let permission = Permission {
            client_id: client.id,
            user_id: user.id,
            scope,
        };
        let life = asked
            .expires_in
            .unwrap_or_else(|| self.settings().access_token_seconds);
        let minted = mint_for(self, &permission, true, life);
        self.store.insert_tokens(self.world(), &minted.rows).await?;
        Ok(minted.answer(&self.settings().rules))
    }

    /// Issues a code as if the user had approved: the rules of authorize are not asked.
    pub(crate) async fn issue_code(&self, input: Value) -> Outcome<Value> {
        let asked: Issue = invalid::from_object(input)?;
        let client = self.client_named(&asked.client_id).await?;
        let user = self.user(&asked.user, "user").await?;
        let registered = client.redirect_uris.first().cloned();
        let Some(redirect_uri) = asked.redirect_uri.or(registered) else {
            let why = format!("client {:?} has registered none", asked.client_id);
            return Err(Invalid::new("redirect_uri", why)
                .with_hint("give one")
                .into());
        };
        redirect_uri::check(&redirect_uri).map_err(|why| Invalid::new("redirect_uri", why))?;
        let (challenge, verifier) = if let Some(challenge) = asked.code_challenge {
            (Challenge(challenge), None)
        } else {
            let verifier = Verifier::drawn(&self.entropy.authorization_code());
            (verifier.challenge(), Some(verifier))
        };
        let settings = self.settings();
        let (life, kept) = code::lifetime(&settings.rules, settings.code_seconds);
        let (now, value) = (self.now(), self.entropy.authorization_code());
        let row = AuthorizationCode {
            client_id: client.id,
            user_id: user.id,
            scope: asked.scope.unwrap_or(Scope::USER_READ).with_user_read(),
            redirect_uri,
            challenge,
            nonce: asked.nonce,
            issued_at: now,
            expires_at: now.plus_seconds(life),
            kept_until: now.plus_seconds(kept),
        };
        self.store
            .insert_code(self.world(), &value.hash(), &row)
            .await?;
        let mut params = vec![("code", value.reveal())];
        params.extend(asked.state.as_deref().map(|state| ("state", state)));
        Ok(json!({
            "code": value.reveal(),
            "expires_in": life,
            "scope": row.scope.to_string(),
            "redirect_uri": row.redirect_uri,
            "location": redirect_uri::with_params(&row.redirect_uri, &params),
            "code_verifier": verifier.as_ref().map(Verifier::reveal),
        }))
    }

    /// The tokens, newest first. Their values are not known, only their hashes.
    pub(crate) async fn list_tokens(&self, whose: Whose) -> Outcome<Value> {
        let whose = self.resolve_whose(whose).await?;
        let found = self.store.list_tokens(self.world(), whose.as_key()).await?;
        let shown: Vec<Value> = found.iter().map(|token| show(token, self.now())).collect();
        Ok(json!({ "tokens": shown }))
    }

    /// What `{"token"}` stands for, whether it is live or not.
    pub(crate) async fn introspect(&self, input: Value) -> Outcome<Value> {
        let One { token } = invalid::from_object(input)?;
        let found = self
            .store
            .find_token(self.world(), &SecretHash::of(&token))
            .await?;
        Ok(found.map_or_else(
            || json!({ "active": false }),
            |token| show(&token, self.now()),
        ))
    }

    /// Lets `{"token"}` run out now; without one, every access token.
    pub(crate) async fn expire_tokens(&self, input: Value) -> Outcome<Value> {
        let asked: OneOrAll = invalid::from_object(input)?;
        if asked.client_id.is_some() || asked.user.is_some() {
            let why = Invalid::new("", "a token runs out alone, or all access tokens do");
            return Err(why.with_hint("give {\"token\"} or nothing").into());
        }
        let hash = asked.token.as_deref().map(SecretHash::of);
        // A token is good up to and including the moment it expires at.
        let moment = Timestamp(self.now().0 - 1);
        let expired = self
            .store
            .expire_tokens(self.world(), hash.as_ref(), moment)
            .await?;
        if hash.is_some() && expired == 0 {
            return Err(no_token().into());
        }
        Ok(json!({ "expired": expired }))
    }

    /// Revokes `{"token"}` as its user would; without one, removes the tokens of `client_id` and `user`, or all.
    pub(crate) async fn revoke_tokens(&self, input: Value) -> Outcome<Value> {
        let asked: OneOrAll = invalid::from_object(input)?;
        if asked.token.is_some() && (asked.client_id.is_some() || asked.user.is_some()) {
            let why = Invalid::new("token", "one token is of one user and client already");
            return Err(why
                .with_hint("give {\"token\"} alone, or {\"client_id\",\"user\"}")
                .into());
        }
        let Some(token) = asked.token else {
            let whose = Whose {
                user: asked.user,
                client_id: asked.client_id,
            };
            let whose = self.resolve_whose(whose).await?;
            let deleted = self
                .store
                .delete_tokens(self.world(), whose.as_key())
                .await?;
            return Ok(json!({ "deleted": deleted }));
        };
        let found = self
            .store
            .find_token(self.world(), &Secret::new(token).hash())
            .await?;
        let token = found.ok_or_else(no_token)?;
        self.store.revoke_token(self.world(), &token).await?;
        Ok(json!({ "deleted": 1 }))
    }
}

fn no_token() -> Invalid {
    Invalid::new("token", "there is no such token, or it has run out already")
        .with_hint("GET tokens lists those there are")
}

/// A token as the control API shows it.
fn show(token: &Token, now: Timestamp) -> Value {
    let names: Vec<&str> = token.scope.set_bits().map(|bit| bit.name).collect();
    json!({
        "active": token.is_live(now),
        "kind": token.kind.name(),
        "token_type": (token.kind == TokenKind::Access).then_some("Bearer"),
        "client_id": token.client_id,
        "user": token.user_id,
        "scope": token.scope.to_string(),
        "scopes": names,
        "issued_at": token.issued_at.to_string(),
        "expires_at": token.expires_at.to_string(),
        "expires_in": (token.expires_at.0 - now.0).div_euclid(1000),
        "sha256": token.hash.to_hex(),
    })
}
