//! Pages for developers of apps: home, dashboard, playground, advice, consent gallery.

pub(crate) mod advice;
pub(crate) mod consent_gallery;
pub(crate) mod dashboard;
mod gallery_options;
pub(crate) mod home;
pub(crate) mod playground;
pub(crate) mod unlock;
