//! [`MockSandbox`]: the name and the address of a sandbox. Each operation looks the sandbox up, as it may be deleted and
//! created again at any time.

use std::sync::Arc;

use super::MockError;
use crate::http::base_url::SandboxPrefix;
use crate::http::state::ServerState;
use crate::protocol::scope::Scope;
use crate::sandbox::Sandbox;
use crate::sandbox::name::DEFAULT;
use crate::sandbox::template::CreatedBy;
use crate::server::Server;

/// One sandbox of a [`MockServer`](crate::MockServer): users, clients, tokens, clock, settings, faults and journal
/// of its own. The types of its methods are in [`control`](crate::control).
///
/// A handle may be cloned, and sent to other tasks; it keeps no server running.
#[derive(Debug, Clone)]
pub struct MockSandbox {
    state: Arc<ServerState>,
    name: String,
    base_url: String,
}

impl MockSandbox {
    pub(crate) fn new(server: &Server, name: &str) -> Self {
        let base_url = match name {
            DEFAULT => server.base_url(),
            name => server.base_url() + &SandboxPrefix::for_name(name),
        };
        Self {
            state: Arc::clone(server.state()),
            name: name.to_owned(),
            base_url,
        }
    }

    /// The sandbox, which is created if it does not exist.
    pub(super) async fn open(&self) -> Result<Sandbox, MockError> {
        let registry = &self.state.registry;
        let sandbox = registry.get_or_create(&self.name, CreatedBy::Explicit);
        let sandbox = sandbox.await?;
        registry.mark_explicit(&self.name).await?;
        Ok(sandbox)
    }

    /// The name; `default` for the sandbox without a path prefix.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The base URL for the app: `http://127.0.0.1:49152`, followed by `/_sandbox/{name}` except for the default sandbox.
    pub fn base_url(&self) -> String {
        self.base_url.clone()
    }

    /// The URL that an app sends the browser to. `state` comes back with the code; `challenge` is the S256 of the verifier
    /// (RFC 7636 §4.2).
    pub fn authorize_url(
        &self,
        client_id: &str,
        redirect_uri: &str,
        scope: Scope,
        (state, challenge): (&str, &str),
    ) -> String {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("client_id", client_id)
            .append_pair("redirect_uri", redirect_uri)
            .append_pair("response_type", "code")
            .append_pair("scope", &scope.to_string())
            .append_pair("state", state)
            .append_pair("code_challenge", challenge)
            .append_pair("code_challenge_method", "S256")
            .finish();
        format!("{}/api/auth/oauth/authorize?{query}", self.base_url)
    }
}
