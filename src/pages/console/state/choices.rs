//! The clients and users that a form offers, and the pages of a long list.

use crate::model::user::{User, UserRef};
use crate::protocol::ids::UserId;
use crate::protocol::params::Params;
use crate::sandbox::Sandbox;

/// A longer list is not offered: its value is typed.
const MAX_CHOICES: usize = 200;

/// The rows of one page of a list.
const PAGE_ROWS: usize = 100;

/// A value, and what to call it.
#[derive(Debug, Clone)]
pub(crate) struct Choice {
    pub(crate) value: String,
    pub(crate) label: String,
}

impl Choice {
    pub(super) fn new(value: impl Into<String>, label: impl Into<String>) -> Self {
        Self {
            value: value.into(),
            label: label.into(),
        }
    }

    /// Choices whose value is their label.
    pub(super) fn of_words<'a>(words: impl IntoIterator<Item = &'a str>) -> Vec<Self> {
        words
            .into_iter()
            .map(|word| Self::new(word, word))
            .collect()
    }
}

/// The clients; empty if there are too many.
pub(super) fn clients(sandbox: &Sandbox) -> Vec<Choice> {
    let clients = sandbox.data().list_clients();
    if clients.len() > MAX_CHOICES {
        return Vec::new();
    }
    let choice = |client: &crate::model::client::Client| {
        let is_unique = clients.iter().filter(|one| one.name == client.name).count() == 1;
        let label = if is_unique {
            client.name.clone()
        } else {
            format!("{} ({})", client.name, client.id)
        };
        Choice::new(client.id.as_str(), label)
    };
    clients.iter().map(choice).collect()
}

/// The users who are not deleted; empty if there are too many.
pub(super) fn users(sandbox: &Sandbox) -> Vec<Choice> {
    let users = sandbox.data().list_users();
    if users.len() > MAX_CHOICES {
        return Vec::new();
    }
    let names = User::usernames(&users);
    let present = users.iter().filter(|user| !user.deleted);
    let choice = |user: &User| {
        let text = UserRef::text_for(user, &names);
        let text = text.unwrap_or_else(|| user.id.to_string());
        Choice::new(text, user.display_name())
    };
    present.map(choice).collect()
}

/// Text that names the user of this id, in a form.
pub(super) fn user_text(sandbox: &Sandbox, id: UserId) -> String {
    let users = sandbox.data().list_users();
    let names = User::usernames(&users);
    let user = users.iter().find(|user| user.id == id);
    let text = user.and_then(|user| UserRef::text_for(user, &names));
    text.unwrap_or_else(|| id.to_string())
}

/// The user of an id in an address or a button: a number is never a username.
pub(super) fn user_of_id(id: &str) -> UserRef {
    let id = id.trim();
    id.parse().map_or_else(|_| UserRef::from(id), UserRef::Id)
}

/// What to call the user of this id.
pub(super) fn user_name(sandbox: &Sandbox, id: i64) -> String {
    let found = sandbox.data().find_user(&UserRef::Id(id));
    found.map_or_else(|| format!("user {id}"), |user| user.display_name())
}

/// One page of a list.
pub(crate) struct ListPage<T> {
    pub(crate) rows: Vec<T>,
    /// The rows of all pages.
    pub(crate) count: usize,
    /// The number of the first row of the previous page.
    pub(crate) previous: Option<usize>,
    pub(crate) next: Option<usize>,
}

impl<T> ListPage<T> {
    /// The page that begins at the row that the query names.
    pub(super) fn new(all: Vec<T>, query: &Params) -> Self {
        let from = query.text("from").and_then(|from| from.parse().ok());
        let count = all.len();
        let from = from.filter(|from: &usize| *from < count).unwrap_or(0);
        let next = from.saturating_add(PAGE_ROWS);
        Self {
            rows: all.into_iter().skip(from).take(PAGE_ROWS).collect(),
            count,
            previous: (from > 0).then(|| from.saturating_sub(PAGE_ROWS)),
            next: (next < count).then_some(next),
        }
    }

    /// The same page with other rows.
    pub(super) fn map<U>(self, row: impl FnMut(T) -> U) -> ListPage<U> {
        ListPage {
            rows: self.rows.into_iter().map(row).collect(),
            count: self.count,
            previous: self.previous,
            next: self.next,
        }
    }
}
