//! `/login/oauth/device`: the page on which a user enters a device's code, reviews the request, and approves or denies
//! it. The operations are in `oauth/device/review.rs`.

use askama::Template;
use axum::extract::RawQuery;
use axum::http::{StatusCode, Uri};
use axum::response::Response;

use crate::http::context::RequestContext;
use crate::http::respond;
use crate::http::session;
use crate::model::device::UserDecision;
use crate::model::user::User;
use crate::oauth::authorize::with_return;
use crate::oauth::device::review;
use crate::pages::site::layout::{SiteLayout, site_page};
use crate::pages::view::{AppCard, Avatar};
use crate::protocol::error::OAuthError;
use crate::protocol::params::Params;
use crate::protocol::user_code::normalise;

const PATH: &str = "/login/oauth/device";

#[derive(Template)]
#[template(path = "device.html")]
struct Device {
    layout: SiteLayout,
    action: String,
    account: String,
    account_avatar: Avatar,
    switch: String,
    step: Step,
}

enum Step {
    Enter {
        typed: String,
        problem: Option<String>,
    },
    Review {
        code: String,
        app: AppCard,
        labels: Vec<String>,
    },
    Approved,
    Denied,
}

/// `GET /login/oauth/device?code=XXXX-XXXX`. Only fills in the code, so that a user who follows a link reviews the
/// request first.
pub(crate) async fn get(uri: Uri, RawQuery(query): RawQuery, context: RequestContext) -> Response {
    let here = context.base.path(&uri.to_string());
    let layout = SiteLayout::at(&context, PATH, query.as_deref());
    let query = Params::from_urlencoded(query.unwrap_or_default().as_bytes());
    let typed = query.text("code").map(normalise).unwrap_or_default();
    match session::user(&context) {
        Some(user) => {
            let step = Step::Enter {
                typed,
                problem: None,
            };
            show(&context, layout, StatusCode::OK, &user, step)
        }
        None => respond::see_other(&with_return(context.base.path("/login"), &here)),
    }
}

/// `POST /login/oauth/device`: the next step.
pub(crate) async fn post(context: RequestContext) -> Response {
    let params = context.params();
    let code = normalise(params.text("user_code").unwrap_or_default());
    let Some(user) = session::user(&context) else {
        let here = path_with_code(&context, &code);
        return respond::see_other(&with_return(context.base.path("/login"), &here));
    };
    let layout = SiteLayout::new(&context);
    match advance(&context, &user, &code, params.text("step")).await {
        Ok(step) => show(&context, layout, StatusCode::OK, &user, step),
        Err(error) => {
            let problem = error.description.map(|message| format!("{message}."));
            let step = Step::Enter {
                typed: code,
                problem,
            };
            show(&context, layout, StatusCode::BAD_REQUEST, &user, step)
        }
    }
}

async fn advance(
    context: &RequestContext,
    user: &User,
    code: &str,
    step: Option<&str>,
) -> Result<Step, OAuthError> {
    match step {
        Some("approve") => {
            let decision = UserDecision::Approved { by: user.id };
            review::decide_in_browser(context, code, decision).await?;
            Ok(Step::Approved)
        }
        Some("deny") => {
            let decision = UserDecision::Denied { by: Some(user.id) };
            review::decide_in_browser(context, code, decision).await?;
            Ok(Step::Denied)
        }
        _ => {
            let (grant, client) = review::pending(context, code)?;
            let labels = grant.scope.labels(context.rules());
            Ok(Step::Review {
                code: code.to_owned(),
                app: AppCard::new(&client),
                labels,
            })
        }
    }
}

fn path_with_code(context: &RequestContext, code: &str) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("code", code)
        .finish();
    context.base.path(&format!("{PATH}?{query}"))
}

fn show(
    context: &RequestContext,
    layout: SiteLayout,
    status: StatusCode,
    user: &User,
    step: Step,
) -> Response {
    let here = match &step {
        Step::Review { code, .. } => path_with_code(context, code),
        _ => context.base.path(PATH),
    };
    let device = Device {
        layout,
        action: context.base.path(PATH),
        account: user.display_name(),
        account_avatar: Avatar::for_user(user),
        switch: with_return(context.base.path("/login"), &here),
        step,
    };
    site_page(status, &device.layout, &device)
}
