//! The dashboard: the journal with explanations of refusals, and the state of the sandbox.

pub(crate) mod actions;
mod events;
mod page;
mod row;
mod search;

pub(crate) use events::events;
pub(crate) use page::get;
