//! What each app has spent of each user's buzz, and the state of its budgets. The rules are in `model/ledger.rs`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::handle::Sandbox;
use super::journal::TooManyReaders;
use crate::model::buzz::BuzzLimit;
use crate::model::ledger::{Spend, Spending};
use crate::protocol::ids::{ClientId, UserId};
use crate::protocol::time::Timestamp;
use crate::store::UserClientFilter;

/// An app's spending of one user's buzz.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "SpendView")
)]
#[non_exhaustive]
pub struct SpendView {
    /// Whose buzz it was.
    pub user: UserId,
    /// Who has spent it.
    pub client_id: ClientId,
    /// How much it may spend: one budget for each of the rules.
    pub buzz_limit: Option<BuzzLimit>,
    /// The budgets that do not work as written, why, and the fix: a budget whose cron expression cannot be parsed never
    /// starts again.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// What counts now, and how the budgets stand.
    #[serde(flatten)]
    pub spending: Spending,
}

/// The budgets of more apps than this are computed for one request at a time: each app may have 20 budgets.
const MAX_APPS_WITHOUT_PERMIT: usize = 16;

/// The error of a request that has waited too long.
pub(crate) const BUSY: &str = "too many computations of spends are in progress";

/// The apps of an owner that have a limit or have spent anything, by user and client. Errors: other requests compute spends
/// for longer than a request waits.
pub(crate) async fn list(
    sandbox: &Sandbox,
    whose: UserClientFilter<'_>,
) -> Result<Vec<SpendView>, TooManyReaders> {
    let _permit = if sandbox.data().count_limits(whose) > MAX_APPS_WITHOUT_PERMIT {
        Some(sandbox.journal.readers().spends.acquire().await?)
    } else {
        None
    };
    let now = sandbox.now();
    let mut spent = Vec::new();
    for ((user, client), app) in spending_by_app(sandbox, whose) {
        spent.push(SpendView::new(user, client, app, now));
        // Other requests do not wait for all of them.
        tokio::task::yield_now().await;
    }
    Ok(spent)
}

/// What one app has spent. None if it has no limit and has spent nothing.
pub(crate) fn find(sandbox: &Sandbox, user: UserId, client: &str) -> Option<SpendView> {
    let mut found = spending_by_app(
        sandbox,
        UserClientFilter {
            user: Some(user),
            client: Some(client),
        },
    );
    let ((user, client), app) = found.pop_first()?;
    Some(SpendView::new(user, client, app, sandbox.now()))
}

/// The limit of an app and its spends.
#[derive(Default)]
struct AppSpending {
    limit: Option<BuzzLimit>,
    spends: Vec<Spend>,
}

type SpendingByApp = BTreeMap<(UserId, String), AppSpending>;

fn spending_by_app(sandbox: &Sandbox, whose: UserClientFilter<'_>) -> SpendingByApp {
    let data = sandbox.data();
    let mut spending_by_app = SpendingByApp::new();
    for stored in data.list_consents(whose) {
        if let Some(limit) = stored.consent.buzz_limit {
            let app = spending_by_app
                .entry((stored.user, stored.client.0))
                .or_default();
            app.limit = Some(limit);
        }
    }
    for stored in data.list_spends(whose) {
        let app = spending_by_app
            .entry((stored.user, stored.client.0))
            .or_default();
        app.spends.push(stored.spend);
    }
    spending_by_app
}

impl SpendView {
    fn new(user: UserId, client: String, app: AppSpending, now: Timestamp) -> Self {
        let AppSpending { limit, spends } = app;
        let warnings = limit.iter().flat_map(BuzzLimit::warnings);
        Self {
            user,
            client_id: ClientId(client),
            warnings: warnings.map(|warning| warning.to_string()).collect(),
            spending: Spending::new(limit.as_ref(), &spends, now),
            buzz_limit: limit,
        }
    }
}
