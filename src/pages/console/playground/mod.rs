//! The playground: the flow step by step, with the server as the client app.

mod actions;
mod client;
mod handlers;
mod observe;
mod page;
mod run;
mod start;

pub(crate) use client::quoted;
pub(crate) use handlers::{act, callback, start};
pub(crate) use page::get;
pub(crate) use run::PlaygroundRuns;
