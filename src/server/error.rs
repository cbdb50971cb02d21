//! Errors that prevent a server from starting.

use std::net::SocketAddr;

use crate::invalid::Invalid;
use crate::store::StoreError;

/// The error of a server that did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The server cannot listen on an address.
    #[error(
        "cannot listen on {address}: {reason}; choose another with --{flag} (port 0 selects a free one)"
    )]
    Listen {
        /// The configured address.
        address: SocketAddr,
        /// The error of the operating system.
        reason: std::io::Error,
        /// The option that set the address.
        flag: &'static str,
    },
    /// The database cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The configuration contradicts itself.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// HTTPS cannot be served.
    #[cfg(feature = "tls")]
    #[error(transparent)]
    Tls(#[from] crate::server::tls::TlsError),
}
