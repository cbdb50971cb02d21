//! Users: people with an account, and how they are named.

use std::collections::HashSet;

use serde::de::{self, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::invalid::Invalid;
use crate::protocol::ids::UserId;
use crate::protocol::json::{self, MAX_SAFE_INTEGER};

/// A user. Source: what `userinfo` returns of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "UserView")
)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "they are independent facts of an account"
)]
#[non_exhaustive]
pub struct User {
    /// The id: `sub` and `id` in answers.
    pub id: UserId,
    /// The username.
    pub username: Option<String>,
    /// The email address.
    pub email: Option<String>,
    /// Whether the email address is verified.
    pub email_verified: bool,
    /// The URL of the avatar.
    pub image: Option<String>,
    /// Whether the user is a moderator.
    pub moderator: bool,
    /// The membership, for example `gold`.
    pub tier: Option<String>,
    /// `tester` opens clients in [`AccessMode::Testers`](crate::control::AccessMode::Testers).
    pub roles: Vec<String>,
    /// The subscriptions.
    pub subscriptions: Vec<String>,
    /// Whether the user is muted.
    pub muted: bool,
    /// Whether the user is banned.
    pub banned: bool,
    /// Whether the account is deleted: the user cannot sign in, and userinfo rejects their tokens.
    pub deleted: bool,
    /// The balance.
    pub buzz: Buzz,
}

/// The balance of a user's accounts, in buzz: at most 9007199254740991 on each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Buzz {
    #[serde(default, deserialize_with = "buzz")]
    /// Bought buzz.
    pub yellow: u64,
    #[serde(default, deserialize_with = "buzz")]
    /// Earned buzz.
    pub blue: u64,
    #[serde(default, deserialize_with = "buzz")]
    /// Bought buzz for content that is safe for work.
    pub green: u64,
}

fn buzz<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let amount = u64::deserialize(deserializer)?;
    if amount > MAX_SAFE_INTEGER {
        let reason = format!("{amount} is more than an account may hold: {MAX_SAFE_INTEGER}");
        return Err(de::Error::custom(reason));
    }
    Ok(amount)
}

/// The most bytes that the texts of one user have.
pub(crate) const MAX_USER_BYTES: usize = 8 * 1024;

impl User {
    /// Checks the rules that no type expresses: the username is not empty, and the size. Errors: the rule.
    pub(crate) fn check(&self) -> Result<(), Invalid> {
        if self.username.as_deref() == Some("") {
            return Err(Invalid::new("username", "the username is empty")
                .with_hint("write a username, or null for a user without one"));
        }
        let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let list = |list: &[String]| list.iter().map(String::len).sum::<usize>();
        let sizes = [
            ("username", text(&self.username)),
            ("email", text(&self.email)),
            ("image", text(&self.image)),
            ("tier", text(&self.tier)),
            ("roles", list(&self.roles)),
            ("subscriptions", list(&self.subscriptions)),
        ];
        Invalid::check_size("user", &sizes, MAX_USER_BYTES)
    }

    /// An account with this id and nothing else.
    pub(crate) fn new(id: UserId) -> Self {
        Self {
            id,
            username: None,
            email: None,
            email_verified: false,
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

    /// A new account of which only the name is known.
    pub(crate) fn named(id: UserId, username: &str) -> Self {
        // A name that no address can hold has no address.
        let is_local_part = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let has_email = username.bytes().all(is_local_part);
        Self {
            username: Some(username.to_owned()),
            email: has_email.then(|| format!("{}@example.com", username.to_lowercase())),
            email_verified: true,
            ..Self::new(id)
        }
    }

    /// The usernames of these users.
    pub(crate) fn usernames(users: &[Self]) -> HashSet<&str> {
        let names = users.iter().filter_map(|user| user.username.as_deref());
        names.collect()
    }

    /// Whether the digits of the id are another user's username, so that as text they name that user.
    pub(crate) fn has_ambiguous_id(&self, usernames: &HashSet<&str>) -> bool {
        let id = self.id.to_string();
        usernames.contains(id.as_str()) && self.username.as_ref() != Some(&id)
    }

    /// What to call this user on a page.
    pub(crate) fn display_name(&self) -> String {
        self.username
            .clone()
            .unwrap_or_else(|| format!("user {}", self.id))
    }
}

/// A reference to a user. Text is first a username, then an id; a number is an id. The rule holds wherever a user is
/// named: flags, environment, configuration, headers, queries, paths, JSON, seeds, MCP, pages and Rust.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum UserRef {
    /// A number: the user of this id.
    Id(i64),
    /// Text: the user of this username, or else the user whose id it spells.
    Name(String),
}

impl UserRef {
    /// The id that is meant unless a user has the text as username: `7` and `-1`, but not `07` or `+7`.
    pub(crate) fn as_id(&self) -> Option<UserId> {
        match self {
            Self::Id(id) => Some(UserId(*id)),
            Self::Name(text) => text
                .parse()
                .ok()
                .filter(|id: &i64| id.to_string() == *text)
                .map(UserId),
        }
    }

    /// The username that is meant; none for a number.
    pub(crate) fn as_username(&self) -> Option<&str> {
        match self {
            Self::Id(_) => None,
            Self::Name(text) => Some(text),
        }
    }

    /// The user among these.
    pub(crate) fn find_in<'a>(&self, users: &'a [User]) -> Option<&'a User> {
        let name = self.as_username();
        let by_name = || {
            users
                .iter()
                .find(|user| user.username.as_deref() == name)
                .filter(|_| name.is_some())
        };
        let by_id = || {
            let id = self.as_id()?;
            users.iter().find(|user| user.id == id)
        };
        by_name().or_else(by_id)
    }

    /// Text that names the user: the id, or the username if the digits of the id are another user's username. None if
    /// such a user has no username.
    pub(crate) fn text_for(user: &User, usernames: &HashSet<&str>) -> Option<String> {
        if user.has_ambiguous_id(usernames) {
            user.username.clone()
        } else {
            Some(user.id.to_string())
        }
    }

    /// What to write instead if a number names no user but text of the same digits does.
    pub(crate) fn hint_for_digits(&self, users: &[User]) -> Option<String> {
        let Self::Id(id) = self else {
            return None;
        };
        let text = id.to_string();
        Self::from(&text)
            .find_in(users)
            .map(|_| format!("a number is an id: write the username as text, {text:?}"))
    }
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

    fn visit_f64<E: de::Error>(self, id: f64) -> Result<UserRef, E> {
        json::whole(&id.into())
            .and_then(|id| i64::try_from(id).ok())
            .map(UserRef::Id)
            .ok_or_else(|| E::invalid_value(Unexpected::Float(id), &self))
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<UserRef, E> {
        Ok(UserRef::Name(name.to_owned()))
    }
}

impl From<&str> for UserRef {
    /// First a username, then an id.
    fn from(text: &str) -> Self {
        Self::Name(text.to_owned())
    }
}

impl From<String> for UserRef {
    /// As from `&str`.
    fn from(text: String) -> Self {
        Self::Name(text)
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
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn references_survive_json(id: i64, name in ".{0,8}") {
            for named in [UserRef::Id(id), UserRef::Name(name), UserRef::Name(id.to_string())] {
                let text = serde_json::to_string(&named).unwrap();
                prop_assert_eq!(serde_json::from_str::<UserRef>(&text).unwrap(), named);
            }
        }

        #[test]
        fn text_for_a_user_names_that_user(ids in proptest::collection::hash_set(0..6_i64, 1..6)) {
            let users: Vec<User> = ids.iter().map(|id| User::named(UserId(*id), &(5 - id).to_string())).collect();
            let names = User::usernames(&users);
            for user in &users {
                let text = UserRef::text_for(user, &names).unwrap();
                prop_assert_eq!(UserRef::from(text).find_in(&users).unwrap().id, user.id);
            }
        }
    }

    #[test]
    fn text_is_a_username_before_it_is_an_id() {
        let mut nameless = User::named(UserId(5), "");
        nameless.username = None;
        let users = [
            User::named(UserId(7), "2"),
            User::named(UserId(2), "ada"),
            nameless,
        ];
        let find = |named: UserRef| named.find_in(&users).map(|user| user.id.0);
        assert_eq!(find(UserRef::from("2")), Some(7));
        assert_eq!(find(UserRef::from(2)), Some(2));
        assert_eq!(find(UserRef::from("7")), Some(7));
        assert_eq!(find(UserRef::from("5")), Some(5));
        for unknown in ["05", "+5", " 5", "5.0", "", "5x"] {
            assert_eq!(find(UserRef::from(unknown)), None, "{unknown:?}");
        }
        assert_eq!(find(UserRef::from(1)), None);
        let names = User::usernames(&users);
        assert_eq!(UserRef::text_for(&users[1], &names).as_deref(), Some("ada"));
        assert_eq!(UserRef::text_for(&users[2], &names).as_deref(), Some("5"));
    }
}
