//! The journal: search, delete, verify, advice.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use tokio_stream::StreamExt as _;

use crate::control::devices::Empty;
use crate::control::listing::JsonPieces;
use crate::control::verify::Verified;
use crate::control::{
    Advice, AdviceFormat, AdviceQuery, ControlResult, Expectations, MismatchView, RequestList,
    RequestQuery,
};
use crate::control_api::input::{JsonBody, Query};
use crate::control_api::operation::{
    Operation,
    OperationMethod::{Delete, Get, Post},
};
use crate::control_api::response::{JsonResponse, OperationResult, Rendered, done};
use crate::http::connection::ConnectionInfo;
use crate::http::context::RequestContext;

#[rustfmt::skip]
pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(Get, "/_mock/requests", "list_requests", "Search the journal: requests of apps and the responses to them", list_requests),
        Operation::new(Delete, "/_mock/requests", "delete_requests", "Delete all requests from the journal", delete_requests),
        Operation::new(Post, "/_mock/verify", "verify", "Check the journal against expectations; 409 lists the differences", verify).conflict::<MismatchView>(),
        Operation::new(Get, "/_mock/advice", "list_advice", "List mistakes of apps that fail in production", list_advice).alternative_media_type(AdviceFormat::Sarif.media_type()),
    ]
}

async fn list_requests(
    context: RequestContext,
    connection: Option<Extension<Arc<ConnectionInfo>>>,
    Query(query): Query<RequestQuery>,
) -> ControlResult<Rendered<RequestList>> {
    let caller = connection
        .filter(|_| query.waits())
        .and_then(|connection| connection.socket.clone());
    let found = context.sandbox.stream_requests(query);
    let pieces = match caller {
        // Stops waiting when the client disconnects.
        Some(caller) => tokio::select! {
            biased;
            found = found => found?,
            () = caller.hung_up() => return Ok(Rendered::new(StatusCode::OK)),
        },
        None => found.await?,
    };
    let body = match pieces {
        JsonPieces::Whole(whole) => Body::from(whole),
        JsonPieces::Stream(stream) => {
            Body::from_stream(tokio_stream::iter(stream).map(Ok::<_, Infallible>))
        }
    };
    let kind = [(CONTENT_TYPE, "application/json")];
    Ok(Rendered::new((kind, body)))
}

async fn delete_requests(context: RequestContext) -> OperationResult<Empty> {
    context.sandbox.delete_requests();
    Ok(done())
}

async fn verify(
    context: RequestContext,
    JsonBody(input): JsonBody<Expectations>,
) -> OperationResult<Verified> {
    Ok(JsonResponse(context.sandbox.verify(input).await?))
}

async fn list_advice(
    context: RequestContext,
    Query(query): Query<AdviceQuery>,
) -> ControlResult<Rendered<Advice>> {
    let answer = query.answer(&context.sandbox).await?;
    let kind = query.format.media_type();
    Ok(Rendered::new(([(CONTENT_TYPE, kind)], answer)))
}
