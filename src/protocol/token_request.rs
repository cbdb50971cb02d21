//! The token request: the grants of `/token` and their parameters, parsed into well-formed fields. `oauth/token/` answers
//! it.

use super::rules::Rules;
use crate::contract::Difference;
use crate::protocol::error::{ErrorCode, OAuthError, bad_scope_text, grant_refused};
use crate::protocol::format::{has_scheme, is_name_char, is_scope_text, is_vschar};
use crate::protocol::params::Params;
use crate::protocol::pkce::Verifier;
use crate::protocol::scope::Scope;
use crate::protocol::secret::Secret;

/// A grant that `/token` knows. The device grant has an endpoint of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GrantType {
    AuthorizationCode,
    ClientCredentials,
    /// Known to Civitai's server, allowed to no client.
    Password,
    RefreshToken,
}

impl GrantType {
    pub(crate) fn parse(params: &Params) -> Result<Self, OAuthError> {
        let Some(name) = params.non_empty("grant_type") else {
            return Err(OAuthError::missing_parameter("grant_type"));
        };
        if !is_name_char(&name) && !has_scheme(&name) {
            return Err(OAuthError::invalid_parameter("grant_type"));
        }
        let grant = match name.as_str() {
            "authorization_code" => Self::AuthorizationCode,
            "client_credentials" => Self::ClientCredentials,
            "password" => Self::Password,
            "refresh_token" => Self::RefreshToken,
            _ => {
                return Err(OAuthError::new(
                    ErrorCode::UnsupportedGrantType,
                    "Unsupported grant type: `grant_type` is invalid",
                ));
            }
        };
        // A JSON list of one name is read as the name, but no client is allowed a list.
        params
            .text("grant_type")
            .map(|_| grant)
            .ok_or_else(grant_refused)
    }
}

/// The code of a code exchange. Errors: `invalid_request` where it is missing or not printable ASCII.
pub(crate) fn code(params: &Params) -> Result<Secret, OAuthError> {
    presented(params, "code")
}

/// The refresh token of a refresh. Errors as for [`code`].
pub(crate) fn refresh_token(params: &Params) -> Result<Secret, OAuthError> {
    presented(params, "refresh_token")
}

fn presented(params: &Params, name: &'static str) -> Result<Secret, OAuthError> {
    let value = params
        .non_empty(name)
        .ok_or_else(|| OAuthError::missing_parameter(name))?;
    if !is_vschar(&value) {
        return Err(OAuthError::invalid_parameter(name));
    }
    Ok(Secret::new(value))
}

/// The verifier of a code exchange, looked at once the code is used up.
pub(crate) fn verifier(params: &Params, rules: &Rules) -> Result<Verifier, OAuthError> {
    let Some(text) = params.non_empty("code_verifier") else {
        let mut missing = OAuthError::missing_parameter("code_verifier");
        rules.record_divergence(Difference::MissingParameter, true);
        if rules.live(Difference::MissingParameter) {
            missing.code = ErrorCode::InvalidGrant;
        }
        return Err(missing);
    };
    // A JSON value that is no text is never a verifier, whatever it would be written as.
    params
        .text("code_verifier")
        .and_then(|_| Verifier::parse(&text))
        .ok_or_else(|| OAuthError::invalid_parameter("code_verifier"))
}

/// The redirect URI of a code exchange, which must be the one that the code was issued for.
pub(crate) fn check_redirect_uri(params: &Params, issued_for: &str) -> Result<(), OAuthError> {
    params
        .non_empty("redirect_uri")
        .filter(|given| has_scheme(given))
        .ok_or_else(|| {
            OAuthError::invalid_request("Invalid request: `redirect_uri` is not a valid URI")
        })?;
    if params.text("redirect_uri") != Some(issued_for) {
        return Err(OAuthError::invalid_request(
            "Invalid request: `redirect_uri` is invalid",
        ));
    }
    Ok(())
}

/// The scope of a `client_credentials` request: absent, unreadable, or a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RequestedScope {
    Absent,
    Unreadable,
    Read(Scope),
}

/// Errors: `invalid_scope` where the text has a character that no scope may have, or none at all.
pub(crate) fn client_credentials_scope(
    params: &Params,
    declared: Scope,
    rules: &Rules,
) -> Result<RequestedScope, OAuthError> {
    let Some(text) = params.scope().map_err(|()| bad_scope_text())? else {
        return Ok(RequestedScope::Absent);
    };
    if !is_scope_text(text.trim()) {
        return Err(bad_scope_text());
    }
    let scope = Scope::parse_by(text, declared, rules);
    Ok(scope.map_or(RequestedScope::Unreadable, RequestedScope::Read))
}

/// The scope that a refresh narrows `granted` to, where one is given. Errors: `invalid_scope` where it is unreadable.
pub(crate) fn narrowed_scope(params: &Params, granted: Scope) -> Result<Option<Scope>, OAuthError> {
    match params.scope().map_err(|()| bad_scope_text())? {
        None | Some("") => Ok(None),
        Some(text) => Scope::parse_decimal(text, granted)
            .map(|scope| Some(scope.with_user_read()))
            .ok_or_else(|| OAuthError::invalid_scope("Invalid scope value")),
    }
}
