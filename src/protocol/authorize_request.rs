//! The authorization request: PKCE, state and scope of `/authorize`, once the client and its redirect URI are known.
//! `oauth/authorize.rs` answers it.

use super::rules::Rules;
use crate::contract::Difference;
use crate::protocol::error::{ErrorCode, OAuthError, bad_scope_text};
use crate::protocol::format::{is_scope_text, is_vschar};
use crate::protocol::params::Params;
use crate::protocol::pkce::Challenge;
use crate::protocol::scope::Scope;

/// The most bytes of a parameter that is stored with a code. What clients send is a few hundred bytes at most; the bound
/// is ours, with Civitai's own error for an unusable parameter.
pub(crate) const MAX_STORED_BYTES: usize = 2048;

/// The part of an authorization request that does not depend on what is registered.
#[derive(Debug, Clone)]
pub(crate) struct AuthorizeRequest {
    pub(crate) challenge: Challenge,
    pub(crate) state: String,
    /// With [`Scope::USER_READ`].
    pub(crate) scope: Scope,
    /// Present and not empty: the client wants an id token.
    pub(crate) nonce: Option<String>,
}

impl AuthorizeRequest {
    /// In the order in which Civitai checks. `declared` are the scope bits that exist in addition to Civitai's.
    pub(crate) fn parse(
        params: &Params,
        declared: Scope,
        rules: &Rules,
    ) -> Result<Self, OAuthError> {
        let is_code = params.text("response_type") == Some("code");
        rules.record_divergence(Difference::ResponseType, !is_code);
        if rules.documented(Difference::ResponseType) && !is_code {
            return Err(OAuthError::invalid_request("response_type must be code"));
        }
        let (Some(challenge), Some(method)) = (
            params.non_empty("code_challenge"),
            params.non_empty("code_challenge_method"),
        ) else {
            return Err(OAuthError::invalid_request(
                "PKCE required: provide code_challenge and code_challenge_method=S256",
            ));
        };
        if method != "S256" {
            return Err(OAuthError::invalid_request(
                "Only S256 code_challenge_method is supported",
            ));
        }
        let Some(state) = params.non_empty("state") else {
            return Err(OAuthError::invalid_request("state parameter is required"));
        };
        let text = params.number_text("scope").unwrap_or_default();
        let scope = Scope::parse_by(&text, declared, rules)
            .filter(|scope| !scope.covers(Scope::APP_STORE_CATALOG_WRITE))
            .ok_or_else(|| OAuthError::invalid_scope("Invalid scope value"))?;
        for name in ["code_challenge", "nonce"] {
            let length = params.non_empty(name).map_or(0, |text| text.len());
            if length > MAX_STORED_BYTES {
                return Err(OAuthError::invalid_parameter(name));
            }
        }
        let nonce = params
            .text("nonce")
            .filter(|nonce| !nonce.is_empty())
            .map(str::to_owned);
        Ok(Self {
            challenge: Challenge(challenge),
            state,
            scope: scope.with_user_read(),
            nonce,
        })
    }

    /// What is checked only once a code is about to be issued, in the order in which Civitai checks.
    pub(crate) fn check_before_issue(&self, params: &Params) -> Result<(), OAuthError> {
        if !is_vschar(&self.state) {
            return Err(OAuthError::invalid_parameter("state"));
        }
        if params.text("allowed") == Some("false") {
            return Err(OAuthError::new(
                ErrorCode::UserDenied,
                "Access denied: user denied access to application",
            ));
        }
        match params.scope() {
            Ok(Some(text)) if !is_scope_text(text.trim()) => Err(bad_scope_text()),
            Err(()) => Err(bad_scope_text()),
            _ => Ok(()),
        }
    }
}
