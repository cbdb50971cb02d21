//! [`MockServer`]: a server of its own on a free port.

use std::ops::Deref;

use super::MockError;
use super::sandbox::MockSandbox;
use crate::control::{NewSandbox, SandboxInfo, check_name};
use crate::sandbox::name::DEFAULT;
use crate::server::Server;

/// A mock of Civitai's OAuth server in this process. It stops when it is dropped.
///
/// Its operations are those of [`MockSandbox`]: a server dereferences to its default sandbox, and may have more.
///
/// ```
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
///
/// use civitai_oauth_mock::control::{Endpoint, Expect, Fault, GrantType, NewTokens};
/// use civitai_oauth_mock::{MockServer, Scope};
///
/// let server = MockServer::start().await;
/// let client = "dec0de00-0000-4000-8000-000000000001";
/// let tokens = server.issue_tokens(NewTokens::new(client, "ada", Scope::AI_SERVICES)).await?;
/// assert_eq!(tokens.scope.to_string(), "114689");
///
/// // An hour later the access token has expired, and the refresh is rejected.
/// server.advance_clock(Duration::from_secs(3601)).await?;
/// assert!(!server.introspect_token(&tokens.access_token).await?.active);
/// let refused = Fault::endpoint(Endpoint::Token).grant_type(GrantType::RefreshToken).error("invalid_grant");
/// server.add_fault(refused).await?;
///
/// // … let the app at server.base_url() do its work, then:
/// server.verify([Expect::endpoint(Endpoint::Token).refresh_token().at_most(1)]).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct MockServer {
    server: Server,
    default: MockSandbox,
}

impl Deref for MockServer {
    type Target = MockSandbox;

    /// The default sandbox.
    fn deref(&self) -> &MockSandbox {
        &self.default
    }
}

impl MockServer {
    pub(super) fn new(server: Server) -> Self {
        let default = MockSandbox::new(&server, DEFAULT);
        Self { server, default }
    }

    /// The server behind it: its addresses and its certificate.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// The sandbox below `/_sandbox/{name}`. The first request or operation creates it. Errors: the name is not valid (at
    /// most 64 letters, digits, `-`, `_` and `.`).
    ///
    /// ```
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use civitai_oauth_mock::MockServer;
    /// let server = MockServer::start().await;
    /// let checkout = server.sandbox("checkout")?;
    /// assert!(checkout.base_url().ends_with("/_sandbox/checkout"));
    /// checkout.delete_user("ada").await?;
    /// assert_eq!(server.user("ada").await?.username.as_deref(), Some("ada"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn sandbox(&self, name: &str) -> Result<MockSandbox, MockError> {
        check_name(name)?;
        Ok(MockSandbox::new(&self.server, name))
    }

    /// Creates a sandbox with a seed and settings of its own. Errors: the name is taken, or the seed and the settings are not
    /// valid.
    pub async fn create_sandbox(&self, made: NewSandbox) -> Result<MockSandbox, MockError> {
        let made = self.server.state().registry.create_sandbox(made).await?;
        Ok(MockSandbox::new(&self.server, &made.name))
    }

    /// All sandboxes, by name.
    #[expect(
        clippy::unused_async,
        reason = "all operations are called in the same way"
    )]
    pub async fn sandboxes(&self) -> Result<Vec<SandboxInfo>, MockError> {
        Ok(self.server.state().registry.list_sandboxes().sandboxes)
    }

    /// One sandbox. Errors: it does not exist.
    #[expect(
        clippy::unused_async,
        reason = "all operations are called in the same way"
    )]
    pub async fn sandbox_info(&self, name: &str) -> Result<SandboxInfo, MockError> {
        self.server.state().registry.read_sandbox(name)
    }

    /// Deletes a sandbox with all its data. The next request creates it again. Errors: it does not exist, or it is the
    /// default one.
    pub async fn delete_sandbox(&self, name: &str) -> Result<(), MockError> {
        self.server.state().registry.delete_sandbox(name).await
    }

    /// Stops the server and waits until it has.
    pub async fn stop(self) {
        self.server.stop().await;
    }
}
