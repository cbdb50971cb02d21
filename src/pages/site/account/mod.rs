//! `/user/account`: the apps that a user has registered, and the apps that the user has authorized.

pub(crate) mod apps;
mod connected;
pub(crate) mod connected_forms;
mod form;
mod grid;
mod layout;
mod limit;
pub(crate) mod page;
