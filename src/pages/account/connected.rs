//! The apps that one has let in: what each may do, since when, how much it may spend, and how it is shut out again.

use std::collections::BTreeMap;

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;

use super::{PATH, back, show, visitor};
use crate::api::spend;
use crate::model::buzz::{Budget, BuzzLimit, Window};
use crate::model::consent::{Approval, Consent};
use crate::model::ledger::Rule;
use crate::model::user::User;
use crate::oauth::extract::{Context, SentForm};
use crate::oauth::respond;
use crate::pages::view::AppCard;
use crate::protocol::ids::ClientId;
use crate::protocol::params::Params;
use crate::protocol::scope::Scope;
use crate::protocol::time::Timestamp;
use crate::store::StoreError;

/// An app as the user who let it in sees it.
pub(super) struct ConnectedApp {
    pub(super) card: AppCard,
    pub(super) labels: Vec<&'static str>,
    pub(super) since: String,
    /// Each budget; nothing where it may spend what there is.
    pub(super) budgets: Vec<BudgetRow>,
    /// What it has spent, of what counts.
    pub(super) spend: u64,
    /// An absolute budget begins anew when it is told to, and only then.
    pub(super) may_reset: bool,
    pub(super) form: LimitForm,
    pub(super) limit_action: String,
    pub(super) reset_action: String,
    pub(super) revoke_action: String,
}

/// A budget, and how it stands.
pub(super) struct BudgetRow {
    pub(super) sentence: String,
    pub(super) limit: u64,
    pub(super) spend: u64,
    pub(super) remaining: u64,
}

/// The form of a budget, as it stands.
pub(super) struct LimitForm {
    /// What tells its fields from those of the others.
    pub(super) key: String,
    pub(super) kind: &'static str,
    pub(super) limit: String,
    pub(super) unit: String,
    pub(super) window: &'static str,
    pub(super) cron: String,
    pub(super) problem: Option<String>,
}

/// The windows of a sliding budget.
pub(super) const WINDOWS: [&str; 6] = ["second", "minute", "hour", "day", "week", "month"];

/// What is known of a connection before it is drawn.
struct Connection {
    scope: Scope,
    since: Timestamp,
    limit: Option<BuzzLimit>,
}

/// Every app that has a consent of this user, or a token.
pub(super) fn list(
    context: &Context,
    user: &User,
    mut wrong: Option<(&str, String)>,
) -> Vec<ConnectedApp> {
    let sandbox = &context.sandbox;
    let (world, now) = (sandbox.world(), sandbox.now());
    let mut found: BTreeMap<String, Connection> = BTreeMap::new();
    for (_, client, consent, since) in world.list_consents((Some(user.id), None)) {
        let Consent { scope, buzz_limit } = consent;
        let connection = Connection {
            scope,
            since,
            limit: buzz_limit,
        };
        found.insert(client.to_string(), connection);
    }
    for token in world.list_tokens((Some(user.id), None)) {
        if token.expires_at < now {
            continue;
        }
        let connection = found
            .entry(token.client_id.to_string())
            .or_insert(Connection {
                scope: Scope::default(),
                since: token.issued_at,
                limit: None,
            });
        connection.scope = connection.scope.union(token.scope);
        connection.since = connection.since.min(token.issued_at);
    }
    let mut shown = Vec::new();
    for (id, connection) in found {
        let Some(client) = world.find_client(&id) else {
            continue;
        };
        let spent = spend::of(sandbox, (Some(user.id), Some(&id)));
        let spending = spent.into_iter().next().map(|spent| spent.spending);
        let rules = spending.iter().flat_map(|spending| &spending.rules);
        let budgets = connection.limit.iter().flat_map(BuzzLimit::budgets);
        let problem = wrong.take_if(|(named, _)| *named == id);
        let segment: String = url::form_urlencoded::byte_serialize(id.as_bytes()).collect();
        let path = format!("{PATH}/connected/{}", segment.replace('+', "%20"));
        let key = format!("app-{}", shown.len() + 1);
        shown.push(ConnectedApp {
            card: AppCard::of(&client),
            labels: connection.scope.set_bits().map(|bit| bit.label).collect(),
            since: connection.since.to_string(),
            may_reset: budgets
                .clone()
                .any(|budget| matches!(budget, Budget::Absolute { .. })),
            budgets: budgets.zip(rules).map(row).collect(),
            spend: spending.map_or(0, |spending| spending.spend),
            form: LimitForm::of(
                key,
                connection.limit.as_ref(),
                problem.map(|(_, text)| text),
            ),
            limit_action: context.base.path(&format!("{path}/limit")),
            reset_action: context.base.path(&format!("{path}/reset-budget")),
            revoke_action: context.base.path(&format!("{path}/revoke")),
        });
    }
    shown
}

fn row((budget, rule): (&Budget, &Rule)) -> BudgetRow {
    BudgetRow {
        sentence: sentence(budget),
        limit: rule.limit,
        spend: rule.spend,
        remaining: rule.remaining,
    }
}

/// A budget as a person would say it.
fn sentence(budget: &Budget) -> String {
    let (text, currencies) = match budget {
        Budget::Absolute { limit, currencies } => (format!("{limit} buzz in all"), currencies),
        Budget::Sliding {
            limit,
            window,
            unit,
            currencies,
        } => {
            let window = name(*window);
            let window = match unit {
                1 => format!("per {window}"),
                unit => format!("within any {unit} {window}s"),
            };
            (format!("{limit} buzz {window}"), currencies)
        }
        Budget::Rollover {
            limit,
            cron,
            currencies,
        } => (format!("{limit} buzz, anew at each {cron:?}"), currencies),
    };
    match currencies {
        Some(currencies) => format!("{text}, of {}", currencies.join(", ")),
        None => text,
    }
}

fn name(window: Window) -> &'static str {
    match window {
        Window::Second => "second",
        Window::Minute => "minute",
        Window::Hour => "hour",
        Window::Day => "day",
        Window::Week => "week",
        Window::Month => "month",
    }
}

impl LimitForm {
    fn of(key: String, limit: Option<&BuzzLimit>, problem: Option<String>) -> Self {
        let mut form = Self {
            key,
            kind: "none",
            limit: "5000".to_owned(),
            unit: "1".to_owned(),
            window: "day",
            cron: "0 0 1 * *".to_owned(),
            problem,
        };
        match limit.and_then(|limit| limit.budgets().first()) {
            None => {}
            Some(Budget::Absolute { limit, .. }) => {
                form.kind = "absolute";
                form.limit = limit.to_string();
            }
            Some(Budget::Sliding {
                limit,
                window,
                unit,
                ..
            }) => {
                form.kind = "sliding";
                form.limit = limit.to_string();
                form.window = name(*window);
                form.unit = unit.to_string();
            }
            Some(Budget::Rollover { limit, cron, .. }) => {
                form.kind = "rollover";
                form.limit = limit.to_string();
                form.cron.clone_from(cron);
            }
        }
        form
    }

    pub(super) fn windows(&self) -> [(&'static str, bool); 6] {
        WINDOWS.map(|window| (window, window == self.window))
    }
}

/// The limit that the form says. Errors: what is wrong with it, for the person who typed it.
fn wanted(params: &Params) -> Result<Option<BuzzLimit>, String> {
    let text = |name| params.text(name).unwrap_or_default().trim().to_owned();
    let number = |name, what: &str| match text(name).parse::<u64>() {
        Ok(number @ 1..) => Ok(number),
        _ => Err(format!(
            "{what} is a whole number from 1 on, not {:?}.",
            text(name)
        )),
    };
    let budget = match params.text("kind").unwrap_or_default() {
        "none" => return Ok(None),
        "absolute" => json!({ "type": "absolute", "limit": number("limit", "The amount")? }),
        "sliding" => json!({
            "type": "sliding",
            "limit": number("limit", "The amount")?,
            "unit": number("unit", "The number of windows")?,
            "window": text("window"),
        }),
        "rollover" => json!({
            "type": "rollover",
            "limit": number("limit", "The amount")?,
            "cron": text("cron"),
        }),
        other => return Err(format!("{other:?} is no kind of limit.")),
    };
    BuzzLimit::parse(&json!([budget]).to_string()).map_err(|_| {
        "A rolling window is a second, minute, hour, day, week or month, and a cron expression is not empty.".to_owned()
    })
}

/// `POST /user/account/connected/{client_id}/limit`: in place of every budget there was.
pub(crate) async fn limit(
    context: Context,
    Path(id): Path<String>,
    SentForm(params): SentForm,
) -> Response {
    let user = match visitor(&context) {
        Ok(user) => user,
        Err(response) => return response,
    };
    match wanted(&params) {
        Ok(wanted) => match keep(&context, &user, &id, wanted).await {
            Ok(()) => back(&context),
            Err(why) => respond::failure(&why),
        },
        Err(wrong) => show(&context, &user, StatusCode::BAD_REQUEST, Some((&id, wrong))).await,
    }
}

async fn keep(
    context: &Context,
    user: &User,
    id: &str,
    limit: Option<BuzzLimit>,
) -> Result<(), StoreError> {
    let sandbox = &context.sandbox;
    let (store, world) = (&sandbox.store, sandbox.world());
    let Some(client) = world.find_client(id) else {
        return Ok(());
    };
    let approval = Approval {
        remember: None,
        buzz_limit: Some(limit),
    };
    let parties = (user.id, &client.id);
    store
        .approve_consent(world, parties, &approval, sandbox.now())
        .await
}

/// `POST /user/account/connected/{client_id}/reset-budget`: the absolute budgets begin anew.
pub(crate) async fn reset_budget(context: Context, Path(id): Path<String>) -> Response {
    let user = match visitor(&context) {
        Ok(user) => user,
        Err(response) => return response,
    };
    let sandbox = &context.sandbox;
    let client = ClientId(id);
    let parties = (user.id, &client);
    match sandbox.store.forgive_spends(sandbox.world(), parties).await {
        Ok(_) => back(&context),
        Err(why) => respond::failure(&why),
    }
}

/// `POST /user/account/connected/{client_id}/revoke`: its tokens and the consent go, and what it has spent is forgotten,
/// as Civitai tells its orchestrator.
pub(crate) async fn revoke(context: Context, Path(id): Path<String>) -> Response {
    let user = match visitor(&context) {
        Ok(user) => user,
        Err(response) => return response,
    };
    let sandbox = &context.sandbox;
    let (store, world) = (&sandbox.store, sandbox.world());
    let whose = (Some(user.id), Some(id.as_str()));
    let revoked = async {
        store.delete_consents(world, whose).await?;
        store.delete_spends(world, whose).await?;
        store.delete_tokens(world, whose).await
    };
    match revoked.await {
        Ok(_) => back(&context),
        Err(why) => respond::failure(&why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_says_one_budget_or_what_is_wrong_with_it() {
        let form = |text: &str| wanted(&Params::from_urlencoded(text.as_bytes()));
        let say = |text: &str| {
            let limit = form(text).unwrap().unwrap();
            limit.budgets().iter().map(sentence).collect::<String>()
        };
        assert_eq!(form("kind=none"), Ok(None));
        assert_eq!(say("kind=absolute&limit=9"), "9 buzz in all");
        assert_eq!(
            say("kind=sliding&limit=9&unit=1&window=day"),
            "9 buzz per day"
        );
        assert_eq!(
            say("kind=sliding&limit=9&unit=2&window=week"),
            "9 buzz within any 2 weeks"
        );
        assert_eq!(
            say("kind=rollover&limit=9&cron=0+0+*+*+*"),
            "9 buzz, anew at each \"0 0 * * *\""
        );
        for wrong in [
            "",
            "kind=absolute&limit=0",
            "kind=absolute&limit=1.5",
            "kind=sliding&limit=1&unit=1&window=year",
            "kind=sliding&limit=1&unit=x&window=day",
            "kind=rollover&limit=1&cron=",
        ] {
            assert!(form(wrong).is_err(), "{wrong}");
        }
    }
}
