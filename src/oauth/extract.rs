//! What came over the wire? The sandbox that the path names, the address the caller sees us at, and the
//! parameters of the body. What the parameters mean is `protocol/`.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, ORIGIN};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};
use axum::response::Response;

use crate::base::{Base, SandboxPath};
use crate::contract::Rules;
use crate::oauth::respond;
use crate::protocol::params::Params;
use crate::sandbox::Sandbox;
use crate::server::{App, Peer};

/// A longer body counts as empty, as it does at Civitai.
pub(crate) const LONGEST_BODY: usize = 512 * 1024;

/// Everything about a request but its body.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) sandbox: Arc<Sandbox>,
    pub(crate) base: Base,
    pub(crate) headers: HeaderMap,
    peer: Option<IpAddr>,
}

impl Context {
    /// The contract that holds here.
    pub(crate) fn rules(&self) -> Rules {
        self.sandbox.settings().rules.clone()
    }

    pub(crate) fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub(crate) fn authorization(&self) -> Option<&str> {
        self.header(&AUTHORIZATION)
    }

    pub(crate) fn origin(&self) -> Option<&str> {
        self.header(&ORIGIN)
    }

    /// The caller's address as a proxy's header tells it: `CF-Connecting-IP`, or the first of
    /// `X-Forwarded-For`. It is taken at its word, as it is at Civitai; it decides nothing but rate limits.
    pub(crate) fn forwarded_address(&self) -> Option<String> {
        let first = |name| {
            let value = self.headers.get(name)?.to_str().ok()?;
            let first = value.split(',').next()?.trim();
            (!first.is_empty()).then(|| first.to_owned())
        };
        first("cf-connecting-ip").or_else(|| first("x-forwarded-for"))
    }

    /// The address that the connection comes from.
    pub(crate) fn peer_address(&self) -> Option<String> {
        self.peer.map(|address| address.to_string())
    }
}

impl FromRequestParts<Arc<App>> for Context {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        let path = parts
            .extensions
            .get::<SandboxPath>()
            .cloned()
            .unwrap_or_default();
        let sandbox = app
            .registry
            .sandbox(path.name())
            .await
            .map_err(|why| respond::failure(&why))?;
        Ok(Self {
            sandbox,
            base: Base::of(parts, app, &path),
            peer: parts.extensions.get::<Peer>().map(|peer| peer.0.ip()),
            headers: parts.headers.clone(),
        })
    }
}

/// The parameters of a body, whatever kind it is: form, multipart or JSON. A body of another kind, too long
/// or unreadable counts as empty.
#[derive(Debug)]
pub(crate) struct Sent(pub(crate) Params);

impl<S: Send + Sync> FromRequest<S> for Sent {
    type Rejection = Infallible;

    async fn from_request(request: Request, _: &S) -> Result<Self, Infallible> {
        let kind = content_type(request.headers());
        let bytes = to_bytes(request.into_body(), LONGEST_BODY)
            .await
            .unwrap_or_default();
        Ok(Self(if kind.contains("application/json") {
            Params::from_json(&bytes)
        } else {
            form(&kind, bytes).await
        }))
    }
}

/// The parameters of a form; JSON counts as empty.
#[derive(Debug)]
pub(crate) struct SentForm(pub(crate) Params);

impl<S: Send + Sync> FromRequest<S> for SentForm {
    type Rejection = Infallible;

    async fn from_request(request: Request, _: &S) -> Result<Self, Infallible> {
        let kind = content_type(request.headers());
        let bytes = to_bytes(request.into_body(), LONGEST_BODY)
            .await
            .unwrap_or_default();
        Ok(Self(form(&kind, bytes).await))
    }
}

fn content_type(headers: &HeaderMap) -> String {
    headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or_default()
        .to_owned()
}

async fn form(kind: &str, bytes: axum::body::Bytes) -> Params {
    let essence = kind
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    match essence.as_str() {
        "application/x-www-form-urlencoded" => Params::from_urlencoded(&bytes),
        "multipart/form-data" => multipart(kind, bytes).await.unwrap_or_default(),
        _ => Params::default(),
    }
}

/// A part that is a file counts as empty text.
async fn multipart(kind: &str, bytes: axum::body::Bytes) -> Result<Params, multer::Error> {
    let boundary = multer::parse_boundary(kind)?;
    let mut parts = multer::Multipart::new(Body::from(bytes).into_data_stream(), boundary);
    let mut pairs = Vec::new();
    while let Some(field) = parts.next_field().await? {
        let name = field.name().unwrap_or_default().to_owned();
        let is_file = field.file_name().is_some();
        let text = field.text().await?;
        pairs.push((name, if is_file { String::new() } else { text }));
    }
    Ok(pairs.into_iter().collect())
}
