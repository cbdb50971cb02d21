//! Request bodies: read within their limits, and parsed into parameters.

use axum::body::{Body, Bytes, HttpBody as _, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::response::Response;

use super::body_error::BodyError;
use super::respond;
use crate::protocol::params::Params;

/// A longer body counts as empty, as at Civitai.
pub(crate) const MAX_BODY_BYTES: usize = 512 * 1024;

/// A request body, parsed as a form and as its own content type.
#[derive(Default)]
pub(crate) struct RequestBody {
    pub(crate) params: Params,
    pub(crate) is_json: bool,
    pub(crate) is_multipart: bool,
    /// The raw bytes. They may hold secrets in plain text, so there is no `Debug`.
    pub(crate) bytes: Bytes,
}

/// The form parameters of a request that is not observed, such as a control call. Extracts the unread body.
#[derive(Debug)]
pub(crate) struct Form(pub(crate) Params);

impl<S: Send + Sync> FromRequest<S> for Form {
    type Rejection = Response;

    async fn from_request(request: Request, _: &S) -> Result<Self, Response> {
        let (parts, body) = request.into_parts();
        let received = read_params(&parts.headers, read_body(body).await?).await;
        Ok(Self(received.params))
    }
}

/// Reads a body. A body that is too long counts as empty, as at Civitai; so does one that does not end in time
/// (`server/request_body.rs`), so that a slow client gets a response. Errors: 503, there was no memory for the body.
pub(crate) async fn read_body(body: Body) -> Result<Bytes, Response> {
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    let error = match to_bytes(body, MAX_BODY_BYTES).await {
        Ok(bytes) => return Ok(bytes),
        Err(error) => error,
    };
    match BodyError::new(&error) {
        BodyError::NoMemory(error) => Err(respond::no_body_memory(error)),
        BodyError::TooSlow(_) | BodyError::Broken | BodyError::TooLong => Ok(Bytes::new()),
    }
}

/// Parses the parameters of a body.
pub(crate) async fn read_params(headers: &HeaderMap, bytes: Bytes) -> RequestBody {
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or_default();
    if kind.contains("application/json") {
        RequestBody {
            params: Params::from_json(&bytes),
            is_json: true,
            is_multipart: false,
            bytes,
        }
    } else {
        RequestBody {
            params: form(kind, bytes.clone()).await,
            is_json: false,
            is_multipart: is_multipart(kind),
            bytes,
        }
    }
}

async fn form(kind: &str, bytes: Bytes) -> Params {
    if is(kind, "application/x-www-form-urlencoded") {
        Params::from_urlencoded(&bytes)
    } else if is_multipart(kind) {
        multipart(kind, bytes).await.unwrap_or_default()
    } else {
        Params::default()
    }
}

fn is_multipart(kind: &str) -> bool {
    is(kind, "multipart/form-data")
}

/// Whether a content type has this essence, regardless of its parameters.
pub(crate) fn is(kind: &str, essence: &str) -> bool {
    let known = kind.split(';').next().unwrap_or_default();
    known.trim().eq_ignore_ascii_case(essence)
}

/// File parts count as empty text.
async fn multipart(kind: &str, bytes: Bytes) -> Result<Params, multer::Error> {
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
