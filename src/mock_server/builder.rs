//! What a [`MockServer`] starts with.

use std::path::Path;

use super::server::MockServer;
use crate::config::Config;
use crate::contract::{Contract, Difference};
use crate::control::{SettingsPatch, UserRef};
use crate::invalid::Invalid;
use crate::sandbox::settings::ConsentMode;
use crate::server::{Server, StartError};

/// What a [`MockServer`] starts with.
///
/// ```
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use civitai_oauth_mock::{ConsentMode, Contract, MockServer};
///
/// let server = MockServer::builder()
///     .seed("[[users]]\nid = 1\nusername = \"mia\"")?
///     .contract(Contract::Live)
///     .login("mia")
///     .consent(ConsentMode::Approve)
///     .start()
///     .await?;
/// assert_eq!(server.users().await?.len(), 1);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct MockServerBuilder {
    config: Config,
}

impl MockServerBuilder {
    /// Begins with these users and clients (TOML in the seed format) instead of the demo ones. Errors name line, key,
    /// value and rule.
    pub fn seed(mut self, toml: &str) -> Result<Self, Invalid> {
        self.config.set_seed(toml, Path::new("seed"))?;
        Ok(self)
    }

    /// Follows this contract.
    #[must_use]
    pub fn contract(self, contract: Contract) -> Self {
        self.settings(SettingsPatch::new().contract(contract))
    }

    /// Sets the contract of one difference.
    #[must_use]
    pub fn difference(self, difference: Difference, contract: Contract) -> Self {
        self.settings(SettingsPatch::new().difference(difference, contract))
    }

    /// Signs in as this user for requests without a session. Text is first a username, then an id; a number is an id.
    #[must_use]
    pub fn login(self, user: impl Into<UserRef>) -> Self {
        self.settings(SettingsPatch::new().login(user))
    }

    /// What happens instead of the consent page.
    #[must_use]
    pub fn consent(self, mode: ConsentMode) -> Self {
        self.settings(SettingsPatch::new().consent(mode))
    }

    /// Begins with these settings; a reset goes back to them.
    #[must_use]
    pub fn settings(mut self, settings: SettingsPatch) -> Self {
        self.config.settings = self.config.settings.patched(settings);
        self
    }

    /// Generates the same ids, codes and tokens in every run.
    #[must_use]
    pub fn entropy_seed(mut self, seed: u64) -> Self {
        self.config.entropy_seed = Some(seed);
        self
    }

    /// Bounds the memory of the journals of all sandboxes together, in bytes. The oldest requests are removed first.
    #[must_use]
    pub fn journal_memory(mut self, bytes: usize) -> Self {
        self.config.journal_memory = bytes;
        self
    }

    /// Starts from this configuration, for settings that have no method here.
    #[must_use]
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Starts the server. Errors: an address or the database cannot be used, or the configuration contradicts itself.
    pub async fn start(self) -> Result<MockServer, StartError> {
        Ok(MockServer::new(Server::start(self.config).await?))
    }
}

impl MockServer {
    /// Starts a server with the demo users and clients on a free port.
    ///
    /// # Panics
    ///
    /// If the system has no free port.
    pub async fn start() -> Self {
        Self::builder()
            .start()
            .await
            .expect("the loopback interface has a free port")
    }

    /// A builder, for a server with other users, settings or addresses.
    pub fn builder() -> MockServerBuilder {
        MockServerBuilder::default()
    }
}
