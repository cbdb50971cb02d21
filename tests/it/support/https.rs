//! A client for the HTTPS listener that trusts one authority only. It can use any host name, whatever that name
//! resolves to.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use hyper::client::conn::{http1, http2};
use hyper::header::HOST;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use url::Url;

use super::TestResponse;

#[derive(Clone)]
pub(crate) struct Https {
    connector: TlsConnector,
    address: SocketAddr,
}

impl Https {
    /// Trusts this certificate (PEM) and calls this address.
    pub(crate) fn trusting(pem: &str, address: SocketAddr) -> Self {
        let mut roots = RootCertStore::empty();
        let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).expect("PEM");
        roots.add(certificate).expect("a certificate");
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider supports TLS 1.3")
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let connector = TlsConnector::from(Arc::new(config));
        Self { connector, address }
    }

    /// `https://name:port`.
    pub(crate) fn base(&self, name: &str) -> String {
        format!("https://{name}:{}", self.address.port())
    }

    /// Sends the request to the address, regardless of the host in its URL; the certificate must be valid for that host.
    pub(crate) async fn send(&self, request: Request<Vec<u8>>) -> io::Result<Response<Vec<u8>>> {
        let url: Url = request.uri().to_string().parse().expect("a whole URL");
        let host = url.host_str().expect("a host").trim_matches(['[', ']']);
        let name = ServerName::try_from(host.to_owned()).expect("a name or an address");
        let stream = TcpStream::connect(self.address).await?;
        let stream = self.connector.connect(name, stream).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(io::Error::other)?;
        tokio::spawn(connection);

        let (mut parts, body) = request.into_parts();
        let authority = parts.uri.authority().expect("a host").to_string();
        parts
            .headers
            .insert(HOST, authority.parse().expect("a header"));
        let target = &url[url::Position::BeforePath..url::Position::AfterQuery];
        parts.uri = target.parse().expect("a path");
        let request = Request::from_parts(parts, Body::from(body));
        let answer = sender
            .send_request(request)
            .await
            .map_err(io::Error::other)?;
        let (parts, body) = answer.into_parts();
        let body = to_bytes(Body::new(body), usize::MAX).await;
        Ok(Response::from_parts(
            parts,
            body.map_err(io::Error::other)?.to_vec(),
        ))
    }

    /// Sends the request by HTTP/2, negotiated in the handshake: the host is in the target alone.
    pub(crate) async fn send_by_http2(
        &self,
        request: Request<Vec<u8>>,
    ) -> io::Result<Response<Vec<u8>>> {
        let mut config = self.connector.config().as_ref().clone();
        config.alpn_protocols = vec![b"h2".to_vec()];
        let host = request.uri().host().expect("a host").to_owned();
        let name = ServerName::try_from(host).expect("a name or an address");
        let stream = TcpStream::connect(self.address).await?;
        let stream = TlsConnector::from(Arc::new(config)).connect(name, stream);
        http2_over(stream.await?, request).await
    }

    /// `GET` of a whole URL.
    pub(crate) async fn get(&self, url: &str) -> io::Result<TestResponse> {
        let request = Request::get(url).body(Vec::new()).expect("a request");
        let answer = self.send(request).await?;
        Ok(TestResponse {
            status: answer.status().as_u16(),
            headers: answer.headers().clone(),
            body: String::from_utf8_lossy(answer.body()).into_owned(),
            asked: url.parse().expect("a URL"),
        })
    }
}

/// Sends the request by HTTP/2 with prior knowledge.
pub(crate) async fn http2_over(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Vec<u8>>,
) -> io::Result<Response<Vec<u8>>> {
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .map_err(io::Error::other)?;
    tokio::spawn(connection);
    let answer = sender
        .send_request(request.map(Body::from))
        .await
        .map_err(io::Error::other)?;
    let (parts, body) = answer.into_parts();
    let body = to_bytes(Body::new(body), usize::MAX).await;
    Ok(Response::from_parts(
        parts,
        body.map_err(io::Error::other)?.to_vec(),
    ))
}
