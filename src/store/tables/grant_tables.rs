//! Tables whose rows belong to a user and a client: tokens, codes, devices, consents, spends and workflows.

use crate::protocol::ids::{ClientId, UserId};

/// Selects the rows of a user, of a client, or of both; `None` matches every user or every client.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct UserClientFilter<'a> {
    pub(crate) user: Option<UserId>,
    pub(crate) client: Option<&'a str>,
}

impl<'a> UserClientFilter<'a> {
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

    /// Whether it selects a row of this user and this client.
    pub(crate) fn matches(self, user: UserId, client: &ClientId) -> bool {
        self.user.is_none_or(|selected| selected == user)
            && self.client.is_none_or(|selected| *client == *selected)
    }
}

/// A table whose rows belong to a user and a client.
#[derive(Debug, Clone, Copy)]
pub(crate) enum GrantTable {
    Tokens,
    Codes,
    /// A device belongs to the user who approved or denied it.
    Devices,
    Consents,
    Spends,
    Workflows,
}

impl GrantTable {
    /// The tables whose rows are deleted with a user or client. Device codes stay: the device learns of it when it polls.
    pub(crate) const ALL_BUT_DEVICES: [Self; 5] = [
        Self::Tokens,
        Self::Codes,
        Self::Consents,
        Self::Spends,
        Self::Workflows,
    ];
}
