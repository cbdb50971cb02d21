//! The form of a user: every key of the control API.

use super::form::{Form, FormInput, is_changed};
use crate::model::user::{Buzz, User};
use crate::model::user_spec::UserSpec;
use crate::protocol::params::Params;

/// The fields of a new user. Those of the changes of one have no id, which is the first.
pub(super) const FIELDS: &[&str] = &[
    "id",
    "username",
    "email",
    "image",
    "tier",
    "roles",
    "subscriptions",
    "buzz.yellow",
    "buzz.blue",
    "buzz.green",
    "email_verified",
    "moderator",
    "muted",
    "banned",
    "deleted",
];

/// The form for a new user.
pub(super) fn empty() -> Form {
    Form::new(FIELDS).with_flag("email_verified", true)
}

/// The form with the values of a user.
pub(super) fn for_user(user: &User) -> Form {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    Form::new(FIELDS)
        .with("id", user.id.to_string())
        .with("username", text(&user.username))
        .with("email", text(&user.email))
        .with("image", text(&user.image))
        .with("tier", text(&user.tier))
        .with("roles", user.roles.join(", "))
        .with("subscriptions", user.subscriptions.join(", "))
        .with("buzz.yellow", user.buzz.yellow.to_string())
        .with("buzz.blue", user.buzz.blue.to_string())
        .with("buzz.green", user.buzz.green.to_string())
        .with_flag("email_verified", user.email_verified)
        .with_flag("moderator", user.moderator)
        .with_flag("muted", user.muted)
        .with_flag("banned", user.banned)
        .with_flag("deleted", user.deleted)
        .opened()
}

/// The input of a sent form, without the id.
pub(super) fn read(params: &Params) -> FormInput<'_> {
    let texts = ["username", "email", "image", "tier"].into_iter();
    let input = texts.fold(FormInput::new(params), FormInput::text_or_null);
    let input = input.list("roles").list("subscriptions");
    let amounts = ["buzz.yellow", "buzz.blue", "buzz.green"].into_iter();
    let input = amounts.fold(input, |input, name| input.text_or(name, 0));
    let flags = ["email_verified", "moderator", "muted", "banned", "deleted"].into_iter();
    flags.fold(input, FormInput::flag)
}

/// The changes of a form, for a user with these balances: the app may have spent meanwhile from those that the form does not
/// change.
pub(super) fn with_balances(spec: UserSpec, params: &Params, now: Buzz) -> UserSpec {
    let merged = |typed: Buzz| {
        let amount = |name, typed, now| if is_changed(params, name) { typed } else { now };
        Buzz {
            yellow: amount("buzz.yellow", typed.yellow, now.yellow),
            blue: amount("buzz.blue", typed.blue, now.blue),
            green: amount("buzz.green", typed.green, now.green),
        }
    };
    UserSpec {
        buzz: spec.buzz.map(merged),
        ..spec
    }
}
