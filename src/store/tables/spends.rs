//! The `spends` table: what apps have spent of users' buzz.

use super::grant_tables::UserClientFilter;
use super::sql::{TableSql, table_sql};
use super::table::{GrantRow, Row, Table};
use crate::model::account::Currency;
use crate::model::ledger::Spend;
use crate::protocol::ids::{ClientId, UserId};
use crate::store::columns::{amount, currency, integer};
use crate::store::error::StoreError;
use crate::store::statement::Statement;
use crate::store::write_batch::WriteBatch;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

/// The most spends of a sandbox: each charge goes through them.
pub(crate) const MAX_SPENDS: usize = 100_000;

/// A spend of a user's buzz by a client; its key has the workflow that it paid for.
#[derive(Debug, Clone)]
pub(crate) struct StoredSpend {
    pub(crate) user: UserId,
    pub(crate) client: ClientId,
    pub(crate) spend: Spend,
}

impl Row for StoredSpend {
    type Key = (String, Currency);
    type Index = ();

    const SQL: TableSql = table_sql!(
        "spends",
        key: "workflow_id, currency" = "?, ?",
        columns: "user_id, client_id, amount, spent_at, forgiven" = "?, ?, ?, ?, ?",
        bytes: "256"
    );

    fn bind_key(&self, (workflow, currency): &Self::Key, statement: Statement) -> Statement {
        statement.bind(workflow).bind(currency.name())
    }

    fn bind_columns(&self, _: &Self::Key, statement: Statement) -> Statement {
        statement
            .bind(self.user)
            .bind(&self.client)
            .bind(integer(self.spend.amount))
            .bind(self.spend.at)
            .bind(self.spend.is_before_reset)
    }

    fn read(row: &SqliteRow) -> Result<(Self::Key, Self), StoreError> {
        let spend = Spend {
            currency: currency(row)?,
            amount: amount(row, "amount")?,
            at: row.try_get("spent_at")?,
            is_before_reset: row.try_get("forgiven")?,
        };
        let stored = Self {
            user: row.try_get("user_id")?,
            client: row.try_get("client_id")?,
            spend,
        };
        Ok(((row.try_get("workflow_id")?, spend.currency), stored))
    }
}

impl GrantRow for StoredSpend {
    fn matches(&self, filter: UserClientFilter<'_>) -> bool {
        filter.matches(self.user, &self.client)
    }
}

impl Table<StoredSpend> {
    /// Absolute budgets no longer count the spends of a user and a client. Returns how many spends that were.
    pub(crate) fn mark_before_reset(
        &mut self,
        user: UserId,
        client: &ClientId,
        batch: &mut WriteBatch<'_>,
    ) -> usize {
        batch.push(|key| {
            Statement::new(
                "update spends set forgiven = 1 where sandbox = ? and user_id = ? and client_id = ?",
            )
            .bind(key)
            .bind(user)
            .bind(client)
        });
        let own = self
            .values_mut()
            .filter(|stored| stored.user == user && stored.client == *client);
        own.filter(|stored| !stored.spend.is_before_reset)
            .map(|stored| stored.spend.is_before_reset = true)
            .count()
    }
}
