//! The `accounts` table: what users have to spend, one row per user and kind of buzz.

use crate::model::account::Account;
use crate::protocol::ids::UserId;
use crate::store::sandbox_data::Rows;

impl Rows {
    /// A user's accounts.
    pub(crate) fn accounts(&self, user: UserId) -> Vec<Account> {
        self.read().accounts.of(user)
    }
}
