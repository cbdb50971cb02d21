//! The OAuth endpoints, one file each: parse, act, render. `protocol/` interprets the parameters; `http/respond.rs` chooses
//! the status of each error.

pub(crate) mod authorize;
pub(crate) mod clients;
pub(crate) mod device;
pub(crate) mod discovery;
pub(crate) mod introspect;
pub(crate) mod issue;
pub(crate) mod revoke;
pub(crate) mod token;
pub(crate) mod userinfo;
