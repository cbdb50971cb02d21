//! The source of the certificate for HTTPS.

use std::path::PathBuf;

/// The source of the certificate of the HTTPS listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Certificate {
    /// Generated on first use, for any name. The authority's certificate is written to the file, in PEM.
    Generated {
        /// The file to write; `None` stores it in memory only.
        ca_file: Option<PathBuf>,
    },
    /// Read from PEM files.
    Files {
        /// The certificate, followed by those of its chain.
        certificate: PathBuf,
        /// Its private key.
        key: PathBuf,
    },
}
