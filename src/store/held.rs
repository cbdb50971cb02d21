//! What have clients been given by users? Tokens, codes, devices, consents, spends, workflows: one table each, whose rows
//! have a user and a client, and go with them.

use super::draft::Draft;
use super::rows::Tables;
use super::statement::Statement;
use super::{Rows, Store, StoreError};
use crate::protocol::ids::{ClientId, UserId};

/// Whose rows: of this user and of this client, where they are given.
pub(crate) type Whose<'a> = (Option<UserId>, Option<&'a str>);

/// Whether something of this user's and this client's is meant.
pub(super) fn is_meant((user, client): Whose<'_>, of: UserId, by: &ClientId) -> bool {
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
    const GIVEN: [Self; 5] = [
        Self::Tokens,
        Self::Codes,
        Self::Consents,
        Self::Spends,
        Self::Workflows,
    ];

    fn delete_of(self, world: &str, (user, client): Whose<'_>) -> Statement {
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

impl Tables {
    /// Removes what is meant from one table. How many rows it had.
    pub(super) fn remove(&mut self, held: Held, whose: Whose<'_>, draft: &mut Draft<'_>) -> u64 {
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
    pub(super) fn remove_given(&mut self, whose: Whose<'_>, draft: &mut Draft<'_>) {
        for held in Held::GIVEN {
            self.remove(held, whose, draft);
        }
    }
}

impl Store {
    /// Removes what these users have given these clients, of some tables and at once. How many rows there were.
    pub(crate) async fn delete_held(
        &self,
        world: &Rows,
        held: &[Held],
        whose: Whose<'_>,
    ) -> Result<u64, StoreError> {
        self.leave()
            .await?
            .write(world, |tables, draft| {
                held.iter()
                    .map(|held| tables.remove(*held, whose, draft))
                    .sum()
            })
            .kept()
            .await
    }
}

/// How many rows a map loses to `retain`.
pub(super) fn lost<K, V>(
    rows: &mut std::collections::HashMap<K, V>,
    mut keep: impl FnMut(&K, &V) -> bool,
) -> u64 {
    let before = rows.len();
    rows.retain(|key, row| keep(key, row));
    (before - rows.len()) as u64
}
