//! The attacks, one file per area.

pub(crate) mod bodies;
pub(crate) mod connections;
pub(crate) mod costly;
pub(crate) mod faults;
pub(crate) mod http2;
pub(crate) mod journal;
pub(crate) mod rows;
