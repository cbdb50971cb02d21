//! The tables: the memory of each and its SQL, one file per table.

pub(crate) mod accounts;
pub(crate) mod clients;
pub(crate) mod codes;
pub(crate) mod consents;
pub(crate) mod devices;
pub(crate) mod owner;
pub(crate) mod sandboxes;
pub(crate) mod sessions;
pub(crate) mod snapshots;
pub(crate) mod spends;
pub(crate) mod tokens;
pub(crate) mod users;
pub(crate) mod workflows;
pub(crate) mod worlds;

use accounts::Accounts;
use clients::Clients;
use codes::Codes;
use consents::Consents;
use devices::Devices;
use owner::{Held, Whose};
use sessions::Sessions;
use spends::Spends;
use sqlx::SqliteConnection;
use tokens::Tokens;
use users::Users;
use workflows::Workflows;

use super::columns::ROW_BYTES;
use super::commit::Pending;
use super::error::StoreError;
use super::write_batch::Draft;
use crate::model::account::Payment;
use crate::model::client::Client;
use crate::model::ledger::DatedLimit;
use crate::model::user::User;
use crate::protocol::ids::{ClientId, UserId};
use crate::protocol::time::Timestamp;

/// Every row of a world.
#[derive(Debug, Default, Clone)]
pub(crate) struct Tables {
    /// The batch of the last change; none if the rows are as the file has them.
    pub(crate) pending: Option<Pending>,
    pub(crate) users: Users,
    pub(crate) clients: Clients,
    pub(crate) sessions: Sessions,
    pub(crate) consents: Consents,
    pub(crate) codes: Codes,
    pub(crate) tokens: Tokens,
    pub(crate) devices: Devices,
    pub(crate) accounts: Accounts,
    pub(crate) workflows: Workflows,
    pub(crate) spends: Spends,
}

impl Tables {
    /// The approximate bytes of all rows: their texts, and what a row of fixed columns takes in memory.
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

    /// As [`Clients::put`]. What a client of the same id has left behind is not a new one's.
    pub(crate) fn put_client(&mut self, client: &Client, draft: &mut Draft<'_>) {
        let is_known = self.clients.put(client, draft);
        if !is_known && !self.devices.is_empty() {
            self.remove(Held::Devices, (None, Some(client.id.as_str())), draft);
        }
    }

    /// Whether every budget of a user and a client has room for these amounts. `prepared` counts unless the limit has
    /// changed since.
    pub(crate) fn has_room(
        &self,
        (user, client): (UserId, &ClientId),
        prepared: Option<DatedLimit>,
        payments: &[Payment],
        now: Timestamp,
    ) -> bool {
        let Some(limit) = self.consents.limit(user, client) else {
            return true;
        };
        let prepared = prepared.filter(|prepared| prepared.is_of(limit));
        let limit = prepared.unwrap_or_else(|| DatedLimit::new(limit.clone(), now));
        let spends = self.spends.by_parties.get(&(user, client.clone()));
        let spends = spends.into_iter().flatten().map(|(_, spend)| spend);
        limit.has_room(&spends, payments)
    }

    /// Gives back what a workflow was paid with. No budget counts it any more.
    pub(crate) fn refund(
        &mut self,
        workflow: &str,
        (user, client): (UserId, &ClientId),
        draft: &mut Draft<'_>,
    ) {
        let parties = (user, client.clone());
        for spend in self.spends.remove_of_workflow(workflow, &parties) {
            self.accounts.give_back(user, spend.currency, spend.amount);
        }
        draft.note(|world| spends::delete_of_workflow(world, workflow));
        self.accounts.note(user, draft);
    }

    /// A user with what is on their accounts now.
    pub(crate) fn person(&self, user: &User) -> User {
        User {
            buzz: self.accounts.buzz(user.id),
            ..user.clone()
        }
    }

    /// Removes what is meant from one table. How many rows it had.
    pub(crate) fn remove(&mut self, held: Held, whose: Whose<'_>, draft: &mut Draft<'_>) -> u64 {
        draft.note(|world| held.delete_of(world, whose));
        match held {
            Held::Tokens => self.tokens.remove_of(whose),
            Held::Codes => self.codes.remove_of(whose),
            Held::Devices => self.devices.remove_of(whose),
            Held::Consents => self.consents.remove_of(whose),
            Held::Spends => self.spends.remove_of(whose),
            Held::Workflows => self.workflows.remove_of(whose),
        }
    }

    /// Removes all that a user has given, or a client been given. Devices ask by themselves, and are told that there is nobody.
    pub(crate) fn remove_given(&mut self, whose: Whose<'_>, draft: &mut Draft<'_>) {
        for held in Held::GIVEN {
            self.remove(held, whose, draft);
        }
    }

    /// What the file has of a world.
    pub(crate) async fn of_file(
        db: &mut SqliteConnection,
        world: &str,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            pending: None,
            users: Users::read(db, world).await?,
            clients: Clients::read(db, world).await?,
            sessions: Sessions::read(db, world).await?,
            consents: Consents::read(db, world).await?,
            codes: Codes::read(db, world).await?,
            tokens: Tokens::read(db, world).await?,
            devices: Devices::read(db, world).await?,
            accounts: Accounts::read(db, world).await?,
            workflows: Workflows::read(db, world).await?,
            spends: Spends::read(db, world).await?,
        })
    }
}
