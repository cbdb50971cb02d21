//! The device flow (RFC 8628): `start.rs` begins it, the device polls `poll.rs`, and the user's browser calls
//! `review.rs`. The page is `pages/site/device.rs`.

pub(crate) mod poll;
pub(crate) mod review;
pub(crate) mod start;
