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
pub(crate) mod tokens;
pub(crate) mod users;
pub(crate) mod workflows;

use accounts::AccountTable;
use clients::ClientTable;
use codes::CodeTable;
use consents::ConsentTable;
use devices::DeviceTable;
use grant_tables::{GrantTable, UserClientFilter};
use sessions::SessionTable;
use spends::SpendTable;
use sqlx::SqliteConnection;
use tokens::TokenTable;
use users::UserTable;
use workflows::WorkflowTable;

use super::columns::ROW_BYTES;
use super::commit::PendingCommit;
use super::error::StoreError;
use super::write_batch::WriteBatch;
use crate::model::account::Payment;
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
    pub(crate) users: UserTable,
    pub(crate) clients: ClientTable,
    pub(crate) sessions: SessionTable,
    pub(crate) consents: ConsentTable,
    pub(crate) codes: CodeTable,
    pub(crate) tokens: TokenTable,
    pub(crate) devices: DeviceTable,
    pub(crate) accounts: AccountTable,
    pub(crate) workflows: WorkflowTable,
    pub(crate) spends: SpendTable,
}

impl Tables {
    /// The approximate bytes of all rows: their texts, and a fixed size per row.
    pub(crate) fn size_in_bytes(&self) -> usize {
        self.users.size_in_bytes()
            + self.clients.size_in_bytes()
            + self.sessions.count() * ROW_BYTES
            + self.consents.size_in_bytes()
            + self.codes.size_in_bytes()
            + self.tokens.count() * ROW_BYTES
            + self.devices.count() * 2 * ROW_BYTES
            + self.workflows.size_in_bytes()
            + self.spends.count() * ROW_BYTES
    }

    /// As [`ClientTable::put`]. A new client does not inherit the device codes of a deleted one of the same id.
    pub(crate) fn put_client(&mut self, client: &Client, batch: &mut WriteBatch<'_>) {
        let is_known = self.clients.put(client, batch);
        if !is_known && !self.devices.is_empty() {
            self.remove(
                GrantTable::Devices,
                UserClientFilter::of_client(client.id.as_str()),
                batch,
            );
        }
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
        let spends = self.spends.by_user_and_client.get(&(user, client.clone()));
        let spends = spends.into_iter().flatten().map(|(_, spend)| spend);
        limit.fits_every_budget(&spends, payments)
    }

    /// Refunds a workflow. Budgets no longer count it.
    pub(crate) fn refund(
        &mut self,
        workflow: &str,
        user: UserId,
        client: &ClientId,
        batch: &mut WriteBatch<'_>,
    ) {
        let user_and_client = (user, client.clone());
        for spend in self.spends.remove_of_workflow(workflow, &user_and_client) {
            self.accounts.give_back(user, spend.currency, spend.amount);
        }
        batch.push(|key| spends::delete_of_workflow(key, workflow));
        self.accounts.save(user, batch);
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
        batch.push(|key| table.delete_matching(key, filter));
        match table {
            GrantTable::Tokens => self.tokens.remove_matching(filter),
            GrantTable::Codes => self.codes.remove_matching(filter),
            GrantTable::Devices => self.devices.remove_matching(filter),
            GrantTable::Consents => self.consents.remove_matching(filter),
            GrantTable::Spends => self.spends.remove_matching(filter),
            GrantTable::Workflows => self.workflows.remove_matching(filter),
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
            users: UserTable::read(db, key).await?,
            clients: ClientTable::read(db, key).await?,
            sessions: SessionTable::read(db, key).await?,
            consents: ConsentTable::read(db, key).await?,
            codes: CodeTable::read(db, key).await?,
            tokens: TokenTable::read(db, key).await?,
            devices: DeviceTable::read(db, key).await?,
            accounts: AccountTable::read(db, key).await?,
            workflows: WorkflowTable::read(db, key).await?,
            spends: SpendTable::read(db, key).await?,
        })
    }
}
