//! The device flow (RFC 8628): `start.rs` begins it, `poll.rs` is what the device asks meanwhile, `review.rs`
//! what the user's browser asks. The page is `pages/site/device.rs`.

pub(crate) mod poll;
pub(crate) mod review;
pub(crate) mod start;

use axum::response::Response;

use crate::http::respond;

/// What other methods are told by the endpoints that devices call.
pub(crate) const ALLOW: &str = "POST, OPTIONS";

const METHODS: &str = "POST";

/// `OPTIONS /device` and `/device-token`.
pub(crate) async fn options() -> Response {
    respond::preflight(METHODS)
}
