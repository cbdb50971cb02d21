//! The introspection request (RFC 7662 §2.1). `oauth/introspect.rs` answers it.

use super::client_auth::{self, Credentials};
use crate::protocol::params::Params;
use crate::protocol::secret::Secret;

/// An introspection request.
#[derive(Debug)]
pub(crate) struct IntrospectRequest {
    /// None if they are incomplete. They include a secret.
    pub(crate) credentials: Option<Credentials>,
    /// None counts as an inactive token.
    pub(crate) token: Option<Secret>,
}

impl IntrospectRequest {
    /// `authorization` is the value of the header, Basic or not.
    pub(crate) fn parse(authorization: Option<&str>, params: &Params) -> Self {
        Self {
            credentials: client_auth::introspection_credentials(authorization, params),
            token: params.text("token").map(Secret::new),
        }
    }
}
