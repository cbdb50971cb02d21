//! The list of apps that a user has authorized, with their scopes, spends and budgets.

use std::collections::BTreeMap;

use super::layout::{FormError, MAX_CONNECTED, PATH, PageLinks, path_segment};
use super::limit::{LimitForm, window_name};
use crate::http::context::RequestContext;
use crate::model::buzz::{Budget, BuzzLimit};
use crate::model::ledger::BudgetState;
use crate::model::user::User;
use crate::pages::view::AppCard;
use crate::protocol::scope::Scope;
use crate::protocol::time::Timestamp;
use crate::sandbox::spending;
use crate::store::UserClientFilter;

/// An app as the user who authorized it sees it.
pub(crate) struct ConnectedApp {
    /// Distinguishes its form fields from those of the other apps.
    pub(crate) key: String,
    pub(crate) card: AppCard,
    pub(crate) labels: Vec<String>,
    pub(crate) since: String,
    /// Its budgets; empty if there is no limit.
    pub(crate) budgets: Vec<BudgetRow>,
    /// What it has spent, as far as it counts against the budgets.
    pub(crate) spend: u64,
    /// Whether it has an absolute budget, which only a reset renews.
    pub(crate) may_reset: bool,
    pub(crate) form: LimitForm,
    pub(crate) limit_action: String,
    pub(crate) reset_action: String,
    pub(crate) revoke_action: String,
}

impl ConnectedApp {
    pub(crate) fn since_day(&self) -> &str {
        let day = self.since.split_once('T').map(|(day, _)| day);
        day.unwrap_or(&self.since)
    }
}

/// A budget and its state.
pub(crate) struct BudgetRow {
    pub(crate) sentence: String,
    pub(crate) limit: u64,
    pub(crate) spend: u64,
    pub(crate) remaining: u64,
}

/// The data of a connection before rendering.
pub(super) struct Connection {
    scope: Scope,
    since: Timestamp,
    limit: Option<BuzzLimit>,
}

/// All apps that have a consent or an unexpired token of this user.
pub(super) fn connections(context: &RequestContext, user: &User) -> BTreeMap<String, Connection> {
    let (data, now) = (context.sandbox.data(), context.sandbox.now());
    let mut connections: BTreeMap<String, Connection> = BTreeMap::new();
    for stored in data.list_consents(UserClientFilter::of_user(user.id)) {
        let connection = Connection {
            scope: stored.consent.scope,
            since: stored.updated_at,
            limit: stored.consent.buzz_limit,
        };
        connections.insert(stored.client.to_string(), connection);
    }
    for token in data.list_tokens(UserClientFilter::of_user(user.id)) {
        if token.expires_at < now {
            continue;
        }
        let connection = connections
            .entry(token.client_id.to_string())
            .or_insert(Connection {
                scope: Scope::default(),
                since: token.issued_at,
                limit: None,
            });
        connection.scope = connection.scope.union(token.scope);
        connection.since = connection.since.min(token.issued_at);
    }
    connections
}

/// A page of the list of apps that this user has authorized, with the rejected form for one of them.
pub(crate) fn list(
    context: &RequestContext,
    user: &User,
    error: Option<&FormError>,
    from: usize,
) -> (Vec<ConnectedApp>, PageLinks) {
    let data = context.sandbox.data();
    let all = connections(context, user).into_iter();
    let known = all.filter_map(|(id, connection)| Some((data.find_client(&id)?, id, connection)));
    let mut known: Vec<_> = known.collect();
    let rejected_form = |id: &str| error.and_then(|error| error.limit_form(id));
    let with_error = known
        .iter()
        .position(|(_, id, _)| rejected_form(id).is_some());
    let links = PageLinks::cut(&mut known, with_error.unwrap_or(from), MAX_CONNECTED);
    let mut shown = Vec::new();
    for (client, id, connection) in known {
        let spent = spending::find(&context.sandbox, user.id, &id);
        let spending = spent.map(|spent| spent.spending);
        let rules = spending.iter().flat_map(|spending| &spending.rules);
        let budgets = connection.limit.iter().flat_map(BuzzLimit::budgets);
        let form = rejected_form(&id);
        let path = format!("{PATH}/connected/{}", path_segment(&id));
        shown.push(ConnectedApp {
            key: format!("app-{}", shown.len() + 1),
            card: AppCard::new(&client),
            labels: connection.scope.labels(context.rules()),
            since: connection.since.to_string(),
            may_reset: budgets
                .clone()
                .any(|budget| matches!(budget, Budget::Absolute { .. })),
            budgets: budgets
                .zip(rules)
                .map(|(budget, rule)| BudgetRow::new(budget, rule))
                .collect(),
            spend: spending.map_or(0, |spending| spending.spend),
            form: form.unwrap_or_else(|| LimitForm::new(connection.limit.as_ref())),
            limit_action: context.base.path(&format!("{path}/limit")),
            reset_action: context.base.path(&format!("{path}/reset-budget")),
            revoke_action: context.base.path(&format!("{path}/revoke")),
        });
    }
    (shown, links)
}

impl BudgetRow {
    fn new(budget: &Budget, rule: &BudgetState) -> Self {
        Self {
            sentence: sentence(budget),
            limit: rule.limit,
            spend: rule.spend,
            remaining: rule.remaining,
        }
    }
}

/// Describes a budget in a sentence.
fn sentence(budget: &Budget) -> String {
    let (text, currencies) = match budget {
        Budget::Absolute { limit, currencies } => (format!("{limit} buzz in total"), currencies),
        Budget::Sliding {
            limit,
            window,
            unit,
            currencies,
        } => {
            let window = window_name(*window);
            let window = match unit {
                1 => format!("per {window}"),
                unit => format!("per {unit} {window}s"),
            };
            (format!("{limit} buzz {window}"), currencies)
        }
        Budget::Rollover {
            limit,
            cron,
            currencies,
        } => (format!("{limit} buzz, reset at {cron:?}"), currencies),
    };
    match currencies {
        Some(currencies) => format!("{text} ({} only)", currencies.join(", ")),
        None => text,
    }
}
