//! Clients, users, consents, codes, tokens and budgets: rules without I/O that are given the time. `store/` stores them, and
//! `protocol/` parses them.

pub(crate) mod account;
pub(crate) mod builder;
pub(crate) mod buzz;
pub(crate) mod client;
pub(crate) mod client_spec;
pub(crate) mod code;
pub(crate) mod consent;
mod cron;
pub(crate) mod device;
pub(crate) mod ledger;
mod patch_struct;
pub(crate) mod period;
pub(crate) mod refusal_cause;
pub(crate) mod session;
pub(crate) mod token;
pub(crate) mod user;
pub(crate) mod user_spec;
mod utc;
pub(crate) mod workflow;
