//! The actions of the playground: a new run, a request of the app, and the return of the browser.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::http::HeaderValue;
use axum::http::header::SET_COOKIE;
use axum::response::Response;
use axum_extra::extract::cookie::{Cookie, SameSite};

use super::action::Action;
use super::client::{CapturedExchange, cut};
use super::observe;
use super::page::{COOKIE, back, back_with, current, current_in_turn, show};
use super::run::PlaygroundRuns;
use super::run::{CALLBACK, Check, PATH, Step};
use super::start::new_run;
use super::view::StepView;
use crate::http::body::Form;
use crate::http::context::RequestContext;
use crate::http::respond;
use crate::http::root_service::RootService;
use crate::http::state::ServerState;
use crate::protocol::params::Params;
use crate::protocol::secret::Secret;

/// `POST /_mock/playground`: a new run.
pub(crate) async fn start(
    State(state): State<Arc<ServerState>>,
    Extension(runs): Extension<Arc<PlaygroundRuns>>,
    context: RequestContext,
    Form(params): Form,
) -> Response {
    match new_run(&context, &params).await {
        Ok(Ok(run)) => {
            let id = context.sandbox.entropy.cookie();
            runs.store(&context.sandbox, id.reveal(), run);
            let mut response = back(&context);
            let cookie = Cookie::build((COOKIE, id.reveal().to_owned()))
                .path(context.base.path(PATH))
                .http_only(true)
                .same_site(SameSite::Lax)
                .secure(context.base.is_https());
            if let Ok(cookie) = HeaderValue::from_str(&cookie.to_string()) {
                response.headers_mut().append(SET_COOKIE, cookie);
            }
            response
        }
        Ok(Err(problem)) => {
            let run = current(&runs, &context).map(|(_, run)| run);
            show(&state, &context, run, None, Some((&params, problem)))
        }
        Err(error) => respond::failure(&error),
    }
}

/// `POST /_mock/playground/act`: an action of the app.
pub(crate) async fn act(
    State(state): State<Arc<ServerState>>,
    Extension(service): Extension<RootService>,
    Extension(runs): Extension<Arc<PlaygroundRuns>>,
    context: RequestContext,
    Form(params): Form,
) -> Response {
    let Some((_turn, id, mut run)) = current_in_turn(&runs, &context).await else {
        return back(&context);
    };
    let name = params.text("act").unwrap_or_default();
    if name == "forget" {
        runs.remove(&context.sandbox, &id);
        return back(&context);
    }
    let Some(action) = Action::parse(name) else {
        let problem = format!("Unknown action {name:?}: use the buttons of the page.");
        return show(&state, &context, Some(run), None, Some((&params, problem)));
    };
    observe::add_browser_steps(&context, &mut run).await;
    action.perform(&service, &context, &mut run).await;
    let done = run.steps.back().cloned();
    let faults = context.sandbox.list_faults().faults;
    let done = done.map(|step| StepView::new(&context, &faults, step, 0).summary());
    runs.store(&context.sandbox, &id, run);
    back_with(&context, &done.unwrap_or_default())
}

/// `GET /_mock/playground/callback`: the redirect URI of the app.
pub(crate) async fn callback(
    Extension(runs): Extension<Arc<PlaygroundRuns>>,
    context: RequestContext,
    RawQuery(query): RawQuery,
) -> Response {
    let Some((_turn, id, mut run)) = current_in_turn(&runs, &context).await else {
        return back(&context);
    };
    observe::add_browser_steps(&context, &mut run).await;
    let query = query.unwrap_or_default();
    let answer = Params::from_urlencoded(query.as_bytes());
    let same_state = answer.text("state") == Some(&run.state);
    let code = answer.non_empty("code").filter(|_| same_state);
    let mut checks = vec![Check {
        outcome: Some(same_state),
        ..Check::new(
            "state matches the one that this browser started with. If not, stop: another party started this sign-in.",
            "RFC 6749 §10.12",
        )
    }];
    if let Some(error) = answer.text("error") {
        checks.push(Check::new(
            format!("{error}: show a message and let the user try again. A denial is a valid response, not a failure."),
            "RFC 6749 §4.1.2.1",
        ));
    } else {
        checks.push(Check::new(
            "Exchange the code immediately, and remove it from the address bar with a redirect.",
            "RFC 9700 §4.2.4",
        ));
    }
    run.add(Step {
        title: "The browser returns to the app".to_owned(),
        exchange: CapturedExchange {
            id: None,
            method: "GET".to_owned(),
            path: CALLBACK.to_owned(),
            request: cut(format!("GET {}?{query}", run.redirect_uri)),
            curl: None,
            head: format!("303 See Other\nlocation: {}", context.base.path(PATH)),
            body: String::new(),
            is_success: code.is_some(),
            json: serde_json::Value::Null,
        },
        checks,
    });
    match code {
        Some(code) => run.code = Some(Secret::new(code)),
        // After an error or a wrong state, the next attempt needs a new state and verifier.
        None => run.restart(&context.sandbox),
    }
    runs.store(&context.sandbox, &id, run);
    back(&context)
}
