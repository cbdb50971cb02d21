//! What the attackers of each shape do.

pub(crate) mod bodies;
pub(crate) mod connections;
pub(crate) mod costly;
pub(crate) mod faults;
pub(crate) mod http2;
pub(crate) mod journal;
pub(crate) mod rows;
