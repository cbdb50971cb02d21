//! The console: pages for developers of apps. `layout.rs` has what all pages share.

mod actions;
#[cfg(feature = "openapi")]
pub(crate) mod api_reference;
pub(crate) mod consent_gallery;
mod demo;
mod epoch;
mod events;
pub(crate) mod findings;
pub(crate) mod first_sign_in;
mod gallery_options;
pub(crate) mod home;
pub(crate) mod layout;
pub(crate) mod navigation;
pub(crate) mod playground;
mod problem;
pub(crate) mod requests;
pub(crate) mod state;
mod status_line;
pub(crate) mod styleguide;
pub(crate) mod theme;
mod time_text;
pub(crate) mod unlock;

pub(crate) use actions::post as act;
pub(crate) use events::events;
