//! The token request (RFC 6749 §3.2): credentials, grant type and the parameters of the grant, parsed once.
//! `oauth/token/` answers it.
//!
//! Fields are `Result`s if Civitai reports their errors later than it could, for example after a code is used up. The
//! handler unwraps them at that moment.

use super::client_auth::{Credentials, CredentialsError};
use super::contract_rules::ContractRules;
use crate::contract::Difference;
use crate::protocol::error::{
    ErrorCode, OAuthError, grant_not_allowed_error, malformed_scope_error,
};
use crate::protocol::format::{has_scheme, is_name_char, is_scope_text, is_vschar};
use crate::protocol::grant_type::GrantType;
use crate::protocol::params::Params;
use crate::protocol::pkce::Verifier;
use crate::protocol::scope::Scope;
use crate::protocol::secret::Secret;

/// A token request. `Debug` shows no secrets.
#[derive(Debug)]
pub(crate) struct TokenRequest {
    /// The client ID that the request claims, for the rate limit.
    pub(crate) claimed_client_id: Option<String>,
    /// The `client_id` of the body, if it is text.
    pub(crate) body_client_id: Option<String>,
    pub(crate) credentials: Result<Credentials, CredentialsError>,
    /// Reported after the client is authenticated.
    pub(crate) grant: Result<TokenGrant, OAuthError>,
}

/// The grant of a token request. Errors of its parameters are reported after the client's permission for the grant is
/// checked.
#[derive(Debug)]
pub(crate) enum TokenGrant {
    AuthorizationCode(Result<CodeExchange, OAuthError>),
    RefreshToken(Result<RefreshRequest, OAuthError>),
    ClientCredentials(Result<ClientCredentialsRequest, OAuthError>),
    /// Known to Civitai's server, but no client may use it.
    Password,
}

/// The parameters of the authorization code grant.
#[derive(Debug)]
pub(crate) struct CodeExchange {
    pub(crate) code: Secret,
    /// Checked once the code is used up.
    pub(crate) verifier: Result<Verifier, InvalidVerifier>,
    /// Checked after the verifier.
    redirect_uri: Result<RedirectUriParam, OAuthError>,
}

/// A `redirect_uri` with a scheme.
#[derive(Debug)]
enum RedirectUriParam {
    Text(String),
    /// JSON that is not text. It matches no code.
    Json,
}

/// What is wrong with a `code_verifier`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InvalidVerifier {
    Missing,
    Malformed,
}

/// The parameters of the refresh token grant.
#[derive(Debug)]
pub(crate) struct RefreshRequest {
    pub(crate) token: Secret,
    /// The `scope`, if it is not empty. Checked once the token is found.
    scope: Result<Option<String>, OAuthError>,
}

/// The parameters of the client credentials grant.
#[derive(Debug)]
pub(crate) struct ClientCredentialsRequest {
    /// The `scope`, which has only characters that a scope may have.
    scope: Option<String>,
}

/// The scope of a `client_credentials` request: absent, unreadable, or a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RequestedScope {
    Absent,
    Unreadable,
    Read(Scope),
}

impl TokenRequest {
    /// `authorization` is the value of the header, Basic or not.
    pub(crate) fn parse(authorization: Option<&str>, params: &Params) -> Self {
        Self {
            claimed_client_id: Credentials::claimed_client_id(authorization, params),
            body_client_id: params.text("client_id").map(str::to_owned),
            credentials: Credentials::parse(authorization, params),
            grant: TokenGrant::parse(params),
        }
    }

    /// Whether the client asks for a token of its own.
    pub(crate) fn is_client_credentials(&self) -> bool {
        matches!(self.grant, Ok(TokenGrant::ClientCredentials(_)))
    }
}

impl TokenGrant {
    fn parse(params: &Params) -> Result<Self, OAuthError> {
        let Some(name) = params.non_empty("grant_type") else {
            return Err(OAuthError::missing_parameter("grant_type"));
        };
        if !is_name_char(&name) && !has_scheme(&name) {
            return Err(OAuthError::invalid_parameter("grant_type"));
        }
        let grant = match GrantType::from_text(&name) {
            GrantType::AuthorizationCode => Self::AuthorizationCode(CodeExchange::parse(params)),
            GrantType::ClientCredentials => {
                Self::ClientCredentials(ClientCredentialsRequest::parse(params))
            }
            GrantType::Password => Self::Password,
            GrantType::RefreshToken => Self::RefreshToken(RefreshRequest::parse(params)),
            _ => {
                return Err(OAuthError::new(
                    ErrorCode::UnsupportedGrantType,
                    "Unsupported grant type: `grant_type` is invalid",
                ));
            }
        };
        // A JSON list of one name is read as the name, but no client may use a list.
        params
            .text("grant_type")
            .map(|_| grant)
            .ok_or_else(grant_not_allowed_error)
    }

    pub(crate) fn grant_type(&self) -> GrantType {
        match self {
            Self::AuthorizationCode(_) => GrantType::AuthorizationCode,
            Self::RefreshToken(_) => GrantType::RefreshToken,
            Self::ClientCredentials(_) => GrantType::ClientCredentials,
            Self::Password => GrantType::Password,
        }
    }
}

/// A code or a token. Errors: it is missing or not printable ASCII.
fn secret(params: &Params, name: &'static str) -> Result<Secret, OAuthError> {
    let value = params
        .non_empty(name)
        .ok_or_else(|| OAuthError::missing_parameter(name))?;
    if !is_vschar(&value) {
        return Err(OAuthError::invalid_parameter(name));
    }
    Ok(Secret::new(value))
}

impl CodeExchange {
    fn parse(params: &Params) -> Result<Self, OAuthError> {
        let text = |name| params.text(name).map(str::to_owned);
        let redirect_uri = params
            .non_empty("redirect_uri")
            .filter(|given| has_scheme(given))
            .map(|_| text("redirect_uri").map_or(RedirectUriParam::Json, RedirectUriParam::Text))
            .ok_or_else(|| {
                OAuthError::invalid_request("Invalid request: `redirect_uri` is not a valid URI")
            });
        Ok(Self {
            code: secret(params, "code")?,
            verifier: match params.non_empty("code_verifier") {
                None => Err(InvalidVerifier::Missing),
                // JSON that is not text is never a verifier.
                Some(_) => text("code_verifier")
                    .and_then(|text| Verifier::parse(&text))
                    .ok_or(InvalidVerifier::Malformed),
            },
            redirect_uri,
        })
    }

    /// The redirect URI that was sent, if it is text that may be one.
    pub(crate) fn redirect_uri_text(&self) -> Option<&str> {
        match self.redirect_uri.as_ref() {
            Ok(RedirectUriParam::Text(given)) => Some(given),
            _ => None,
        }
    }

    /// Errors: it is not the redirect URI that the code was issued for.
    pub(crate) fn check_redirect_uri(&self, issued_for: &str) -> Result<(), OAuthError> {
        match self.redirect_uri.as_ref().map_err(Clone::clone)? {
            RedirectUriParam::Text(given) if given == issued_for => Ok(()),
            _ => Err(OAuthError::invalid_request(
                "Invalid request: `redirect_uri` is invalid",
            )),
        }
    }
}

impl InvalidVerifier {
    /// Difference `missing-parameter`.
    pub(crate) fn to_oauth_error(self, rules: &ContractRules) -> OAuthError {
        match self {
            Self::Missing => {
                let mut missing = OAuthError::missing_parameter("code_verifier");
                rules.record_divergence(Difference::MissingParameter, true);
                if rules.follows_deployed_server(Difference::MissingParameter) {
                    missing.code = ErrorCode::InvalidGrant;
                }
                missing
            }
            Self::Malformed => OAuthError::invalid_parameter("code_verifier"),
        }
    }
}

impl RefreshRequest {
    fn parse(params: &Params) -> Result<Self, OAuthError> {
        let scope = params.scope().map_err(|()| malformed_scope_error());
        let not_empty = |scope: &str| (!scope.is_empty()).then(|| scope.to_owned());
        Ok(Self {
            token: secret(params, "refresh_token")?,
            scope: scope.map(|scope| scope.and_then(not_empty)),
        })
    }

    /// The scope to narrow `granted` to, if one is given. Errors: it is unreadable.
    pub(crate) fn narrowed_scope(&self, granted: Scope) -> Result<Option<Scope>, OAuthError> {
        let Some(text) = self.scope.as_ref().map_err(Clone::clone)? else {
            return Ok(None);
        };
        Scope::parse_decimal(text, granted)
            .map(|scope| Some(scope.with_user_read()))
            .ok_or_else(|| OAuthError::invalid_scope("Invalid scope value"))
    }
}

impl ClientCredentialsRequest {
    fn parse(params: &Params) -> Result<Self, OAuthError> {
        let scope = params.scope().map_err(|()| malformed_scope_error())?;
        if scope.is_some_and(|scope| !is_scope_text(scope.trim())) {
            return Err(malformed_scope_error());
        }
        let scope = scope.map(str::to_owned);
        Ok(Self { scope })
    }

    /// The scope, as a client reads it that may name the bits of `declared` too.
    pub(crate) fn scope(&self, declared: Scope, rules: &ContractRules) -> RequestedScope {
        match &self.scope {
            None => RequestedScope::Absent,
            Some(text) => Scope::parse_by(text, declared, rules)
                .map_or(RequestedScope::Unreadable, RequestedScope::Read),
        }
    }
}
