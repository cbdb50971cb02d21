//! Who signs in? A person with an account.

use serde::{Deserialize, Serialize};

use crate::protocol::ids::UserId;

/// A user, as the seed and the control API describe one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "they are independent facts of an account"
)]
pub(crate) struct User {
    pub(crate) id: UserId,
    #[serde(default)]
    pub(crate) username: Option<String>,
    #[serde(default)]
    pub(crate) email: Option<String>,
    #[serde(default)]
    pub(crate) email_verified: bool,
    #[serde(default)]
    pub(crate) image: Option<String>,
    #[serde(default)]
    pub(crate) moderator: bool,
    #[serde(default)]
    pub(crate) tier: Option<String>,
    #[serde(default)]
    pub(crate) roles: Vec<String>,
    #[serde(default)]
    pub(crate) subscriptions: Vec<String>,
    #[serde(default)]
    pub(crate) muted: bool,
    #[serde(default)]
    pub(crate) banned: bool,
    #[serde(default)]
    pub(crate) deleted: bool,
    #[serde(default)]
    pub(crate) buzz: Buzz,
}

/// What is on a user's accounts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Buzz {
    #[serde(default)]
    pub(crate) yellow: u64,
    #[serde(default)]
    pub(crate) blue: u64,
    #[serde(default)]
    pub(crate) green: u64,
}

impl User {
    /// A new account of which only the name is known.
    pub(crate) fn named(id: UserId, username: &str) -> Self {
        Self {
            id,
            username: Some(username.to_owned()),
            // A name that no address can hold has no address.
            email: username
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
                .then(|| format!("{}@example.com", username.to_lowercase())),
            email_verified: true,
            image: None,
            moderator: false,
            tier: None,
            roles: Vec::new(),
            subscriptions: Vec::new(),
            muted: false,
            banned: false,
            deleted: false,
            buzz: Buzz::default(),
        }
    }

    /// What to call this user on a page.
    pub(crate) fn display_name(&self) -> String {
        self.username
            .clone()
            .unwrap_or_else(|| format!("user {}", self.id))
    }
}

/// A user named by somebody: by id or by username.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum UserRef {
    Id(i64),
    Name(String),
}

impl From<&str> for UserRef {
    /// Digits are an id, anything else is a username.
    fn from(text: &str) -> Self {
        text.parse()
            .map_or_else(|_| Self::Name(text.to_owned()), Self::Id)
    }
}

impl std::fmt::Display for UserRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Id(id) => write!(f, "{id}"),
            Self::Name(name) => f.write_str(name),
        }
    }
}
