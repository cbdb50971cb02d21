//! Connections that are slow, that read nothing, or that cause more TLS than HTTP work.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::journal::WHOLE_JOURNAL;
use crate::client::{FEW, Target, get};

/// A TLS handshake that takes longer is given up.
const SLOWEST_HANDSHAKE: Duration = Duration::from_secs(5);

pub(crate) async fn calm(target: Arc<Target>) -> Result<(), String> {
    sleep(Duration::from_secs(target.either(5, 1))).await;
    Ok(())
}

pub(crate) async fn slow_callers(target: Arc<Target>) -> Result<(), String> {
    let halves: [&[u8]; 2] = [
        b"GET /api/health HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Half: ",
        b"POST /api/auth/oauth/token HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\nhalf",
    ];
    hold_many(&target, 2000, |at| halves[at % 2]).await;
    Ok(())
}

pub(crate) async fn large_heads(target: Arc<Target>) -> Result<(), String> {
    let start = "GET /api/health HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Long: ";
    let head = [start, &"x".repeat(120_000)].concat();
    hold_many(&target, target.either(3900, 1500), |_| head.as_bytes()).await;
    Ok(())
}

/// Nothing but a bound on all bodies together keeps them small: each is within the bound of one body.
pub(crate) async fn half_bodies(target: Arc<Target>) -> Result<(), String> {
    let head =
        "POST /api/auth/oauth/token HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 500000\r\n\r\n";
    let half = [head, &"x".repeat(400_000)].concat();
    hold_many(&target, 1000, |_| half.as_bytes()).await;
    Ok(())
}

pub(crate) async fn unread(target: Arc<Target>) -> Result<(), String> {
    let request = get(WHOLE_JOURNAL, &[]);
    hold_many(&target, 200, |_| &request).await;
    Ok(())
}

/// Opens connections one after another, then keeps them all open for a while.
async fn hold_many<'a>(target: &Target, count: usize, bytes: impl Fn(usize) -> &'a [u8]) {
    let mut streams = Vec::new();
    for at in 0..count {
        if !target.goes_on() {
            break;
        }
        streams.extend(target.hold(bytes(at)).await);
    }
    let time = Duration::from_secs(target.either(8, 2));
    target.keep(streams, time).await;
}

/// No client trusts the certificates, but the server has made and signed them by then.
pub(crate) async fn server_names(target: Arc<Target>) -> Result<(), String> {
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    let connector = TlsConnector::from(Arc::new(config));
    let mut handshakes = JoinSet::new();
    for at in 0..target.either(2000, 600) {
        if !target.goes_on() {
            break;
        }
        if handshakes.len() >= FEW {
            handshakes.join_next().await;
        }
        let (target, connector) = (Arc::clone(&target), connector.clone());
        handshakes.spawn(async move {
            let done = timeout(SLOWEST_HANDSHAKE, shake_hands(&target, &connector, at)).await;
            let is_answered =
                matches!(done, Ok(Err(error)) if error.kind() == io::ErrorKind::InvalidData);
            let what = if is_answered {
                "certificates"
            } else {
                "failed handshakes"
            };
            target.count(what, 1);
        });
    }
    while handshakes.join_next().await.is_some() {}
    Ok(())
}

async fn shake_hands(target: &Target, connector: &TlsConnector, at: usize) -> io::Result<()> {
    let stream = TcpStream::connect(target.tls_address).await?;
    let name = ServerName::try_from(format!("host{at}.example")).map_err(io::Error::other)?;
    let mut stream = connector.connect(name, stream).await?;
    stream.read_u8().await.map(|_| ())
}
