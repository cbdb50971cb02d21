//! OAuth errors, with the codes of RFC 6749 and Civitai. `http/respond.rs` chooses the status.

use std::borrow::Cow;

/// Declares the codes with their names.
macro_rules! error_codes {
    ($($(#[$doc:meta])* $code:ident $name:literal)*) => {
        /// An error code of RFC 6749 §5.2, RFC 6750 §3.1, RFC 8628 §3.5, or Civitai's own.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum ErrorCode {
            $($(#[$doc])* $code,)*
        }

        impl ErrorCode {
            pub(crate) const ALL: [Self; [$($name),*].len()] = [$(Self::$code),*];

            pub(crate) fn name(self) -> &'static str {
                match self { $(Self::$code => $name,)* }
            }
        }
    };
}

error_codes! {
    /// The app is closed to this user.
    AccessDenied "access_denied"
    /// The request has `allowed=false`: the same code, another status.
    UserDenied "access_denied"
    AuthorizationPending "authorization_pending"
    ExpiredToken "expired_token"
    InsufficientScope "insufficient_scope"
    InvalidClient "invalid_client"
    /// Civitai's code for a user code that is invalid.
    InvalidCode "invalid_code"
    InvalidGrant "invalid_grant"
    InvalidRequest "invalid_request"
    InvalidScope "invalid_scope"
    InvalidToken "invalid_token"
    OriginNotAllowed "origin_not_allowed"
    RateLimited "rate_limited"
    ServerError "server_error"
    /// Civitai's code for a request without a session.
    Unauthorized "unauthorized"
    UnauthorizedClient "unauthorized_client"
    UnsupportedGrantType "unsupported_grant_type"
    /// Ours: the database file cannot be written.
    Unwritable "unwritable"
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
pub(crate) fn malformed_scope_error() -> OAuthError {
    OAuthError::invalid_scope("Invalid parameter: `scope`")
}

/// The error for a scope that exceeds that of the client.
pub(crate) fn scope_not_allowed_error() -> OAuthError {
    OAuthError::invalid_scope("Invalid scope: Requested scope is invalid")
}

/// The error for a grant that the client may not use.
pub(crate) fn grant_not_allowed_error() -> OAuthError {
    OAuthError::unauthorized_client("Unauthorized client: `grant_type` is invalid")
}

/// The error for an unknown client or a wrong secret.
pub(crate) fn invalid_client_error() -> OAuthError {
    OAuthError::invalid_client("Invalid client: client is invalid")
}
