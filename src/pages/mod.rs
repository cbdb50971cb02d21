//! HTML pages: each template is next to its handler, with plain forms that work without JavaScript. The protocol behind
//! them is in `oauth/`.

pub(crate) mod assets;
pub(crate) mod console;
pub(crate) mod llms;
pub(crate) mod site;
mod view;
