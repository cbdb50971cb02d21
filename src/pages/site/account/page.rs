//! The account page.

use askama::Template;
use axum::extract::RawQuery;
use axum::http::StatusCode;
use axum::response::Response;

use super::apps::{self, RegisteredApp};
use super::connected::{self, ConnectedApp};
use super::layout::{AccountBar, FormError, MAX_APPS, PATH, PageLinks, layout, signed_in_user};
use crate::http::context::RequestContext;
use crate::model::user::User;
use crate::pages::assets;
use crate::pages::site::layout::{SiteLayout, site_page};
use crate::pages::view::PageResult;
use crate::protocol::params::Params;

#[derive(Template)]
#[template(path = "account.html")]
struct Account {
    layout: SiteLayout,
    bar: Option<AccountBar>,
    email: Option<String>,
    /// Base path of the forms' targets.
    here: String,
    problem: Option<String>,
    apps: Vec<RegisteredApp>,
    app_links: PageLinks,
    connected: Vec<ConnectedApp>,
    connected_links: PageLinks,
}

/// The index of the first item of each list.
#[derive(Default)]
struct Starts {
    apps: usize,
    connected: usize,
}

impl Starts {
    fn parse(query: Option<String>) -> Self {
        let params = Params::from_urlencoded(query.unwrap_or_default().as_bytes());
        let number = |name| params.text(name)?.parse().ok();
        Self {
            apps: number("apps").unwrap_or_default(),
            connected: number("connected").unwrap_or_default(),
        }
    }
}

/// `GET /user/account`.
pub(crate) async fn get(context: RequestContext, RawQuery(query): RawQuery) -> PageResult {
    let user = signed_in_user(&context)?;
    let layout = SiteLayout::at(&context, PATH, query.as_deref());
    let account = Account {
        layout: layout.with_script(&context, &assets::COPY),
        ..account(&context, &user, None, &Starts::parse(query))
    };
    Ok(site_page(StatusCode::OK, &account.layout, &account))
}

/// Renders the page, with the error of a submitted form.
pub(super) fn show(
    context: &RequestContext,
    user: &User,
    status: StatusCode,
    error: &FormError,
) -> Response {
    let account = account(context, user, Some(error), &Starts::default());
    site_page(status, &account.layout, &account)
}

fn account(
    context: &RequestContext,
    user: &User,
    error: Option<&FormError>,
    from: &Starts,
) -> Account {
    let base = &context.base;
    let here = base.path(PATH);
    let mut apps = apps::list(context, user);
    let app_links = PageLinks::cut(&mut apps, from.apps, MAX_APPS);
    let (connected, connected_links) = connected::list(context, user, error, from.connected);
    Account {
        layout: layout(context),
        bar: AccountBar::new(context),
        email: user.email.clone(),
        problem: error.and_then(FormError::problem),
        apps,
        app_links,
        connected,
        connected_links,
        here,
    }
}
