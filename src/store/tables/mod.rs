//! The tables: the memory of each and its SQL, one file per table.

pub(crate) mod accounts;
pub(crate) mod clients;
pub(crate) mod codes;
pub(crate) mod consents;
pub(crate) mod data_keys;
pub(crate) mod devices;
pub(crate) mod grant_tables;
pub(crate) mod sandboxes;
pub(crate) mod sessions;
pub(crate) mod snapshots;
pub(crate) mod spends;
pub(crate) mod sql;
pub(crate) mod table;
pub(crate) mod tokens;
pub(crate) mod users;
pub(crate) mod workflows;

use clients::StoredClient;
use codes::StoredCode;
use consents::StoredConsent;
use devices::StoredDevice;
use grant_tables::{GrantTable, UserClientFilter};
use sessions::StoredSession;
use spends::StoredSpend;
use sqlx::SqliteConnection;
use std::sync::Arc;
use table::Table;
use tokens::StoredToken;
use workflows::StoredWorkflow;

use super::commit::PendingCommit;
use super::error::StoreError;
use super::write_batch::WriteBatch;
use crate::model::account::{Account, Currency, Payment};
use crate::model::client::Client;
use crate::model::ledger::LimitWithPeriods;
use crate::model::user::User;
use crate::protocol::ids::{ClientId, UserId};
use crate::protocol::time::Timestamp;

/// Every row of a sandbox.
#[derive(Debug, Default, Clone)]
pub(crate) struct Tables {
    /// The commit of the last change. None if the rows were read from the file.
    pub(crate) pending: Option<PendingCommit>,
    pub(crate) users: Table<Arc<User>>,
    pub(crate) clients: Table<StoredClient>,
    pub(crate) sessions: Table<StoredSession>,
    pub(crate) consents: Table<StoredConsent>,
    pub(crate) codes: Table<StoredCode>,
    pub(crate) tokens: Table<StoredToken>,
    pub(crate) devices: Table<StoredDevice>,
    pub(crate) accounts: Table<Account>,
    pub(crate) workflows: Table<StoredWorkflow>,
    pub(crate) spends: Table<StoredSpend>,
}

impl Tables {
    /// The approximate bytes of all rows: their texts, and a fixed size per row.
    pub(crate) fn size_in_bytes(&self) -> usize {
        self.users.size_in_bytes()
            + self.clients.size_in_bytes()
            + self.sessions.size_in_bytes()
            + self.consents.size_in_bytes()
            + self.codes.size_in_bytes()
            + self.tokens.size_in_bytes()
            + self.devices.size_in_bytes()
            + self.accounts.size_in_bytes()
            + self.workflows.size_in_bytes()
            + self.spends.size_in_bytes()
    }

    /// Replaces the client of the same id, or adds one after all others. A new client does not inherit the device codes of a
    /// deleted one of the same id.
    pub(crate) fn put_client(&mut self, client: &Client, batch: &mut WriteBatch<'_>) {
        let id = client.id.as_str();
        if !self.clients.contains_key(id) && !self.devices.is_empty() {
            let filter = UserClientFilter::of_client(id);
            self.remove(GrantTable::Devices, filter, batch);
        }
        let stored = StoredClient {
            position: self.clients.number_for(id),
            client: Arc::new(client.clone()),
        };
        self.clients.put(id.to_owned(), stored, batch);
    }

    /// Whether every budget of a user and a client has room for these amounts. `prepared` counts unless the limit has
    /// changed since.
    pub(crate) fn fits_every_budget(
        &self,
        user: UserId,
        client: &ClientId,
        prepared: Option<LimitWithPeriods>,
        payments: &[Payment],
        now: Timestamp,
    ) -> bool {
        let Some(limit) = self.consents.limit(user, client) else {
            return true;
        };
        let prepared = prepared.filter(|prepared| prepared.is_of(limit));
        let limit = prepared.unwrap_or_else(|| LimitWithPeriods::new(limit.clone(), now));
        let filter = UserClientFilter {
            user: Some(user),
            client: Some(client.as_str()),
        };
        let spends = self.spends.matching(filter);
        let spends = spends.map(|(_, stored)| &stored.spend);
        limit.fits_every_budget(&spends, payments)
    }

    /// Refunds a workflow. Budgets no longer count it.
    pub(crate) fn refund(&mut self, workflow: &str, batch: &mut WriteBatch<'_>) {
        for currency in Currency::ALL {
            let paid = self.spends.remove(&(workflow.to_owned(), currency), batch);
            if let Some(StoredSpend { user, spend, .. }) = paid {
                let amount = spend.amount;
                let payment = Payment { currency, amount };
                self.accounts.give_back(user, payment, batch);
            }
        }
    }

    /// A user with their current balances.
    pub(crate) fn user_with_balance(&self, user: &User) -> User {
        User {
            buzz: self.accounts.buzz(user.id),
            ..user.clone()
        }
    }

    /// Removes the rows of one table that the filter selects and returns how many there were.
    pub(crate) fn remove(
        &mut self,
        table: GrantTable,
        filter: UserClientFilter<'_>,
        batch: &mut WriteBatch<'_>,
    ) -> u64 {
        match table {
            GrantTable::Tokens => self.tokens.remove_matching(filter, batch),
            GrantTable::Codes => self.codes.remove_matching(filter, batch),
            GrantTable::Devices => self.devices.remove_matching(filter, batch),
            GrantTable::Consents => self.consents.remove_matching(filter, batch),
            GrantTable::Spends => self.spends.remove_matching(filter, batch),
            GrantTable::Workflows => self.workflows.remove_matching(filter, batch),
        }
    }

    /// Deletes every grant of a user or client, except device codes: the device learns of it when it polls.
    pub(crate) fn remove_grants(
        &mut self,
        filter: UserClientFilter<'_>,
        batch: &mut WriteBatch<'_>,
    ) {
        for table in GrantTable::ALL_BUT_DEVICES {
            self.remove(table, filter, batch);
        }
    }

    /// Reads the rows of a sandbox from the file.
    pub(crate) async fn read(db: &mut SqliteConnection, key: &str) -> Result<Self, StoreError> {
        Ok(Self {
            pending: None,
            users: Table::read(db, key).await?,
            clients: Table::read(db, key).await?,
            sessions: Table::read(db, key).await?,
            consents: Table::read(db, key).await?,
            codes: Table::read(db, key).await?,
            tokens: Table::read(db, key).await?,
            devices: Table::read(db, key).await?,
            accounts: Table::read(db, key).await?,
            workflows: Table::read(db, key).await?,
            spends: Table::read(db, key).await?,
        })
    }
}
