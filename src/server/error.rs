//! Errors that prevent a server from starting.

use std::net::SocketAddr;

use crate::invalid::Invalid;
use crate::store::StoreError;

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// An address cannot be listened on.
    #[error(
        "cannot listen on {address}: {why}; choose another with --{flag} (port 0 takes a free one)"
    )]
    Listen {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system said.
        why: std::io::Error,
        /// The option that it came from.
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
