//! Lifetime of a browser session: a cookie whose hash is stored; `http/session.rs` reads it.

/// The cookie that carries it.
pub(crate) const COOKIE: &str = "civ-token";

/// 90 days: longer than any refresh token lives.
pub(crate) const LIFETIME_SECONDS: u32 = 90 * 24 * 60 * 60;
