//! Tokens without a browser, and their end, from a Rust test.

use super::MockError;
use super::sandbox::MockSandbox;
use crate::control::{
    CodeView, ExpireTokens, GrantFilter, Introspection, IssuedCode, NewCode, NewTokens, Secret,
    TokenParam, TokenSelector, TokenView, Tokens,
};

impl MockSandbox {
    /// Issues tokens, in the form of the token endpoint's answer. Errors: the client or user does not exist.
    pub async fn issue_tokens(&self, new_tokens: NewTokens) -> Result<Tokens, MockError> {
        self.open().await?.issue_tokens(new_tokens).await
    }

    /// Issues an authorization code, as if the user had pressed Authorize. Errors: the client or user does not exist, no
    /// redirect URI, or a challenge that no verifier could fit.
    pub async fn issue_code(&self, code: NewCode) -> Result<IssuedCode, MockError> {
        self.open().await?.issue_code(code).await
    }

    /// The codes that are not exchanged yet, newest first. Errors: the user or client does not exist.
    pub async fn codes(&self, filter: GrantFilter) -> Result<Vec<CodeView>, MockError> {
        Ok(self.open().await?.list_codes(filter)?.codes)
    }

    /// The tokens, newest first. Errors: the user or client does not exist.
    pub async fn tokens(&self, filter: GrantFilter) -> Result<Vec<TokenView>, MockError> {
        Ok(self.open().await?.list_tokens(filter)?.tokens)
    }

    /// Introspects a token, valid or not.
    pub async fn introspect_token(
        &self,
        token: impl Into<Secret>,
    ) -> Result<Introspection, MockError> {
        let token = token.into();
        Ok(self.open().await?.introspect_token(&TokenParam { token }))
    }

    /// Expires a token now. Errors: it does not exist, or it has expired already.
    pub async fn expire_token(&self, token: impl Into<Secret>) -> Result<(), MockError> {
        let token = Some(token.into());
        let one = ExpireTokens { token };
        self.open().await?.expire_tokens(one).await?;
        Ok(())
    }

    /// Expires every access token now and returns how many.
    pub async fn expire_access_tokens(&self) -> Result<u64, MockError> {
        let all = ExpireTokens::default();
        Ok(self.open().await?.expire_tokens(all).await?.expired)
    }

    /// Revokes a token as its user would (RFC 7009 §2.1). Errors: no token has this value.
    pub async fn revoke_token(&self, token: impl Into<Secret>) -> Result<(), MockError> {
        let one = TokenSelector {
            token: Some(token.into()),
            ..TokenSelector::default()
        };
        self.open().await?.revoke_tokens(one).await?;
        Ok(())
    }

    /// Deletes the tokens of a user or a client, or all, and returns how many. Errors: the user or client does not exist.
    pub async fn revoke_tokens(&self, filter: GrantFilter) -> Result<u64, MockError> {
        let some = TokenSelector {
            token: None,
            client_id: filter.client_id,
            user: filter.user,
        };
        Ok(self.open().await?.revoke_tokens(some).await?.deleted)
    }
}
