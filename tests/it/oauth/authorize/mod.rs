//! Tests of `/authorize`.

mod checks;
mod redirect_uri;
mod redirects;
mod scope;
mod transport;
