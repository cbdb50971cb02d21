//! What a handler reads and returns, by the types of its arguments and of its result: the `OpenAPI` document cannot differ
//! from the code.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};

use crate::control::ControlResult;
use crate::http::context::RequestContext;
use crate::http::state::ServerState;

#[cfg(feature = "openapi")]
pub(crate) use schemars::JsonSchema as Schema;

/// Without the `OpenAPI` document, no type needs a schema.
#[cfg(not(feature = "openapi"))]
pub(crate) trait Schema {}

#[cfg(not(feature = "openapi"))]
impl<T> Schema for T {}

/// Generates the schema of a type, or a reference to it.
#[cfg(feature = "openapi")]
pub(crate) type SchemaOf = fn(&mut schemars::SchemaGenerator) -> schemars::Schema;

/// Whether an operation reads query parameters and a body.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct AcceptedInput {
    pub(crate) query: bool,
    pub(crate) body: bool,
}

/// What a handler reads and returns.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Signature {
    pub(crate) accepts: AcceptedInput,
    #[cfg(feature = "openapi")]
    pub(crate) query: Option<SchemaOf>,
    #[cfg(feature = "openapi")]
    pub(crate) body: Option<SchemaOf>,
    #[cfg(feature = "openapi")]
    pub(crate) is_created: bool,
    #[cfg(feature = "openapi")]
    pub(crate) returns: Option<SchemaOf>,
}

impl Signature {
    /// The handler reads a query of this type.
    pub(crate) fn set_query<T: Schema>(&mut self) {
        self.accepts.query = true;
        #[cfg(feature = "openapi")]
        {
            self.query = Some(T::json_schema);
        }
    }

    /// The handler reads a body of this type.
    pub(crate) fn set_body<T: Schema>(&mut self) {
        self.accepts.body = true;
        #[cfg(feature = "openapi")]
        {
            self.body = Some(schemars::SchemaGenerator::subschema_for::<T>);
        }
    }

    /// The handler returns this type.
    #[cfg_attr(
        not(feature = "openapi"),
        expect(clippy::unused_self, reason = "only the document needs it")
    )]
    pub(crate) fn set_returns<T: Schema>(&mut self) {
        #[cfg(feature = "openapi")]
        {
            self.returns = Some(schemars::SchemaGenerator::subschema_for::<T>);
        }
    }
}

/// An argument of a handler.
pub(crate) trait Input {
    /// Adds what it reads of the request. By default, it reads neither query nor body.
    fn describe(_: &mut Signature) {}
}

impl Input for RequestContext {}
impl Input for Path<String> {}
impl Input for State<Arc<ServerState>> {}
impl<T> Input for Option<Extension<T>> {}

/// The result of a handler.
pub(crate) trait Output {
    /// Adds the response.
    fn describe(signature: &mut Signature);
}

/// A handler whose signature is known. `A` are the types of its arguments and of its future.
pub(crate) trait Described<A> {
    fn signature() -> Signature;
}

macro_rules! describe_handlers {
    ($(($($argument:ident)*))*) => {
        $(impl<F, Fut, O, $($argument),*> Described<($($argument,)* Fut,)> for F
        where
            F: Fn($($argument),*) -> Fut,
            Fut: Future<Output = ControlResult<O>>,
            O: Output,
            $($argument: Input),*
        {
            fn signature() -> Signature {
                let mut signature = Signature::default();
                $($argument::describe(&mut signature);)*
                O::describe(&mut signature);
                signature
            }
        })*
    };
}

describe_handlers! { (A) (A B) (A B C) }
