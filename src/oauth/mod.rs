//! The endpoints that client apps speak, one file each: parse, act, render. What the words mean is
//! `protocol/`; `http/respond.rs` alone chooses statuses and headers.

pub(crate) mod authorize;
pub(crate) mod clients;
pub(crate) mod device;
pub(crate) mod discovery;
pub(crate) mod introspect;
pub(crate) mod mint;
pub(crate) mod revoke;
pub(crate) mod token;
pub(crate) mod userinfo;
