//! Operations on accounts.

use crate::model::account::Account;
use crate::protocol::ids::UserId;
use crate::store::sandbox_data::SandboxData;

impl SandboxData {
    /// A user's accounts.
    pub(crate) fn accounts(&self, user: UserId) -> Vec<Account> {
        self.read().accounts.list(user)
    }
}
