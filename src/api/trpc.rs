//! `/api/trpc/…`: procedures of the site, called one at a time or in a batch, as tRPC clients do. The procedures are in
//! `buzz.rs` and `spend.rs`.

use std::sync::Arc;

use axum::extract::Path;
use axum::http::{Method, Uri};
use axum::response::Response;
use serde_json::Value;

use super::caller::{self, Caller};
use super::respond::{self, Called, Refusal};
use super::{buzz, spend};
use crate::http::context::Context;
use crate::protocol::params::Params;
use crate::protocol::scope::Scope;
use crate::sandbox::journal::TooManyReaders;

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
    async fn run(self, context: &Context, caller: &Caller) -> Result<Value, TooManyReaders> {
        match self {
            Self::UserAccount => Ok(buzz::user_account(context, caller)),
            Self::BuzzAccount => Ok(buzz::buzz_account(context, caller)),
            Self::Spend => spend::get(context, caller).await,
        }
    }
}

/// All methods. Queries use GET, and all procedures are queries.
pub(crate) async fn answer(
    context: Result<Context, Response>,
    method: Method,
    uri: Uri,
    Path(path): Path<String>,
) -> Response {
    if method == Method::OPTIONS {
        return respond::site_preflight();
    }
    let context = match context {
        Ok(context) => context,
        Err(response) => return response,
    };
    let caller = caller::of_site(&context, uri.query());
    let query = Params::from_urlencoded(uri.query().unwrap_or_default().as_bytes());
    let is_batch = query.text("batch") == Some("1");
    let paths = if is_batch {
        path.split(',').collect()
    } else {
        vec![path.as_str()]
    };
    if paths.len() > MAX_BATCH {
        let outcome = Err(Refusal::BatchTooLong {
            calls: paths.len(),
            most: MAX_BATCH,
        });
        let path = paths.first().copied().unwrap_or_default();
        return respond::trpc(&[Called { path, outcome }], false, method.as_str());
    }
    if let Some(answer) = documented_refusal(&context, caller.as_ref(), &paths) {
        return answer;
    }
    let is_query = matches!(method, Method::GET | Method::HEAD);
    let mut calls: Vec<Called<'_>> = Vec::new();
    let mut repeated = 0;
    for path in paths {
        // No procedure reads its input, so all calls of one procedure have the same outcome.
        if let Some(same) = calls.iter().find(|call| call.path == path).cloned() {
            repeated += same.outcome.as_ref().map_or(0, |data| data.len());
            if repeated > MAX_REPEATED_BYTES {
                let most = MAX_REPEATED_BYTES;
                let outcome = Err(Refusal::BatchTooLarge { most });
                return respond::trpc(&[Called { path, outcome }], false, method.as_str());
            }
            calls.push(same);
            continue;
        }
        let outcome = match Procedure::named(path) {
            None => Err(Refusal::NotFound),
            Some(_) if !is_query => Err(Refusal::MethodNotSupported),
            Some(procedure) => match call(&context, procedure, caller.as_ref()).await {
                Ok(outcome) => outcome,
                Err(TooManyReaders) => return respond::site_busy(),
            },
        };
        calls.push(Called { path, outcome });
    }
    respond::trpc(&calls, is_batch, method.as_str())
}

/// Errors: other requests occupy what the procedure needs.
async fn call(
    context: &Context,
    procedure: Procedure,
    caller: Option<&Caller>,
) -> Result<Result<Arc<str>, Refusal>, TooManyReaders> {
    let Some(caller) = caller else {
        return Ok(Err(Refusal::Unauthorized));
    };
    if !caller.may(procedure.needs().0) {
        return Ok(Err(Refusal::Forbidden));
    }
    let value = procedure.run(context, caller).await?;
    Ok(Ok(value.to_string().into()))
}

/// The documented response for a token that lacks the scope of one of the procedures. It does not depend on batching.
fn documented_refusal(
    context: &Context,
    caller: Option<&Caller>,
    paths: &[&str],
) -> Option<Response> {
    let caller = caller?;
    let needs = paths.iter().filter_map(|path| Procedure::named(path));
    let lacking = needs
        .map(Procedure::needs)
        .find(|(scope, _)| !caller.may(*scope));
    lacking.and_then(|(_, name)| respond::site_too_little_scope(context.rules(), name))
}
