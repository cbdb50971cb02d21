//! The data that a sandbox starts from.

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

/// The origin of new data.
#[derive(Debug, Clone, Copy)]
pub(crate) enum DataSource<'a> {
    Seed(&'a Seed),
    /// A copy of other data.
    Copy(&'a SandboxData),
}

/// Applies a seed: its users and clients replace those of the same ids, and other rows stay. A user of the seed is skipped
/// if another user has the name, for example one that was deleted and created again.
pub(super) fn apply_seed(tables: &mut Tables, batch: &mut WriteBatch<'_>, seed: &Seed) {
    // Usernames are released first, so that two users of the seed can swap names.
    let before: Vec<_> = seed
        .users
        .iter()
        .map(|user| tables.users.take_name(user, batch))
        .collect();
    let mut skipped = Vec::new();
    for (user, before) in seed.users.iter().zip(before) {
        if tables.users.put_user(user, batch).is_err() {
            let (id, name) = (user.id, user.display_name());
            tracing::warn!(%id, name, "skipped a user of the seed: another user in the database has this username");
            skipped.extend(before);
            continue;
        }
        tables.accounts.open(user.id, user.buzz, batch);
    }
    // A skipped user's stored row gets its name back, unless a user of the seed has it now.
    for user in skipped {
        let _ = tables.users.put_user(&user, batch);
    }
    for client in &seed.clients {
        tables.put_client(client, batch);
    }
}
