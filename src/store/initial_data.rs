//! The data that a sandbox starts from.

use super::tables::users;
use super::write_batch::WriteBatch;
use crate::model::client::Client;
use crate::model::user::User;
use crate::store::columns::{ROW_BYTES, to_json};
use crate::store::sandbox_data::SandboxData;
use crate::store::tables::Tables;

/// The users and clients that a sandbox starts from.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seed {
    pub(crate) users: Vec<User>,
    pub(crate) clients: Vec<Client>,
}

impl Seed {
    /// The approximate bytes of its rows, as [`Tables::size_in_bytes`] counts them.
    pub(super) fn size_in_bytes(&self) -> usize {
        let users = self.users.iter().map(|user| to_json(user).len());
        let clients = self.clients.iter().map(|client| to_json(client).len());
        let rows = users.chain(clients);
        rows.map(|bytes| ROW_BYTES + bytes).sum()
    }
}

/// What new data starts from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum InitialData<'a> {
    Seed(&'a Seed),
    /// A copy of other data.
    Copy(&'a SandboxData),
}

/// Puts the users and clients of a seed into a sandbox, in place of those of the same ids; other rows stay. A user
/// of the seed is left out if another user has the name, for example one that was deleted and created again.
pub(super) fn apply_seed(tables: &mut Tables, batch: &mut WriteBatch<'_>, seed: &Seed) {
    // Usernames are released first, so that two users of the seed can swap names.
    let before: Vec<_> = seed
        .users
        .iter()
        .map(|user| tables.users.take_name(user, batch))
        .collect();
    let mut left_out = Vec::new();
    for (user, before) in seed.users.iter().zip(before) {
        if tables.users.put(user).is_err() {
            let (id, name) = (user.id, user.display_name());
            tracing::warn!(%id, name, "another user of the database has this name: the seed's is left out");
            left_out.extend(before);
            continue;
        }
        batch.push(|key| users::put(key, user));
        tables.accounts.open(user.id, user.buzz);
        tables.accounts.save(user.id, batch);
    }
    // Who was there goes on under their own name, unless that is one of the seed's now.
    for user in left_out {
        if tables.users.put(&user).is_ok() {
            batch.push(|key| users::put(key, &user));
        }
    }
    for client in &seed.clients {
        tables.put_client(client, batch);
    }
}
