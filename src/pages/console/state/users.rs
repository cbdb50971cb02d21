//! `GET /_mock/users`: the users of the sandbox, and a form for a new user or the changes of one.

use std::sync::Arc;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::choices::{ListPage, user_of_id};
use super::form::Form;
use super::user_form;
use crate::http::context::RequestContext;
use crate::http::state::ServerState;
use crate::model::user::User;
use crate::pages::console::layout::{ConsoleLayout, console_page};
use crate::pages::console::navigation::ConsolePage;
use crate::pages::console::problem;
use crate::pages::view::Avatar;
use crate::protocol::params::Params;

#[derive(Template)]
#[template(path = "users.html")]
struct UsersPage {
    layout: ConsoleLayout,
    here: String,
    users: ListPage<UserRow>,
    form: Option<OpenForm>,
}

/// The form above the list.
pub(super) struct OpenForm {
    /// The user whose changes it has: the id, and the name. None for a new user.
    pub(super) user: Option<(String, String)>,
    pub(super) form: Form,
}

struct UserRow {
    id: i64,
    name: String,
    avatar: Avatar,
    email: Option<String>,
    is_verified: bool,
    /// Membership, roles, subscriptions and flags, each with its kind of tag.
    tags: Vec<(&'static str, String)>,
    buzz: [(&'static str, String); 3],
    sessions: usize,
    banned: bool,
    deleted: bool,
}

/// `GET /_mock/users`. With `add` or `edit={id}`, the form is open.
pub(crate) async fn get(
    State(state): State<Arc<ServerState>>,
    context: RequestContext,
    RawQuery(query): RawQuery,
) -> Response {
    let query = Params::from_urlencoded(query.unwrap_or_default().as_bytes());
    let form = if let Some(id) = query.text("edit") {
        match context.sandbox.read_user(&user_of_id(id)) {
            Ok(user) => Some(OpenForm {
                user: Some((user.id.to_string(), user.display_name())),
                form: user_form::for_user(&user),
            }),
            Err(error) => return problem::page(&context, StatusCode::NOT_FOUND, &error),
        }
    } else {
        query.text("add").map(|_| OpenForm {
            user: None,
            form: user_form::empty(),
        })
    };
    show(&state, &context, StatusCode::OK, &query, form)
}

pub(super) fn show(
    state: &ServerState,
    context: &RequestContext,
    status: StatusCode,
    query: &Params,
    form: Option<OpenForm>,
) -> Response {
    let (sandbox, base) = (&context.sandbox, &context.base);
    let sessions = sandbox.data().count_sessions(sandbox.now());
    let users = ListPage::new(sandbox.list_users(), query);
    let users = users.map(|user| {
        let sessions = sessions.get(&user.id).copied();
        row(user, sessions.unwrap_or(0))
    });
    let here = base.path(ConsolePage::Users.path());
    let shown = UsersPage {
        layout: ConsoleLayout::new(state, context, ConsolePage::Users),
        here,
        users,
        form,
    };
    console_page(status, &shown.layout, &shown)
}

fn row(user: User, sessions: usize) -> UserRow {
    let mut tags = Vec::new();
    for (is_set, kind, text) in [
        (user.banned, "refused", "banned"),
        (user.deleted, "refused", "deleted"),
        (user.muted, "warn", "muted"),
        (user.moderator, "accent", "moderator"),
    ] {
        if is_set {
            tags.push((kind, text.to_owned()));
        }
    }
    let others = user
        .tier
        .iter()
        .chain(&user.roles)
        .chain(&user.subscriptions);
    for text in others {
        if !tags.iter().any(|(_, known)| known == text) {
            tags.push(("plain", text.clone()));
        }
    }
    let buzz = [
        ("Yellow", user.buzz.yellow),
        ("Blue", user.buzz.blue),
        ("Green", user.buzz.green),
    ];
    UserRow {
        id: user.id.0,
        name: user.display_name(),
        avatar: Avatar::for_user(&user),
        is_verified: user.email_verified,
        email: user.email,
        tags,
        buzz: buzz.map(|(label, amount)| (label, grouped(amount))),
        sessions,
        banned: user.banned,
        deleted: user.deleted,
    }
}

/// A number with a comma before each group of three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn numbers_are_in_groups_of_three_digits() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(grouped(number), text);
        }
    }
}
