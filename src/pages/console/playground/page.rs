//! `GET /_mock/playground`: the page of a run.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::actions::{Action, Button};
use super::run::PlaygroundRuns;
use super::run::{Check, Flow, PATH, PlaygroundRun, Step};
use super::start::StartForm;
use crate::contract::Difference;
use crate::http::context::RequestContext;
use crate::http::state::ServerState;
use crate::http::{respond, session};
use crate::pages::console::layout::{ConsoleLayout, console_page};
use crate::pages::console::navigation::ConsolePage;
use crate::protocol::params::Params;

/// The cookie with the id of the browser's run.
pub(crate) const COOKIE: &str = "mock-playground";

#[derive(Template)]
#[template(path = "playground.html")]
struct Playground {
    layout: ConsoleLayout,
    here: String,
    form: StartForm,
    account: String,
    problem: Option<String>,
    run: Option<RunView>,
}

/// The view of a run.
struct RunView {
    client_name: String,
    client_id: String,
    registered: Option<String>,
    phases: Vec<(&'static str, bool)>,
    removed_steps: usize,
    steps: Vec<Step>,
    /// The next page for the browser.
    next_step: Option<NextStep>,
    buttons: Vec<Button>,
    mistakes: Vec<Button>,
}

struct NextStep {
    href: String,
    label: &'static str,
    what: String,
    checks: Vec<Check>,
}

/// `GET /_mock/playground`.
pub(crate) async fn get(
    State(state): State<Arc<ServerState>>,
    Extension(runs): Extension<Arc<PlaygroundRuns>>,
    context: RequestContext,
) -> Response {
    show(&state, &runs, &context, None)
}

/// The page, with the error of the sent form if there is one.
pub(crate) fn show(
    state: &ServerState,
    runs: &PlaygroundRuns,
    context: &RequestContext,
    problem: Option<(&Params, String)>,
) -> Response {
    let base = &context.base;
    let run = current(runs, context).map(|(_, run)| run);
    let form = match &problem {
        Some((sent, _)) => StartForm::new(context, sent),
        None => StartForm::new(context, &Params::default()),
    };
    let status = match problem {
        Some(_) => StatusCode::BAD_REQUEST,
        None => StatusCode::OK,
    };
    let shown = Playground {
        layout: ConsoleLayout::new(state, context, ConsolePage::Playground),
        here: base.path(PATH),
        form,
        account: base.path("/user/account"),
        problem: problem.map(|(_, text)| text),
        run: run.map(|run| run_view(context, run)),
    };
    console_page(status, &shown.layout, &shown)
}

fn run_view(context: &RequestContext, run: PlaygroundRun) -> RunView {
    let (next, mistakes) = Action::next(&run);
    let buttons = |actions: Vec<Action>| actions.into_iter().map(Action::button).collect();
    let has = |title: &str| {
        run.steps
            .iter()
            .any(|step| step.title == title && step.exchange.good)
    };
    let did = |action: Action| has(action.button().label);
    let mut phases = match run.flow {
        Flow::AuthorizationCode => vec![
            ("Authorize", run.code.is_some()),
            ("Exchange", run.access_token.is_some()),
        ],
        Flow::Device => vec![
            ("Start", run.device_code.is_some()),
            ("Approve and poll", run.access_token.is_some()),
        ],
        Flow::ClientCredentials => vec![("Request a token", run.access_token.is_some())],
    };
    phases.push(("Userinfo", did(Action::Userinfo)));
    if run.flow != Flow::ClientCredentials {
        phases.extend([
            ("Refresh", did(Action::Refresh)),
            ("Revoke", did(Action::Revoke)),
        ]);
    }
    RunView {
        next_step: next_step(context, &run),
        buttons: buttons(next),
        mistakes: buttons(mistakes),
        registered: run.registered.then_some(run.redirect_uri),
        client_name: run.client_name,
        client_id: run.client_id,
        removed_steps: run.removed_steps,
        phases,
        steps: run.steps.into(),
    }
}

/// The next page for the browser, if the flow needs one.
fn next_step(context: &RequestContext, run: &PlaygroundRun) -> Option<NextStep> {
    match run.flow {
        Flow::AuthorizationCode if run.code.is_none() => {
            let url = authorize_url(context, run);
            let life = if context
                .rules()
                .follows_documentation(Difference::CodeLifetime)
            {
                "ten"
            } else {
                "five"
            };
            Some(NextStep {
                what: format!("GET {url}"),
                href: url,
                label: "Go to sign-in and consent",
                checks: vec![
                    Check::new(
                        "state is random, new for each attempt, and bound to this browser's session.",
                        "RFC 6749 §10.12",
                    ),
                    Check::new(
                        "code_challenge is the S256 hash of a verifier that is new for each attempt and stays in the app.",
                        "RFC 7636 §4.1",
                    ),
                    Check::new(
                        format!("The returned code is valid for {life} minutes."),
                        "RFC 6749 §4.1.2",
                    ),
                ],
            })
        }
        Flow::Device if run.access_token.is_none() => {
            let user_code = run.user_code.as_ref()?.reveal();
            let code: String = url::form_urlencoded::byte_serialize(user_code.as_bytes()).collect();
            Some(NextStep {
                href: context
                    .base
                    .path(&format!("/login/oauth/device?code={code}")),
                label: "Act as the user: approve the device",
                what: format!("the device shows {user_code}"),
                checks: Vec::new(),
            })
        }
        _ => None,
    }
}

fn authorize_url(context: &RequestContext, run: &PlaygroundRun) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("response_type", "code")
        .append_pair("client_id", &run.client_id)
        .append_pair("redirect_uri", &run.redirect_uri)
        .append_pair("scope", &run.scope.to_string())
        .append_pair("state", &run.state)
        .append_pair("code_challenge", &run.verifier.challenge().0)
        .append_pair("code_challenge_method", "S256")
        .finish();
    format!("{}/api/auth/oauth/authorize?{query}", context.base)
}

/// The run of the cookie, with its id.
pub(crate) fn current(
    runs: &PlaygroundRuns,
    context: &RequestContext,
) -> Option<(String, PlaygroundRun)> {
    session::cookies(&context.headers, COOKIE).find_map(|id| {
        let run = runs.find(&context.sandbox, &id)?;
        Some((id, run))
    })
}

/// Redirects to the next step on the page.
pub(crate) fn back(context: &RequestContext) -> Response {
    respond::see_other(&format!("{}#next", context.base.path(PATH)))
}
