//! Where the certificate for HTTPS comes from.

use std::path::PathBuf;

/// Where the certificate of the HTTPS listener comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Certificate {
    /// Made on first use, for any name. The authority's certificate is written to the file, in PEM.
    Generated {
        /// Where to write it; `None` keeps it in memory only.
        ca_file: Option<PathBuf>,
    },
    /// Read from PEM files.
    Files {
        /// The certificate, and after it those that lead to an authority.
        certificate: PathBuf,
        /// Its private key.
        key: PathBuf,
    },
}
