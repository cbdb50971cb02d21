//! The device flow (RFC 8628): `start.rs` begins it, the device polls `poll.rs`, and the user's browser calls
//! `review.rs`. The page is `pages/site/device.rs`.

pub(crate) mod poll;
pub(crate) mod review;
pub(crate) mod start;

use axum::response::Response;

use crate::http::respond;

/// The `Allow` header for other methods at the endpoints that devices call.
pub(crate) const ALLOW: &str = "POST, OPTIONS";

const METHODS: &str = "POST";

/// `OPTIONS /device` and `/device-token`.
pub(crate) async fn options() -> Response {
    respond::preflight(METHODS)
}
