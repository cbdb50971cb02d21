//! The input format of a user, in seeds, control calls and Rust: every key is optional, for a new user and for the changes of
//! one.

use crate::invalid::Invalid;
use crate::model::patch_struct::{patch_struct, set};
use crate::model::user::{Buzz, User};
use crate::protocol::ids::UserId;

patch_struct! {
    /// A user to create, or the changes of one: only the given keys. [`User`] describes the keys and their defaults.
    ///
    /// ```
    /// use civitai_oauth_mock::control::UserSpec;
    ///
    /// let tester = UserSpec::named("mia").roles(["tester"]);
    /// let nameless = UserSpec::new().no_username().muted(true);
    /// # let _ = (tester, nameless);
    /// ```
    UserSpec, "UserPatch" {
        /// The id, by default the one after the largest. It cannot be changed.
        set id: i64;
        /// The username.
        null username: String, no_username;
        /// The email address.
        null email: String, no_email;
        /// Whether the email address is verified.
        set email_verified: bool;
        /// The URL of the avatar.
        null image: String, no_image;
        /// Whether the user is a moderator.
        set moderator: bool;
        /// The membership, for example `gold`.
        null tier: String, no_tier;
        /// The roles, for example `tester`.
        list roles: String;
        /// The subscriptions.
        list subscriptions: String;
        /// Whether the user is muted.
        set muted: bool;
        /// Whether the user is banned.
        set banned: bool;
        /// Whether the account is deleted: the user cannot sign in, and userinfo rejects their tokens.
        set deleted: bool;
        /// The balance; spends do not change.
        set buzz: Buzz;
    }
}

impl UserSpec {
    /// A user with this username.
    pub fn named(username: impl Into<String>) -> Self {
        Self::new().username(username)
    }

    /// A new user. Missing keys have their defaults.
    pub(crate) fn create(self) -> Result<User, Invalid> {
        let id = self.id;
        let id = id.ok_or_else(|| Invalid::new("", "missing key \"id\""))?;
        self.change(User::new(UserId(id)))
    }

    /// The user with these changes.
    pub(crate) fn change(self, before: User) -> Result<User, Invalid> {
        let mut user = before;
        if let Some(id) = self.id.filter(|id| user.id != *id) {
            let message = format!("{id} is not {}: an id cannot be changed", user.id);
            return Err(Invalid::new("id", message));
        }
        set(&mut user.username, self.username);
        set(&mut user.email, self.email);
        set(&mut user.email_verified, self.email_verified);
        set(&mut user.image, self.image);
        set(&mut user.moderator, self.moderator);
        set(&mut user.tier, self.tier);
        set(&mut user.roles, self.roles);
        set(&mut user.subscriptions, self.subscriptions);
        set(&mut user.muted, self.muted);
        set(&mut user.banned, self.banned);
        set(&mut user.deleted, self.deleted);
        set(&mut user.buzz, self.buzz);
        user.check()?;
        Ok(user)
    }
}

#[cfg(test)]
mod tests {
    use proptest::option;
    use proptest::prelude::*;

    use super::*;
    use crate::protocol::json::MAX_SAFE_INTEGER;

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
        fn a_user_in_an_answer_can_be_sent_as_a_new_user(user in users()) {
            let text = serde_json::to_string(&user).unwrap();
            let spec: UserSpec = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(spec.create(), Ok(user));
        }
    }
}
