//! What have clients been given by users? Tokens, codes, devices, consents, spends, workflows: one table each, whose rows
//! have a user and a client, and go with them.

use crate::protocol::ids::{ClientId, UserId};
use crate::store::statement::Statement;

/// Whose rows: of this user and of this client, where they are given.
pub(crate) type Whose<'a> = (Option<UserId>, Option<&'a str>);

/// Whether something of this user's and this client's is meant.
pub(crate) fn is_meant((user, client): Whose<'_>, of: UserId, by: &ClientId) -> bool {
    user.is_none_or(|user| user == of) && client.is_none_or(|client| *by == *client)
}

/// A table of what clients hold.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Held {
    Tokens,
    Codes,
    /// A device belongs to the user who approved or denied it.
    Devices,
    Consents,
    Spends,
    Workflows,
}

macro_rules! delete_of {
    ($table:literal) => {
        concat!(
            "delete from ",
            $table,
            " where sandbox = ?1 and (?2 is null or user_id = ?2) and (?3 is null or client_id = ?3)"
        )
    };
}

impl Held {
    /// All but the devices.
    pub(crate) const GIVEN: [Self; 5] = [
        Self::Tokens,
        Self::Codes,
        Self::Consents,
        Self::Spends,
        Self::Workflows,
    ];

    pub(crate) fn delete_of(self, world: &str, (user, client): Whose<'_>) -> Statement {
        let sql = match self {
            Self::Tokens => delete_of!("tokens"),
            Self::Codes => delete_of!("codes"),
            Self::Devices => delete_of!("device_codes"),
            Self::Consents => delete_of!("consents"),
            Self::Spends => delete_of!("spends"),
            Self::Workflows => delete_of!("workflows"),
        };
        Statement::new(sql).bind(world).bind(user).bind(client)
    }
}

/// How many rows a map loses to `retain`.
pub(crate) fn lost<K, V>(
    rows: &mut std::collections::HashMap<K, V>,
    mut keep: impl FnMut(&K, &V) -> bool,
) -> u64 {
    let before = rows.len();
    rows.retain(|key, row| keep(key, row));
    (before - rows.len()) as u64
}
