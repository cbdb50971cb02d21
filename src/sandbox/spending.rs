//! What each app has spent of each user's buzz, and the state of its budgets. The rules are in `model/ledger.rs`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::handle::Sandbox;
use super::journal::TooManyReaders;
use crate::model::buzz::BuzzLimit;
use crate::model::ledger::{Spend, Spending};
use crate::protocol::ids::{ClientId, UserId};
use crate::protocol::time::Timestamp;
use crate::store::OwnerKey;

/// What one app has spent of one user's buzz.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "SpendView")
)]
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

/// More apps with a limit than this are computed in turns: each of them may have 20 budgets.
const MANY_APPS: usize = 16;

/// The error of a caller that has waited too long.
pub(crate) const BUSY: &str = "the spends of many apps are computed for others at this moment";

/// Every app that has a limit or has spent anything, by user and client, of these users and clients where they are given.
/// Errors: other requests compute spends for longer than a caller waits.
pub(crate) async fn list(
    sandbox: &Sandbox,
    whose: OwnerKey<'_>,
) -> Result<Vec<Spent>, TooManyReaders> {
    let _permit = if sandbox.data().count_limits(whose) > MANY_APPS {
        Some(sandbox.journal.readers().spends().await?)
    } else {
        None
    };
    let now = sandbox.now();
    let mut spent = Vec::new();
    for (parties, grant) in grants(sandbox, whose) {
        spent.push(Spent::new(parties, grant, now));
        // Other requests are not to wait for all of them.
        tokio::task::yield_now().await;
    }
    Ok(spent)
}

/// What one app has spent. None if it has no limit and has spent nothing.
pub(crate) fn find(sandbox: &Sandbox, user: UserId, client: &str) -> Option<Spent> {
    let mut found = grants(
        sandbox,
        OwnerKey {
            user: Some(user),
            client: Some(client),
        },
    );
    let (parties, grant) = found.pop_first()?;
    Some(Spent::new(parties, grant, sandbox.now()))
}

/// The limit of each app, and what it has spent, by user and client.
type Grants = BTreeMap<(UserId, String), (Option<BuzzLimit>, Vec<Spend>)>;

fn grants(sandbox: &Sandbox, whose: OwnerKey<'_>) -> Grants {
    let data = sandbox.data();
    let mut grants = Grants::new();
    for (user, client, consent, _) in data.list_consents(whose) {
        if let Some(limit) = consent.buzz_limit {
            grants.entry((user, client.0)).or_default().0 = Some(limit);
        }
    }
    for (user, client, spend) in data.list_spends(whose) {
        grants.entry((user, client.0)).or_default().1.push(spend);
    }
    grants
}

impl Spent {
    fn new(
        (user, client): (UserId, String),
        (limit, spends): (Option<BuzzLimit>, Vec<Spend>),
        now: Timestamp,
    ) -> Self {
        let pitfalls = limit.iter().flat_map(BuzzLimit::pitfalls);
        Self {
            user,
            client_id: ClientId(client),
            pitfalls: pitfalls.map(|pitfall| pitfall.to_string()).collect(),
            spending: Spending::of(limit.as_ref(), &spends, now),
            buzz_limit: limit,
        }
    }
}
