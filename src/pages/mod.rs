//! The pages that people see: template beside handler, plain forms, nothing that needs JavaScript. The
//! protocol behind them is `oauth/`.

pub(crate) mod account;
pub(crate) mod assets;
pub(crate) mod consent;
pub(crate) mod dashboard;
pub(crate) mod device;
pub(crate) mod findings;
pub(crate) mod gallery;
pub(crate) mod home;
pub(crate) mod login;
pub(crate) mod playground;
pub(crate) mod unlock;
mod view;
