//! `/api/trpc/…`: procedures of the site, called one at a time or in a batch, as tRPC clients do. The procedures are in
//! `buzz.rs` and `spend.rs`.

use std::sync::Arc;

use axum::extract::Path;
use axum::http::{Method, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::caller::{self, Caller};
use super::orchestrator_error::{documented_scope, is_scope_documented};
use super::trpc_response::{Call, ProcedureError, render};
use super::{buzz, spend};
use crate::http::context::RequestContext;
use crate::http::respond;
use crate::model::refusal_cause::RefusalCause;
use crate::protocol::params::Params;
use crate::protocol::scope::Scope;
use crate::sandbox::journal::TooManyReaders;
use crate::sandbox::spending;

/// Maximum number of calls in a batch. There are three procedures; clients that batch send a few calls.
const MAX_BATCH: usize = 20;

/// Maximum bytes of responses that a batch repeats: a list of spends may have megabytes.
const MAX_REPEATED_BYTES: usize = 1024 * 1024;

/// A known procedure.
#[derive(Debug, Clone, Copy)]
enum Procedure {
    UserAccount,
    BuzzAccount,
    Spend,
}

impl Procedure {
    fn named(path: &str) -> Option<Self> {
        match path {
            "buzz.getUserAccount" => Some(Self::UserAccount),
            "buzz.getBuzzAccount" => Some(Self::BuzzAccount),
            "apiKey.getSpend" => Some(Self::Spend),
            _ => None,
        }
    }

    /// The required scope, and its name.
    fn needs(self) -> (Scope, &'static str) {
        match self {
            Self::UserAccount | Self::BuzzAccount => (Scope::BUZZ_READ, "BuzzRead"),
            Self::Spend => (Scope::USER_READ, "UserRead"),
        }
    }

    /// Errors: other requests occupy what the procedure needs.
    async fn run(self, context: &RequestContext, caller: &Caller) -> Result<Value, TooManyReaders> {
        match self {
            Self::UserAccount => Ok(buzz::user_account(context, caller)),
            Self::BuzzAccount => Ok(buzz::buzz_account(context, caller)),
            Self::Spend => spend::get(context, caller).await,
        }
    }
}

/// An error without tRPC's envelope.
#[derive(Debug)]
pub(crate) enum TrpcError {
    /// The documented error for a token that lacks the scope of a procedure.
    DocumentedScope(&'static str),
    /// Ours: other requests occupy what the procedure needs.
    Busy,
}

impl From<TooManyReaders> for TrpcError {
    fn from(_: TooManyReaders) -> Self {
        Self::Busy
    }
}

impl IntoResponse for TrpcError {
    fn into_response(self) -> Response {
        match self {
            Self::DocumentedScope(scope) => documented_scope(scope).into_response(),
            Self::Busy => respond::busy(spending::BUSY),
        }
    }
}

/// All methods. Queries use GET, and all procedures are queries.
pub(crate) async fn handle(
    context: RequestContext,
    method: Method,
    uri: Uri,
    Path(path): Path<String>,
) -> Result<impl IntoResponse, TrpcError> {
    let caller = caller::authenticate_site(&context, uri.query());
    let query = Params::from_urlencoded(uri.query().unwrap_or_default().as_bytes());
    let is_batch = query.text("batch") == Some("1");
    let paths = if is_batch {
        path.split(',').collect()
    } else {
        vec![path.as_str()]
    };
    if paths.len() > MAX_BATCH {
        let outcome = Err(ProcedureError::BatchTooLong {
            calls: paths.len(),
            most: MAX_BATCH,
        });
        let path = paths.first().copied().unwrap_or_default();
        return Ok(render(&[Call { path, outcome }], false, method.as_str()));
    }
    check_documented_scope(&context, caller.as_ref(), &paths)?;
    let is_query = matches!(method, Method::GET | Method::HEAD);
    let mut calls: Vec<Call<'_>> = Vec::new();
    let mut repeated = 0;
    for path in paths {
        // No procedure reads its input, so all calls of one procedure have the same outcome.
        if let Some(same) = calls.iter().find(|call| call.path == path).cloned() {
            repeated += same.outcome.as_ref().map_or(0, |data| data.len());
            if repeated > MAX_REPEATED_BYTES {
                let most = MAX_REPEATED_BYTES;
                let outcome = Err(ProcedureError::BatchTooLarge { most });
                return Ok(render(&[Call { path, outcome }], false, method.as_str()));
            }
            calls.push(same);
            continue;
        }
        let outcome = match Procedure::named(path) {
            None => Err(ProcedureError::NotFound),
            Some(_) if !is_query => Err(ProcedureError::MethodNotSupported),
            Some(procedure) => call(&context, procedure, caller.as_ref()).await?,
        };
        calls.push(Call { path, outcome });
    }
    Ok(render(&calls, is_batch, method.as_str()))
}

/// Errors: other requests occupy what the procedure needs.
async fn call(
    context: &RequestContext,
    procedure: Procedure,
    caller: Option<&Caller>,
) -> Result<Result<Arc<str>, ProcedureError>, TooManyReaders> {
    let Some(caller) = caller else {
        return Ok(Err(ProcedureError::Unauthorized));
    };
    if !caller.may(procedure.needs().0) {
        record_lacking_scope(context, caller, procedure.needs().0);
        return Ok(Err(ProcedureError::Forbidden));
    }
    let value = procedure.run(context, caller).await?;
    Ok(Ok(value.to_string().into()))
}

fn record_lacking_scope(context: &RequestContext, caller: &Caller, required: Scope) {
    let granted = caller.app.as_ref().map_or(Scope::ALL, |app| app.scope);
    let cause = RefusalCause::insufficient_scope(required, granted);
    context.notes.cause(cause);
}

/// Errors: the documented error for a token that lacks the scope of one of the procedures. It does not depend on
/// batching.
fn check_documented_scope(
    context: &RequestContext,
    caller: Option<&Caller>,
    paths: &[&str],
) -> Result<(), TrpcError> {
    let Some(caller) = caller else {
        return Ok(());
    };
    let needs = paths.iter().filter_map(|path| Procedure::named(path));
    let lacking = needs
        .map(Procedure::needs)
        .find(|(scope, _)| !caller.may(*scope));
    match lacking {
        Some((scope, name)) if is_scope_documented(context.rules()) => {
            record_lacking_scope(context, caller, scope);
            Err(TrpcError::DocumentedScope(name))
        }
        _ => Ok(()),
    }
}
