//! The pages that people see: template beside handler, plain forms, nothing that needs JavaScript. The
//! protocol behind them is `oauth/`.

pub(crate) mod assets;
pub(crate) mod console;
pub(crate) mod site;
mod view;
