//! `apiKey.getSpend`: the spends of the user's apps, and the state of their budgets.

use serde_json::{Value, json};

use super::caller::Caller;
use crate::http::context::RequestContext;
use crate::sandbox::journal::TooManyReaders;
use crate::sandbox::spending;
use crate::store::UserClientFilter;

/// The apps with a limit that the user has set; Civitai queries the orchestrator only for these. Source:
/// civitai/civitai, "Per-Subject Buzz Spend Limits". That `spend` is the sum of the buckets is our choice. Errors: as
/// for [`spending::list`].
pub(super) async fn get(
    context: &RequestContext,
    caller: &Caller,
) -> Result<Value, TooManyReaders> {
    let apps = spending::list(&context.sandbox, UserClientFilter::of_user(caller.user.id)).await?;
    let limited = apps
        .into_iter()
        .filter(|app| !app.spending.rules.is_empty());
    let rows = limited.map(|app| {
        json!({
            "type": "oauth",
            "id": app.client_id,
            "spend": app.spending.spend,
            "rules": app.spending.rules,
            "buckets": app.spending.buckets,
        })
    });
    Ok(rows.collect())
}
