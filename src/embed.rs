//! How does a Rust test use the mock? `MockServer`: a server of its own on a free port, and every control verb as a
//! method. The verbs themselves are `control/`; this is one more door to them.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::config::Config;
use crate::contract::{Contract, Difference};
use crate::control::requests::Asked;
use crate::control::{ControlError, Whose};
use crate::invalid::Invalid;
use crate::protocol::duration::Length;
use crate::protocol::scope::Scope;
use crate::sandbox::Sandbox;
use crate::sandbox::registry::DEFAULT;
use crate::sandbox::settings::ConsentMode;
use crate::server::{Server, StartError};
use crate::store::StoreError;

/// A mock of Civitai's OAuth server in this process. It stops when it is dropped.
///
/// ```
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use civitai_oauth_mock::MockServer;
///
/// let server = MockServer::start().await;
/// let tokens = server.mint("dec0de00-0000-4000-8000-000000000001", "ada", "AI Services").await?;
/// assert_eq!(tokens["scope"], "114689");
///
/// // An hour later the access token has run out.
/// server.advance(std::time::Duration::from_secs(3601)).await?;
/// let token = tokens["access_token"].as_str().unwrap_or_default();
/// assert_eq!(server.introspect(token).await?["active"], false);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct MockServer {
    server: Server,
    sandbox: Sandbox,
}

/// What a [`MockServer`] starts with.
#[derive(Debug, Clone, Default)]
pub struct MockServerBuilder {
    config: Config,
}

/// A control verb was not carried out: the input is wrong, what it names is not there, or the journal is not what
/// was expected. The text says what, where and how to mend it.
#[derive(Debug, thiserror::Error)]
pub enum MockError {
    /// The input is wrong, or what it names is not there.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The journal is not what was expected: what differs, one sentence each.
    #[error("{}", .0.join("; "))]
    Mismatch(Vec<String>),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<ControlError> for MockError {
    fn from(why: ControlError) -> Self {
        match why {
            ControlError::Invalid(why)
            | ControlError::NotFound(why)
            | ControlError::Conflict(why) => Self::Invalid(why),
            ControlError::Mismatch { differences, .. } => Self::Mismatch(differences),
            ControlError::Store(why) => Self::Store(why),
        }
    }
}

type Outcome = Result<Value, MockError>;

impl MockServerBuilder {
    /// Begins with these users and clients (TOML in the seed format) instead of the demo ones.
    pub fn seed(mut self, toml: &str) -> Result<Self, Invalid> {
        self.config.set_seed(toml, Path::new("seed"))?;
        Ok(self)
    }

    /// Follows this contract.
    #[must_use]
    pub fn contract(mut self, contract: Contract) -> Self {
        self.config.settings.rules.contract = contract;
        self
    }

    /// Sets one difference apart from the contract.
    #[must_use]
    pub fn difference(mut self, difference: Difference, side: Contract) -> Self {
        self.config
            .settings
            .rules
            .differences
            .insert(difference, side);
        self
    }

    /// Signs whoever has no session in as this user, by id or username.
    #[must_use]
    pub fn login(mut self, user: &str) -> Self {
        self.config.set_login(user);
        self
    }

    /// What the consent page is replaced by.
    #[must_use]
    pub fn consent(mut self, mode: ConsentMode) -> Self {
        self.config.set_consent(mode);
        self
    }

    /// Draws the same ids, codes and tokens in every run.
    #[must_use]
    pub fn entropy_seed(mut self, seed: u64) -> Self {
        self.config.entropy_seed = Some(seed);
        self
    }

    /// Starts from this configuration, for what the other methods do not offer.
    #[must_use]
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Starts the server.
    pub async fn start(self) -> Result<MockServer, StartError> {
        let server = Server::start(self.config).await?;
        let sandbox = server.sandbox(DEFAULT).await?;
        Ok(MockServer { server, sandbox })
    }
}

impl MockServer {
    /// Starts a server with the demo users and clients on a free port.
    ///
    /// # Panics
    ///
    /// Where the system has no port to give.
    pub async fn start() -> Self {
        Self::builder()
            .start()
            .await
            .expect("the loopback interface has a free port")
    }

    /// A server to be set up before it starts.
    pub fn builder() -> MockServerBuilder {
        MockServerBuilder::default()
    }

    /// Where to point the app: `http://127.0.0.1:49152`.
    pub fn base_url(&self) -> String {
        self.server.base_url()
    }

    /// As it stands after the last reset.
    fn sandbox(&self) -> Sandbox {
        self.sandbox.renewed()
    }

    /// The server behind it.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// The URL that an app sends the browser to. `challenge` is the S256 of the verifier.
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
        format!("{}/api/auth/oauth/authorize?{query}", self.base_url())
    }

    /// Back to the seed and the start-up settings.
    pub async fn reset(&self) -> Result<(), MockError> {
        Ok(self.sandbox().reset().await?)
    }

    /// Moves the clock on.
    pub async fn advance(&self, by: Duration) -> Result<(), MockError> {
        let by = Length(i64::try_from(by.as_millis()).unwrap_or(i64::MAX));
        self.sandbox().move_clock(by).await?;
        Ok(())
    }

    /// Stops the clock where it stands.
    pub async fn freeze(&self) -> Result<(), MockError> {
        self.sandbox().freeze_clock(json!({})).await?;
        Ok(())
    }

    /// Lets a stopped clock run on.
    pub async fn resume(&self) -> Result<(), MockError> {
        self.sandbox().resume_clock(json!({})).await?;
        Ok(())
    }

    /// Changes some settings, as `PATCH /_mock/settings` does.
    pub async fn set(&self, settings: Value) -> Outcome {
        Ok(json!(self.sandbox().patch_settings(settings).await?))
    }

    /// Registers a client with the keys of the seed format.
    pub async fn create_client(&self, client: Value) -> Outcome {
        Ok(json!(self.sandbox().create_client(client).await?))
    }

    /// Makes a user with the keys of the seed format.
    pub async fn create_user(&self, user: Value) -> Outcome {
        Ok(json!(self.sandbox().create_user(user).await?))
    }

    /// Mints tokens; the answer is that of `/token`. `scope` is a number, a preset or names.
    pub async fn mint(&self, client_id: &str, user: &str, scope: &str) -> Outcome {
        let asked = json!({ "client_id": client_id, "user": user, "scope": scope });
        Ok(self.sandbox().mint_tokens(asked).await?)
    }

    /// Issues an authorization code without a browser, as `POST /_mock/codes` does.
    pub async fn issue_code(&self, code: Value) -> Outcome {
        Ok(self.sandbox().issue_code(code).await?)
    }

    /// What a token stands for.
    pub async fn introspect(&self, token: &str) -> Outcome {
        Ok(self.sandbox().introspect(json!({ "token": token })).await?)
    }

    /// Lets every access token run out now.
    pub async fn expire_access_tokens(&self) -> Outcome {
        Ok(self.sandbox().expire_tokens(json!({})).await?)
    }

    /// Removes every token, as if all users had revoked all apps.
    pub async fn revoke_all(&self) -> Outcome {
        Ok(self.sandbox().revoke_tokens(json!({})).await?)
    }

    /// Signs a user in; gives the `Cookie` that a browser would send.
    pub async fn sign_in(&self, user: &str) -> Result<String, MockError> {
        let session = self
            .sandbox()
            .create_session(json!({ "user": user }))
            .await?;
        Ok(session["cookie"].as_str().unwrap_or_default().to_owned())
    }

    /// Approves the device that shows this code.
    pub async fn approve_device(&self, user_code: &str, user: &str) -> Result<(), MockError> {
        let approval = json!({ "user_code": user_code, "user": user });
        self.sandbox().approve_device(approval).await?;
        Ok(())
    }

    /// Sets a fault, as `POST /_mock/faults` does.
    pub fn fault(&self, fault: Value) -> Outcome {
        Ok(json!(self.sandbox().create_fault(fault)?))
    }

    /// Sets a fault by its name, such as `token-endpoint-down`.
    pub async fn preset(&self, name: &str) -> Outcome {
        Ok(self.sandbox().create_preset(name, json!({})).await?)
    }

    /// Removes every fault.
    pub fn clear_faults(&self) {
        self.sandbox().clear_faults();
    }

    /// Takes a snapshot, in place of one of the same name.
    pub async fn snapshot(&self, name: &str) -> Outcome {
        Ok(self.sandbox().take_snapshot(name).await?)
    }

    /// Goes back to a snapshot.
    pub async fn restore(&self, name: &str) -> Result<(), MockError> {
        Ok(self.sandbox().restore_snapshot(name).await?)
    }

    /// What the app has sent and was answered: `{"requests","counters"}`, oldest first, secrets redacted.
    pub async fn requests(&self) -> Outcome {
        Ok(self.sandbox().list_requests(Asked::default()).await?)
    }

    /// The tokens there are.
    pub async fn tokens(&self) -> Outcome {
        Ok(self.sandbox().list_tokens(Whose::default()).await?)
    }

    /// Checks the journal against expectations. Errors: [`MockError::Mismatch`] says what differs.
    ///
    /// ```
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use civitai_oauth_mock::MockServer;
    /// # use serde_json::json;
    /// let server = MockServer::start().await;
    /// server.verify(json!([{"endpoint": "token", "times": 0}])).await?;
    /// let wrong = server.verify(json!([{"endpoint": "token", "grant_type": "refresh_token"}])).await;
    /// assert_eq!(
    ///     wrong.unwrap_err().to_string(),
    ///     "[0] token refresh_token: expected at least 1, came 0"
    /// );
    /// # Ok(())
    /// # }
    /// ```
    pub async fn verify(&self, expectations: Value) -> Result<(), MockError> {
        self.sandbox().verify(expectations).await?;
        Ok(())
    }

    /// Stops the server and waits until it has.
    pub async fn stop(self) {
        self.server.stop().await;
    }
}
