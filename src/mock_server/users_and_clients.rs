//! Users, clients, consents, spends and devices, from a Rust test.

use super::MockError;
use super::sandbox::MockSandbox;
use crate::control::{
    Approval, Client, ClientSpec, ConsentView, Denial, GrantFilter, NewConsent, NewSecret,
    NewSession, ResetBudgets, SessionCookie, SessionFilter, SessionView, SpendView, User, UserRef,
    UserSpec,
};

impl MockSandbox {
    /// Every user, by id.
    pub async fn users(&self) -> Result<Vec<User>, MockError> {
        Ok(self.open().await?.list_users())
    }

    /// Creates a user. Errors: id or username are taken.
    ///
    /// ```
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use civitai_oauth_mock::MockServer;
    /// use civitai_oauth_mock::control::UserSpec;
    ///
    /// let server = MockServer::start().await;
    /// let mia = server.create_user(UserSpec::named("mia").tier("gold")).await?;
    /// let mia = server.update_user(&mia, UserSpec::new().banned(true).no_tier()).await?;
    /// assert!(mia.banned && mia.tier.is_none());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn create_user(&self, user: UserSpec) -> Result<User, MockError> {
        self.open().await?.create_user(user).await
    }

    /// One user, deleted or not. Errors: no user has this id or name.
    pub async fn user(&self, named: impl Into<UserRef>) -> Result<User, MockError> {
        let named = named.into();
        self.open().await?.read_user(&named)
    }

    /// Changes some keys of a user. Errors: no user has this id or name, or the new username is taken.
    pub async fn update_user(
        &self,
        named: impl Into<UserRef>,
        changes: UserSpec,
    ) -> Result<User, MockError> {
        let named = named.into();
        self.open().await?.update_user(&named, changes).await
    }

    /// Deletes a user with their tokens, codes, consents, spends and sessions. Errors: no user has this id or name.
    pub async fn delete_user(&self, named: impl Into<UserRef>) -> Result<(), MockError> {
        let named = named.into();
        self.open().await?.delete_user(&named).await
    }

    /// Signs a user in without a page: creates a session and returns its cookie (`POST /_mock/sessions`). Errors: no user has this
    /// id or name.
    pub async fn sign_in(&self, user: impl Into<UserRef>) -> Result<SessionCookie, MockError> {
        let user = user.into();
        self.open().await?.create_session(NewSession { user }).await
    }

    /// The sessions of all users or of one. Errors: the user does not exist.
    pub async fn sessions(&self, user: Option<UserRef>) -> Result<Vec<SessionView>, MockError> {
        let filter = SessionFilter { user };
        Ok(self.open().await?.list_sessions(&filter)?.sessions)
    }

    /// Signs a user out, or all users: deletes their sessions and returns how many (`DELETE /_mock/sessions`). Errors: the user
    /// does not exist.
    pub async fn sign_out(&self, user: Option<UserRef>) -> Result<u64, MockError> {
        let filter = SessionFilter { user };
        Ok(self.open().await?.delete_sessions(filter).await?.deleted)
    }

    /// Every client.
    pub async fn clients(&self) -> Result<Vec<Client>, MockError> {
        Ok(self.open().await?.list_clients())
    }

    /// Creates a client. Errors: it has no name, the id is taken, the owner is not there, or a redirect URI or an origin
    /// is none.
    pub async fn create_client(&self, client: ClientSpec) -> Result<Client, MockError> {
        self.open().await?.create_client(client).await
    }

    /// One client. Errors: no client has this id.
    pub async fn client(&self, id: &str) -> Result<Client, MockError> {
        self.open().await?.read_client(id)
    }

    /// Changes some keys of a client. Errors: no client has this id, or a value is invalid.
    pub async fn update_client(&self, id: &str, changes: ClientSpec) -> Result<Client, MockError> {
        self.open().await?.update_client(id, changes).await
    }

    /// Deletes a client with its tokens, codes and consents. Errors: no client has this id.
    pub async fn delete_client(&self, id: &str) -> Result<(), MockError> {
        self.open().await?.delete_client(id).await
    }

    /// Replaces the secret of a confidential client. Errors: no client has this id, or it
    /// is public.
    pub async fn rotate_secret(&self, id: &str) -> Result<NewSecret, MockError> {
        self.open().await?.rotate_secret(id).await
    }

    /// The consents of users.
    pub async fn consents(&self, filter: GrantFilter) -> Result<Vec<ConsentView>, MockError> {
        Ok(self.open().await?.list_consents(filter)?.consents)
    }

    /// Sets the consent of a user to a client, in place of an earlier one. Errors: the user or client does not exist, or the
    /// budget is invalid.
    pub async fn set_consent(&self, agreement: NewConsent) -> Result<ConsentView, MockError> {
        self.open().await?.set_consent(agreement).await
    }

    /// Deletes consents and returns how many. Errors: the user or client does not exist.
    pub async fn delete_consents(&self, filter: GrantFilter) -> Result<u64, MockError> {
        Ok(self.open().await?.delete_consents(filter).await?.deleted)
    }

    /// What apps have spent of users' buzz, and the state of their budgets. Errors: the user or client does not exist.
    pub async fn spends(&self, filter: GrantFilter) -> Result<Vec<SpendView>, MockError> {
        Ok(self.open().await?.list_spends(filter).await?.spends)
    }

    /// Deletes spends, so that budgets are free again, and returns how many. Balances do not change. Errors: the user or
    /// client does not exist.
    pub async fn delete_spends(&self, filter: GrantFilter) -> Result<u64, MockError> {
        Ok(self.open().await?.delete_spends(filter).await?.deleted)
    }

    /// Restarts the absolute budgets of a user's app and returns how many spends no longer count. Errors: there is no such
    /// user or client.
    pub async fn reset_budgets(
        &self,
        user: impl Into<UserRef>,
        client_id: impl Into<String>,
    ) -> Result<u64, MockError> {
        let grant = ResetBudgets {
            user: user.into(),
            client_id: client_id.into(),
        };
        Ok(self.open().await?.reset_budgets(grant).await?.reset)
    }

    /// Approves the device that shows this code (RFC 8628 §3.3) as a user. Errors: no device waits for it, or there is no
    /// such user.
    pub async fn approve_device(
        &self,
        user_code: &str,
        user: impl Into<UserRef>,
    ) -> Result<(), MockError> {
        let approval = Approval {
            user_code: user_code.into(),
            user: user.into(),
        };
        self.open().await?.approve_device(approval).await?;
        Ok(())
    }

    /// Denies the device that shows this code. Errors: no device waits for it.
    pub async fn deny_device(&self, user_code: &str) -> Result<(), MockError> {
        let user_code = user_code.into();
        self.open().await?.deny_device(Denial { user_code }).await?;
        Ok(())
    }
}
