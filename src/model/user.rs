//! Who signs in? A person with an account.

use serde::de::{self, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::protocol::ids::UserId;
use crate::protocol::json::MAX_SAFE_INTEGER;

/// A user, as the seed and the control API describe one. Source: what `userinfo` tells of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "they are independent facts of an account"
)]
#[non_exhaustive]
pub struct User {
    /// What clients know them by: `sub` and `id` in the answers.
    pub id: UserId,
    #[serde(default)]
    /// What they are called, and what tests may name them by.
    pub username: Option<String>,
    #[serde(default)]
    /// Their address.
    pub email: Option<String>,
    #[serde(default)]
    /// Whether they have shown that it is theirs.
    pub email_verified: bool,
    #[serde(default)]
    /// The URL of their avatar.
    pub image: Option<String>,
    #[serde(default)]
    /// Whether they are a moderator.
    pub moderator: bool,
    #[serde(default)]
    /// The membership, for example `gold`.
    pub tier: Option<String>,
    #[serde(default)]
    /// `tester` opens clients in [`AccessMode::Testers`](crate::control::AccessMode::Testers).
    pub roles: Vec<String>,
    #[serde(default)]
    /// What they have subscribed to.
    pub subscriptions: Vec<String>,
    #[serde(default)]
    /// Whether they may not write.
    pub muted: bool,
    #[serde(default)]
    /// Whether they are shut out.
    pub banned: bool,
    #[serde(default)]
    /// A deleted user cannot sign in, and userinfo refuses their tokens.
    pub deleted: bool,
    #[serde(default)]
    /// What they have to spend.
    pub buzz: Buzz,
}

/// What is on a user's accounts, in buzz: 9007199254740991 on each at the most.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Buzz {
    #[serde(default, deserialize_with = "buzz")]
    /// Bought buzz.
    pub yellow: u64,
    #[serde(default, deserialize_with = "buzz")]
    /// Earned buzz.
    pub blue: u64,
    #[serde(default, deserialize_with = "buzz")]
    /// Buzz for what is safe for work.
    pub green: u64,
}

fn buzz<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let amount = u64::deserialize(deserializer)?;
    if amount > MAX_SAFE_INTEGER {
        let why = format!("{amount} is more than an account may hold: {MAX_SAFE_INTEGER}");
        return Err(de::Error::custom(why));
    }
    Ok(amount)
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum UserRef {
    /// By id; where nobody has it, by a username of these digits.
    Id(i64),
    /// By username.
    Name(String),
}

impl<'de> Deserialize<'de> for UserRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UserRefVisitor)
    }
}

struct UserRefVisitor;

impl Visitor<'_> for UserRefVisitor {
    type Value = UserRef;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a user's id or username")
    }

    fn visit_i64<E: de::Error>(self, id: i64) -> Result<UserRef, E> {
        Ok(UserRef::Id(id))
    }

    fn visit_u64<E: de::Error>(self, id: u64) -> Result<UserRef, E> {
        i64::try_from(id)
            .map(UserRef::Id)
            .map_err(|_| E::invalid_value(Unexpected::Unsigned(id), &self))
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<UserRef, E> {
        Ok(UserRef::Name(name.to_owned()))
    }
}

impl From<&str> for UserRef {
    /// Digits are an id, anything else is a username.
    fn from(text: &str) -> Self {
        text.parse()
            .map_or_else(|_| Self::Name(text.to_owned()), Self::Id)
    }
}

impl From<String> for UserRef {
    /// As from `&str`.
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<&String> for UserRef {
    /// As from `&str`.
    fn from(text: &String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<i64> for UserRef {
    fn from(id: i64) -> Self {
        Self::Id(id)
    }
}

impl From<UserId> for UserRef {
    fn from(id: UserId) -> Self {
        Self::Id(id.0)
    }
}

impl From<&User> for UserRef {
    fn from(user: &User) -> Self {
        Self::Id(user.id.0)
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

#[cfg(test)]
mod tests {
    use proptest::option;
    use proptest::prelude::*;

    use super::*;

    fn users() -> impl Strategy<Value = User> {
        let text = || option::of(".{1,12}");
        let words = || proptest::collection::vec(".{0,8}", 0..3);
        let amounts = (
            0..=MAX_SAFE_INTEGER,
            0..=MAX_SAFE_INTEGER,
            0..=MAX_SAFE_INTEGER,
        );
        let texts = (text(), text(), text(), text());
        let truths = any::<[bool; 5]>();
        (any::<i64>(), texts, (words(), words()), truths, amounts).prop_map(
            |(id, texts, words, truths, amounts)| User {
                id: UserId(id),
                username: texts.0,
                email: texts.1,
                email_verified: truths[0],
                image: texts.2,
                moderator: truths[1],
                tier: texts.3,
                roles: words.0,
                subscriptions: words.1,
                muted: truths[2],
                banned: truths[3],
                deleted: truths[4],
                buzz: Buzz {
                    yellow: amounts.0,
                    blue: amounts.1,
                    green: amounts.2,
                },
            },
        )
    }

    proptest! {
        #[test]
        fn a_user_who_is_shown_can_be_described_so(user in users()) {
            let text = serde_json::to_string(&user).unwrap();
            prop_assert_eq!(serde_json::from_str::<User>(&text).unwrap(), user);
        }

        #[test]
        fn whoever_is_named_is_named_so_again(id: i64, name in "[^0-9 +-].{0,8}") {
            for named in [UserRef::Id(id), UserRef::Name(name)] {
                prop_assert_eq!(UserRef::from(&*named.to_string()), named);
            }
        }
    }
}
