//! What exists, and how may it change? Clients, users, consents, codes, tokens, budgets: rules without I/O,
//! told the time. How they are kept is `store/`; what the words mean is `protocol/`.

pub(crate) mod account;
pub(crate) mod buzz;
pub(crate) mod client;
pub(crate) mod code;
pub(crate) mod consent;
mod cron;
pub(crate) mod device;
pub(crate) mod ledger;
pub(crate) mod period;
pub(crate) mod session;
pub(crate) mod token;
pub(crate) mod user;
mod utc;
pub(crate) mod workflow;
