//! Extractors: the whole request with its sandbox, and its head alone. `protocol/` parses the parameters.

use std::ops::Deref;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::FromRequestParts;
use axum::http::header::{AUTHORIZATION, ORIGIN};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, Method};
use axum::response::{IntoResponse, Response};

use crate::http::base_url::BaseUrl;
use crate::http::request::RequestInfo;
use crate::protocol::contract_rules::ContractRules;
use crate::protocol::error::OAuthError;
use crate::protocol::params::Params;
use crate::sandbox::credential_cause::RefusedCredential;
use crate::sandbox::journal::CredentialAction;
use crate::sandbox::rate_limits::Limit;

/// A request, its sandbox, and facts that the middleware has found. In the extensions of each request.
#[derive(Clone)]
pub(crate) struct RequestContext(Arc<RequestInfo>);

impl From<RequestInfo> for RequestContext {
    fn from(info: RequestInfo) -> Self {
        Self(Arc::new(info))
    }
}

impl Deref for RequestContext {
    type Target = RequestInfo;

    fn deref(&self) -> &RequestInfo {
        &self.0
    }
}

impl RequestContext {
    /// The contract of the sandbox. It records which differences the handler evaluates.
    pub(crate) fn rules(&self) -> &ContractRules {
        &self.0.rules
    }

    /// The parameters of the body: form, multipart or JSON. A body of another type, too long or unreadable counts as
    /// empty.
    pub(crate) fn params(&self) -> &Params {
        &self.0.received.params
    }

    /// The parameters of a form; JSON counts as empty.
    pub(crate) fn form_params(&self) -> &Params {
        static NOTHING: Params = Params::none();
        if self.0.received.is_json {
            &NOTHING
        } else {
            self.params()
        }
    }

    /// The raw body.
    pub(crate) fn body(&self) -> &Bytes {
        &self.0.received.bytes
    }

    pub(crate) fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub(crate) fn authorization(&self) -> Option<&str> {
        self.header(&AUTHORIZATION)
    }

    /// Whether there is an `Authorization` header that is not empty, readable or not.
    pub(crate) fn has_authorization_header(&self) -> bool {
        self.headers
            .get(AUTHORIZATION)
            .is_some_and(|value| !value.is_empty())
    }

    pub(crate) fn origin(&self) -> Option<&str> {
        self.header(&ORIGIN)
    }

    /// The client's address as a proxy's header reports it: `CF-Connecting-IP`, or the first of `X-Forwarded-For`. The
    /// value is not verified, as at Civitai; only rate limits use it.
    pub(crate) fn forwarded_address(&self) -> Option<String> {
        let first = |name| {
            let value = self.headers.get(name)?.to_str().ok()?;
            let first = value.split(',').next()?.trim();
            (!first.is_empty()).then(|| first.to_owned())
        };
        first("cf-connecting-ip").or_else(|| first("x-forwarded-for"))
    }

    /// Counts a request against the limit of [`RequestContext::forwarded_address`]. Without such an address, nothing is
    /// limited.
    pub(crate) fn check_address_limit(&self, limit: Limit) -> bool {
        self.forwarded_address()
            .is_none_or(|address| self.sandbox.check_rate_limit(limit, &address))
    }

    /// Records that a credential is refused, and the cause.
    pub(crate) fn record_refused_credential(&self, refused: RefusedCredential<'_>) {
        self.notes.cause(self.sandbox.cause_of_refusal(refused));
        self.notes
            .credential(CredentialAction::Refused, &refused.hash);
    }

    pub(crate) fn is_post(&self) -> bool {
        self.method == Method::POST
    }

    /// The address that the connection comes from.
    pub(crate) fn peer_address(&self) -> Option<String> {
        self.peer.map(|address| address.to_string())
    }
}

impl<S: Send + Sync> FromRequestParts<S> for RequestContext {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        if let Some(context) = parts.extensions.get::<Self>() {
            return Ok(context.clone());
        }
        if parts.extensions.get::<Arc<RequestHead>>().is_some() {
            return Err(NeedsSandbox::response());
        }
        tracing::error!("a handler was reached around the layer that every request passes");
        Err(OAuthError::server_error().into_response())
    }
}

/// Facts about a request whose sandbox may not exist yet. Handlers that take this, and no [`RequestContext`], create no
/// sandbox.
#[derive(Clone)]
pub(crate) struct RequestHead {
    pub(crate) base: BaseUrl,
    /// The contract of the sandbox, or of a new one.
    pub(crate) rules: ContractRules,
    pub(crate) headers: HeaderMap,
}

impl<S: Send + Sync> FromRequestParts<S> for RequestHead {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        if let Some(head) = parts.extensions.get::<Arc<Self>>() {
            return Ok(Self::clone(head));
        }
        let context = RequestContext::from_request_parts(parts, state).await?;
        Ok(Self {
            base: context.base.clone(),
            rules: context.rules.clone(),
            headers: context.headers.clone(),
        })
    }
}

/// Marks the response of a handler that needs the sandbox to exist.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NeedsSandbox;

impl NeedsSandbox {
    fn response() -> Response {
        let mut response = Response::default();
        response.extensions_mut().insert(Self);
        response
    }
}

/// The first value of a header, if it is text.
pub(crate) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
