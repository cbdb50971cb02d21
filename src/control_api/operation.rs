//! One operation of the control API: its route, and what its handler reads and returns.

use std::sync::Arc;

use axum::handler::Handler;
use axum::routing::{MethodFilter, MethodRouter, on};

use super::signature::{Described, Schema, Signature};
use crate::http::state::ServerState;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OperationMethod {
    Get,
    Post,
    Patch,
    Delete,
}

impl OperationMethod {
    /// The key of the `OpenAPI` document; in upper case, the method.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Post => "post",
            Self::Patch => "patch",
            Self::Delete => "delete",
        }
    }
}

/// One operation of the control API.
pub(crate) struct Operation {
    pub(crate) path: &'static str,
    pub(crate) route: MethodRouter<Arc<ServerState>>,
    pub(crate) signature: Signature,
    /// Whether it lists rows: such responses can be long, and are sent one at a time.
    pub(crate) is_list: bool,
    pub(crate) method: OperationMethod,
    /// The id in the `OpenAPI` document, from which clients derive names of functions and types: it never changes.
    #[cfg(feature = "openapi")]
    pub(crate) id: &'static str,
    #[cfg(feature = "openapi")]
    pub(crate) summary: &'static str,
    /// The media types of the response other than JSON.
    #[cfg(feature = "openapi")]
    pub(crate) alternative_media_types: &'static [&'static str],
    /// The schema of a 409 response that has more than an error.
    #[cfg(feature = "openapi")]
    pub(crate) conflict: Option<super::signature::SchemaOf>,
}

impl Operation {
    pub(crate) fn new<H, T, A>(
        method: OperationMethod,
        path: &'static str,
        id: &'static str,
        summary: &'static str,
        handler: H,
    ) -> Self
    where
        H: Handler<T, Arc<ServerState>> + Described<A>,
        T: 'static,
    {
        let filter = match method {
            OperationMethod::Get => MethodFilter::GET,
            OperationMethod::Post => MethodFilter::POST,
            OperationMethod::Patch => MethodFilter::PATCH,
            OperationMethod::Delete => MethodFilter::DELETE,
        };
        #[cfg(not(feature = "openapi"))]
        let _ = (id, summary);
        Self {
            path,
            route: on(filter, handler),
            signature: H::signature(),
            is_list: false,
            method,
            #[cfg(feature = "openapi")]
            id,
            #[cfg(feature = "openapi")]
            summary,
            #[cfg(feature = "openapi")]
            alternative_media_types: &[],
            #[cfg(feature = "openapi")]
            conflict: None,
        }
    }

    /// Lists rows.
    pub(crate) fn list(self) -> Self {
        Self {
            is_list: true,
            ..self
        }
    }

    /// The response can have one of these media types instead of JSON.
    #[cfg_attr(not(feature = "openapi"), expect(unused_mut, unused_variables))]
    pub(crate) fn alternative_media_types(mut self, types: &'static [&'static str]) -> Self {
        #[cfg(feature = "openapi")]
        {
            self.alternative_media_types = types;
        }
        self
    }

    /// A 409 response has this body, which is more than an error.
    #[cfg_attr(not(feature = "openapi"), expect(unused_mut))]
    pub(crate) fn conflict<T: Schema>(mut self) -> Self {
        #[cfg(feature = "openapi")]
        {
            self.conflict = Some(schemars::SchemaGenerator::subschema_for::<T>);
        }
        self
    }
}
