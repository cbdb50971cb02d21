//! TLS configuration: a certificate from files, or one generated on first use for the name that a client requests,
//! signed by our own certificate authority, which clients can trust.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use hashlink::LruCache;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{self, ServerConfig};

use crate::certificate::Certificate;
use crate::files;
use crate::sandbox::clock::Clock;

/// Names that every generated certificate is valid for, in addition to the requested name.
const OWN_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Maximum number of cached certificates. The least recently used one is evicted, and generated again on its next use.
const MAX_CERTIFICATES: usize = 256;

/// A lifetime that all systems accept, in days: less than the 398 that browsers allow.
const LEAF_DAYS: i64 = 397;

const AUTHORITY_DAYS: i64 = 3650;

/// In seconds.
const DAY: i64 = 24 * 60 * 60;

/// HTTPS cannot be served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read or written.
    #[error("{}: {reason}", file.display())]
    File {
        /// The path of the file.
        file: PathBuf,
        /// The reason.
        reason: String,
    },
    /// The certificate and the key do not match, or cannot be used.
    #[error("the certificate cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
    /// A certificate cannot be generated.
    #[error("cannot generate a certificate: {0}")]
    Unmade(#[from] rcgen::Error),
}

/// The TLS acceptor, and the certificate to trust if the server generated it.
pub(crate) struct Tls {
    pub(crate) acceptor: TlsAcceptor,
    pub(crate) authority_pem: Option<String>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

impl Tls {
    /// Reads the certificate, or creates the certificate authority.
    pub(crate) fn new(certificate: &Certificate) -> Result<Self, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth();
        let (mut config, authority_pem) = match certificate {
            Certificate::Files { certificate, key } => {
                let chain = read(certificate, |pem| {
                    CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>()
                })?;
                if chain.is_empty() {
                    return Err(file_error(certificate, &"the file has no certificate"));
                }
                let private_key = read(key, PrivateKeyDer::from_pem_slice)?;
                let config = builder
                    .with_single_cert(chain, private_key)
                    .map_err(|error| {
                        let certificate = certificate.display();
                        file_error(key, &format!("not the key of {certificate}: {error}"))
                    })?;
                (config, None)
            }
            Certificate::Generated { ca_file } => {
                let authority = Authority::new(provider)?;
                let pem = authority.issuer.pem();
                if let Some(file) = ca_file {
                    let expected = "one certificate in PEM";
                    files::check_replaceable(file, "--tls-ca-file", expected, is_certificate)
                        .and_then(|()| files::write_whole(file, &pem))
                        .map_err(|error| file_error(file, &error))?;
                }
                // Generated now and not at the first handshake, so that an error is found at startup.
                authority.certificate_for(OWN_NAMES[0])?;
                (builder.with_cert_resolver(Arc::new(authority)), Some(pem))
            }
        };
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            authority_pem,
        })
    }
}

/// Whether the text is exactly one certificate in PEM, with no private key and no other certificates.
fn is_certificate(text: &str) -> bool {
    let inside = text.trim().strip_prefix("-----BEGIN CERTIFICATE-----");
    let inside = inside.and_then(|rest| rest.strip_suffix("-----END CERTIFICATE-----"));
    inside.is_some_and(|inside| !inside.contains("-----"))
}

fn file_error(file: &Path, reason: &impl ToString) -> TlsError {
    TlsError::File {
        file: file.to_owned(),
        reason: reason.to_string(),
    }
}

fn read<T>(
    file: &Path,
    parse: impl FnOnce(&[u8]) -> Result<T, rustls_pki_types::pem::Error>,
) -> Result<T, TlsError> {
    let pem = std::fs::read(file).map_err(|error| file_error(file, &error))?;
    parse(&pem).map_err(|error| file_error(file, &format!("not valid PEM: {error}")))
}

/// Our own certificate authority, and the cache of its certificates.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    provider: Arc<CryptoProvider>,
    made: Mutex<LruCache<String, Arc<CertifiedKey>>>,
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").finish_non_exhaustive()
    }
}

impl Authority {
    fn new(provider: Arc<CryptoProvider>) -> Result<Self, TlsError> {
        let mut params = params(Vec::new(), "civitai-oauth-mock authority", AUTHORITY_DAYS)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        Ok(Self {
            issuer,
            provider,
            made: Mutex::new(LruCache::new(MAX_CERTIFICATES)),
        })
    }

    fn certificate_for(&self, name: &str) -> Result<Arc<CertifiedKey>, TlsError> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = made.get(name) {
            return Ok(Arc::clone(known));
        }
        let mut names: Vec<String> = OWN_NAMES.map(str::to_owned).to_vec();
        if !names.iter().any(|own| own == name) {
            names.push(name.to_owned());
        }
        let mut params = params(names, name, LEAF_DAYS)?;
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let chain = vec![certificate.der().clone(), self.issuer.der().clone()];
        let certified = Arc::new(CertifiedKey::from_der(chain, key, &self.provider)?);
        made.insert(name.to_owned(), Arc::clone(&certified));
        Ok(certified)
    }
}

/// Valid from yesterday on, for clients whose clock is behind.
fn params(names: Vec<String>, subject: &str, days: i64) -> Result<CertificateParams, TlsError> {
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.push(DnType::CommonName, subject);
    let now = Clock::default().now().unix_seconds();
    let moment = |seconds| {
        time::OffsetDateTime::from_unix_timestamp(seconds)
            .unwrap_or(time::OffsetDateTime::UNIX_EPOCH)
    };
    params.not_before = moment(now - DAY);
    params.not_after = moment(now + days * DAY);
    Ok(params)
}

impl ResolvesServerCert for Authority {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        // A client that connects to an IP address sends no name.
        let name = hello.server_name().unwrap_or(OWN_NAMES[0]);
        let made = self.certificate_for(name);
        made.inspect_err(
            |error| tracing::warn!(%error, name, "cannot generate a certificate for a client"),
        )
        .ok()
    }
}
