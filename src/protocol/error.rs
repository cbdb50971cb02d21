//! OAuth errors, with the codes of RFC 6749 and Civitai. `http/respond.rs` chooses the status.

use std::borrow::Cow;

/// An error code of RFC 6749 §5.2, RFC 6750 §3.1, RFC 8628 §3.5, or Civitai's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ErrorCode {
    /// The app is closed to this user.
    AccessDenied,
    /// The request has `allowed=false`: the same code, another status.
    UserDenied,
    AuthorizationPending,
    ExpiredToken,
    InsufficientScope,
    InvalidClient,
    /// Civitai's code for a user code that is invalid.
    InvalidCode,
    InvalidGrant,
    InvalidRequest,
    InvalidScope,
    InvalidToken,
    OriginNotAllowed,
    RateLimited,
    ServerError,
    /// Civitai's code for a request without a session.
    Unauthorized,
    UnauthorizedClient,
    UnsupportedGrantType,
    /// Ours: the database file cannot be written.
    Unwritable,
}

impl ErrorCode {
    pub(crate) const ALL: [Self; 18] = [
        Self::AccessDenied,
        Self::UserDenied,
        Self::AuthorizationPending,
        Self::ExpiredToken,
        Self::InsufficientScope,
        Self::InvalidClient,
        Self::InvalidCode,
        Self::InvalidGrant,
        Self::InvalidRequest,
        Self::InvalidScope,
        Self::InvalidToken,
        Self::OriginNotAllowed,
        Self::RateLimited,
        Self::ServerError,
        Self::Unauthorized,
        Self::UnauthorizedClient,
        Self::UnsupportedGrantType,
        Self::Unwritable,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::AccessDenied | Self::UserDenied => "access_denied",
            Self::AuthorizationPending => "authorization_pending",
            Self::ExpiredToken => "expired_token",
            Self::InsufficientScope => "insufficient_scope",
            Self::InvalidClient => "invalid_client",
            Self::InvalidCode => "invalid_code",
            Self::InvalidGrant => "invalid_grant",
            Self::InvalidRequest => "invalid_request",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidToken => "invalid_token",
            Self::OriginNotAllowed => "origin_not_allowed",
            Self::RateLimited => "rate_limited",
            Self::ServerError => "server_error",
            Self::Unauthorized => "unauthorized",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::Unwritable => "unwritable",
        }
    }
}

/// An OAuth error, as the response reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OAuthError {
    pub(crate) code: ErrorCode,
    pub(crate) description: Option<Cow<'static, str>>,
    /// The request has an `Authorization` header: a client that fails to authenticate with it gets 401.
    pub(crate) by_header: bool,
}

impl OAuthError {
    pub(crate) fn new(code: ErrorCode, description: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            description: Some(description.into()),
            by_header: false,
        }
    }

    /// An error without a description, as at Civitai.
    pub(crate) fn bare(code: ErrorCode) -> Self {
        Self {
            code,
            description: None,
            by_header: false,
        }
    }

    pub(crate) fn access_denied(description: &'static str) -> Self {
        Self::new(ErrorCode::AccessDenied, description)
    }

    pub(crate) fn invalid_client(description: &'static str) -> Self {
        Self::new(ErrorCode::InvalidClient, description)
    }

    pub(crate) fn invalid_grant(description: &'static str) -> Self {
        Self::new(ErrorCode::InvalidGrant, description)
    }

    pub(crate) fn invalid_request(description: &'static str) -> Self {
        Self::new(ErrorCode::InvalidRequest, description)
    }

    pub(crate) fn invalid_scope(description: &'static str) -> Self {
        Self::new(ErrorCode::InvalidScope, description)
    }

    pub(crate) fn invalid_token(description: &'static str) -> Self {
        Self::new(ErrorCode::InvalidToken, description)
    }

    pub(crate) fn rate_limited(description: &'static str) -> Self {
        Self::new(ErrorCode::RateLimited, description)
    }

    pub(crate) fn unauthorized_client(description: &'static str) -> Self {
        Self::new(ErrorCode::UnauthorizedClient, description)
    }

    /// "Missing parameter: `name`".
    pub(crate) fn missing_parameter(name: &'static str) -> Self {
        Self::new(
            ErrorCode::InvalidRequest,
            format!("Missing parameter: `{name}`"),
        )
    }

    /// "Invalid parameter: `name`".
    pub(crate) fn invalid_parameter(name: &'static str) -> Self {
        Self::new(
            ErrorCode::InvalidRequest,
            format!("Invalid parameter: `{name}`"),
        )
    }

    /// A failure of the server. The log has the details, the response has none.
    pub(crate) fn server_error() -> Self {
        Self::new(ErrorCode::ServerError, "Internal error")
    }
}

/// The error for a scope with an invalid character.
pub(crate) fn bad_scope_text() -> OAuthError {
    OAuthError::invalid_scope("Invalid parameter: `scope`")
}

/// The error for a scope that exceeds that of the client.
pub(crate) fn scope_refused() -> OAuthError {
    OAuthError::invalid_scope("Invalid scope: Requested scope is invalid")
}

/// The error for a grant that the client may not use.
pub(crate) fn grant_refused() -> OAuthError {
    OAuthError::unauthorized_client("Unauthorized client: `grant_type` is invalid")
}

/// The error for an unknown client or a wrong secret.
pub(crate) fn client_refused() -> OAuthError {
    OAuthError::invalid_client("Invalid client: client is invalid")
}
