//! Pages that show and change the state of a sandbox. Each has the path of the list of the control API with the same content:
//! browsers get the page, programs the list.

mod actions;
mod choices;
mod client_actions;
mod client_form;
pub(crate) mod clients;
mod fault_actions;
mod fault_form;
pub(crate) mod faults;
mod form;
mod negotiation;
pub(crate) mod sandboxes;
mod setting;
pub(crate) mod settings;
mod shown_once;
pub(crate) mod snapshots;
mod token_row;
pub(crate) mod tokens;
mod user_actions;
mod user_form;
pub(crate) mod users;

pub(super) use actions::{perform, submit};
pub(crate) use negotiation::accepts_page;
