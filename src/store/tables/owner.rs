//! Tables whose rows belong to a user and a client: tokens, codes, devices, consents, spends and workflows.

use crate::protocol::ids::{ClientId, UserId};
use crate::store::statement::Statement;

/// The user and the client whose rows are meant; `None` means every user or every client.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct OwnerKey<'a> {
    pub(crate) user: Option<UserId>,
    pub(crate) client: Option<&'a str>,
}

impl<'a> OwnerKey<'a> {
    /// Every row of a user.
    pub(crate) fn of_user(user: UserId) -> Self {
        Self {
            user: Some(user),
            client: None,
        }
    }

    /// Every row of a client.
    pub(crate) fn of_client(client: &'a str) -> Self {
        Self {
            user: None,
            client: Some(client),
        }
    }

    /// Whether a row of this user and this client is meant.
    pub(crate) fn matches(self, user: UserId, client: &ClientId) -> bool {
        self.user.is_none_or(|meant| meant == user)
            && self.client.is_none_or(|meant| *client == *meant)
    }
}

/// A table whose rows belong to a user and a client.
#[derive(Debug, Clone, Copy)]
pub(crate) enum OwnedTable {
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

impl OwnedTable {
    /// All but the devices: a client without a user polls for them.
    pub(crate) const GRANT_TABLES: [Self; 5] = [
        Self::Tokens,
        Self::Codes,
        Self::Consents,
        Self::Spends,
        Self::Workflows,
    ];

    pub(crate) fn delete_of(self, key: &str, owner: OwnerKey<'_>) -> Statement {
        let sql = match self {
            Self::Tokens => delete_of!("tokens"),
            Self::Codes => delete_of!("codes"),
            Self::Devices => delete_of!("device_codes"),
            Self::Consents => delete_of!("consents"),
            Self::Spends => delete_of!("spends"),
            Self::Workflows => delete_of!("workflows"),
        };
        Statement::new(sql)
            .bind(key)
            .bind(owner.user)
            .bind(owner.client)
    }
}

/// Keeps rows as `retain` does, and returns how many are removed.
pub(crate) fn retain_counting<K, V>(
    rows: &mut std::collections::HashMap<K, V>,
    mut keep: impl FnMut(&K, &V) -> bool,
) -> u64 {
    let before = rows.len();
    rows.retain(|key, row| keep(key, row));
    (before - rows.len()) as u64
}
