//! `/login/oauth/authorize`: the consent page. It shows what the app requests; Authorize posts to `oauth/authorize.rs`,
//! Deny is handled here.

use std::sync::Arc;

use askama::Template;
use axum::extract::RawQuery;
use axum::http::StatusCode;
use axum::http::Uri;
use axum::response::{IntoResponse, Response};

use crate::contract::Difference;
use crate::http::context::RequestContext;
use crate::http::respond;
use crate::http::session;
use crate::model::client::Client;
use crate::model::refusal_cause::DeniedBy;
use crate::model::user::User;
use crate::oauth::authorize::{denied_location, record_denial, with_return};
use crate::oauth::clients;
use crate::pages::site::layout::{SiteLayout, site_page};
use crate::pages::view::{AppCard, Avatar, PageResult};
use crate::protocol::endpoint::CONSENT_PAGE;
use crate::protocol::ids::ClientId;
use crate::protocol::scope::{Scope, leading_integer};
use crate::store::StoreError;

/// Parameters of the request that the form passes on, in addition to the scope.
const FORWARDED: [&str; 7] = [
    "client_id",
    "redirect_uri",
    "response_type",
    "state",
    "code_challenge",
    "code_challenge_method",
    "nonce",
];

#[derive(Template)]
#[template(path = "consent.html")]
pub(crate) struct Consent {
    pub(crate) layout: SiteLayout,
    app: AppCard,
    account: String,
    account_avatar: Avatar,
    pub(crate) switch: String,
    labels: Vec<String>,
    pub(crate) approve_action: String,
    pub(crate) deny_action: String,
    fields: Vec<(&'static str, String)>,
    denial_fields: Vec<(&'static str, String)>,
    pub(crate) with_budget: bool,
    pub(crate) budget: BudgetForm,
    /// A button of a preview was pressed.
    pub(crate) preview_pressed: bool,
}

/// Initial values of the budget controls.
pub(crate) struct BudgetForm {
    pub(crate) on: bool,
    pub(crate) amount: String,
    /// 1, 7 or 30.
    pub(crate) days: String,
}

impl Default for BudgetForm {
    fn default() -> Self {
        Self {
            on: true,
            amount: "5000".to_owned(),
            days: "1".to_owned(),
        }
    }
}

#[derive(Template)]
#[template(path = "invalid.html")]
struct InvalidApplication {
    layout: SiteLayout,
}

/// The parameters of the page. If there are duplicates, the first one counts.
pub(crate) struct ConsentQuery(Vec<(String, String)>);

impl ConsentQuery {
    pub(crate) fn parse(query: &str) -> Self {
        Self(
            url::form_urlencoded::parse(query.as_bytes())
                .into_owned()
                .collect(),
        )
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    fn encoded(&self) -> String {
        url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(&self.0)
            .finish()
    }
}

/// `GET /login/oauth/authorize?…`.
pub(crate) async fn get(
    uri: Uri,
    RawQuery(query): RawQuery,
    context: RequestContext,
) -> PageResult {
    let query = query.unwrap_or_default();
    let Some(user) = session::user(&context) else {
        let here = context.base.path(&uri.to_string());
        let login = with_return(context.base.path("/login"), &here);
        return Ok(respond::see_other(&login));
    };
    let layout = SiteLayout::at(&context, CONSENT_PAGE.path(), Some(&query));
    let query = ConsentQuery::parse(&query);
    let (id, redirect_uri) = (query.get("client_id"), query.get("redirect_uri"));
    let client = known_client(&context, id, redirect_uri).await?;
    let is_for_catalog =
        session::is_client_credentials_only_scope(shown_scope(&query), context.rules());
    Ok(match client.filter(|_| !is_for_catalog) {
        Some(client) => {
            let consent = consent(&context, layout, &user, &client, &query);
            site_page(StatusCode::OK, &consent.layout, &consent)
        }
        None => invalid_application(layout, StatusCode::OK),
    })
}

/// `POST /login/oauth/authorize`: the user denied the request.
pub(crate) async fn deny(context: RequestContext) -> PageResult {
    let params = context.params();
    let redirect_uri = params.text("redirect_uri");
    let client = known_client(&context, params.text("client_id"), redirect_uri).await?;
    let Some(client) = client else {
        let layout = SiteLayout::new(&context);
        return Ok(invalid_application(layout, StatusCode::BAD_REQUEST));
    };
    if let Some(user) = session::user(&context) {
        context.notes.user(user.id);
        record_denial(&context, &user, &client, DeniedBy::User);
    }
    let state = params.text("state").unwrap_or_default();
    let location = denied_location(redirect_uri.unwrap_or_default(), state);
    let location = location.map_err(IntoResponse::into_response)?;
    Ok(respond::see_other(&location))
}

fn invalid_application(layout: SiteLayout, status: StatusCode) -> Response {
    let shown = InvalidApplication { layout };
    site_page(status, &shown.layout, &shown)
}

/// The client, if it may use the consent page and the redirect URI is registered.
async fn known_client(
    context: &RequestContext,
    id: Option<&str>,
    redirect_uri: Option<&str>,
) -> Result<Option<Arc<Client>>, StoreError> {
    let (Some(id), Some(redirect_uri)) = (id, redirect_uri) else {
        return Ok(None);
    };
    if ClientId::is_app_block(id) {
        return Ok(None);
    }
    let client = clients::find_or_register(context, id).await?;
    Ok(client.filter(|client| client.accepts_redirect(redirect_uri, context.rules())))
}

pub(crate) fn consent(
    context: &RequestContext,
    layout: SiteLayout,
    user: &User,
    client: &Client,
    query: &ConsentQuery,
) -> Consent {
    let bits = shown_bits(query.get("scope"));
    let forwarded = |name: &'static str| Some((name, query.get(name)?.to_owned()));
    let mut fields: Vec<_> = FORWARDED.into_iter().filter_map(forwarded).collect();
    fields.push(("scope", bits.to_string()));
    let denial_fields = ["client_id", "redirect_uri", "state"]
        .into_iter()
        .filter_map(forwarded)
        .collect();
    let base = &context.base;
    let here = base.path(&format!("/login/oauth/authorize?{}", query.encoded()));
    let capped = i64::from(Scope::AI_SERVICES_WRITE.bits());
    Consent {
        layout,
        app: AppCard::new(client),
        account: user.display_name(),
        account_avatar: Avatar::for_user(user),
        switch: with_return(base.path("/login"), &here),
        labels: shown_scope(query).labels(context.rules()),
        approve_action: base.path("/api/auth/oauth/authorize"),
        deny_action: base.path("/login/oauth/authorize"),
        fields,
        denial_fields,
        with_budget: offers_budget(context, i64::from(bits) & capped != 0),
        budget: BudgetForm::default(),
        preview_pressed: false,
    }
}

/// Difference `buzz-limit`.
fn offers_budget(context: &RequestContext, may_spend: bool) -> bool {
    let rules = context.rules();
    rules.record_divergence(Difference::BuzzLimit, may_spend);
    rules.follows_documentation(Difference::BuzzLimit) && may_spend
}

/// The scope that the page shows and posts. An unreadable scope is 0, and the number is truncated to a signed 32-bit
/// integer, as JavaScript's `|` does. The endpoint behind the form checks it.
fn shown_bits(scope: Option<&str>) -> i32 {
    let number = scope.and_then(leading_integer).unwrap_or_default();
    #[expect(clippy::cast_possible_truncation, reason = "JavaScript truncates here")]
    let truncated = number as i32;
    truncated | 1
}

fn shown_scope(query: &ConsentQuery) -> Scope {
    Scope::from_any_bits(shown_bits(query.get("scope")).cast_unsigned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_reads_a_scope_as_javascript_does() {
        for (text, bits) in [
            ("4abc", 5),
            ("abc", 1),
            ("", 1),
            ("-1", -1),
            ("4294967300", 5),
            ("33554431", 33_554_431),
        ] {
            assert_eq!(shown_bits(Some(text)), bits, "{text:?}");
        }
        assert_eq!(shown_bits(None), 1);
    }
}
