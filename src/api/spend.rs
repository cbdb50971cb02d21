//! `apiKey.getSpend`: what the user's apps have spent, and how their budgets stand. The rules are `model/ledger.rs`; the
//! Connected Apps page and the control calls read the same.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::caller::Caller;
use crate::model::buzz::BuzzLimit;
use crate::model::ledger::{Spend, Spending};
use crate::oauth::extract::Context;
use crate::protocol::ids::{ClientId, UserId};
use crate::sandbox::Sandbox;

/// What one app has spent of one user's buzz.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Spent {
    /// Whose buzz it was.
    pub user: UserId,
    /// Who has spent it.
    pub client_id: ClientId,
    /// How much it may spend: one budget for each of the rules.
    pub buzz_limit: Option<BuzzLimit>,
    /// The budgets that do not work as written, why, and the fix: a budget whose cron expression cannot be parsed never
    /// starts again.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pitfalls: Vec<String>,
    /// What counts now, and how the budgets stand.
    #[serde(flatten)]
    pub spending: Spending,
}

/// The apps that the user has set a limit to; of others nobody asks the orchestrator. Source: civitai/civitai, "Per-Subject
/// Buzz Spend Limits". That `spend` is the sum of the buckets is our choice.
pub(super) fn get(context: &Context, caller: &Caller) -> Value {
    let apps = of(&context.sandbox, (Some(caller.user.id), None));
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
    rows.collect()
}

/// Every app that has a limit or has spent anything, by user and client, of these users and clients where they are given.
pub(crate) fn of(sandbox: &Sandbox, whose: (Option<UserId>, Option<&str>)) -> Vec<Spent> {
    let world = sandbox.world();
    let mut grants: BTreeMap<(UserId, String), (Option<BuzzLimit>, Vec<Spend>)> = BTreeMap::new();
    for (user, client, consent, _) in world.list_consents(whose) {
        if let Some(limit) = consent.buzz_limit {
            grants.entry((user, client.0)).or_default().0 = Some(limit);
        }
    }
    for (user, client, spend) in world.list_spends(whose) {
        grants.entry((user, client.0)).or_default().1.push(spend);
    }
    let now = sandbox.now();
    let show = |((user, client), (limit, spends)): (_, (Option<BuzzLimit>, Vec<Spend>))| {
        let pitfalls = limit.iter().flat_map(BuzzLimit::pitfalls);
        Spent {
            user,
            client_id: ClientId(client),
            pitfalls: pitfalls.map(|why| why.to_string()).collect(),
            spending: Spending::of(limit.as_ref(), &spends, now),
            buzz_limit: limit,
        }
    };
    grants.into_iter().map(show).collect()
}
