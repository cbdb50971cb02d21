//! The playground: the flow step by step, with the server as the client app.

mod action;
mod actions;
mod checks;
mod client;
mod handlers;
mod observe;
mod page;
mod phases;
mod run;
mod start;
mod view;

pub(crate) use client::quoted;
pub(crate) use handlers::{act, callback, start};
pub(crate) use page::get;
pub(crate) use run::{CALLBACK, PlaygroundRuns};
