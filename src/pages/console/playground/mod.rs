//! `/_mock/playground`: the flow, step by step, with the server as the client app. How a run begins is `start.rs`, what
//! the app can do is `actions.rs`, what it keeps is `run.rs`, how it asks is `client.rs`, what the browser does meanwhile is
//! `observe.rs`.

mod actions;
mod client;
mod observe;
pub(crate) mod run;
mod start;

use std::sync::Arc;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use axum_extra::extract::cookie::{Cookie, SameSite};

use crate::contract::Difference;
use crate::http::context::{Context, Form};
use crate::http::{respond, session};
use crate::pages::assets;
use crate::pages::console::playground::actions::{Act, Button};
use crate::pages::console::playground::client::Heard;
use crate::pages::console::playground::start::{StartForm, begin};
use crate::pages::view::{Frame, Page, Place, page};
use crate::protocol::params::Params;
use crate::protocol::secret::Secret;
use crate::server::App;
use run::{Check, Grant, Run, Step};

const PATH: &str = "/_mock/playground";
const COOKIE: &str = "mock-playground";

#[derive(Template)]
#[template(path = "playground.html")]
struct Playground {
    frame: Frame,
    here: String,
    form: StartForm,
    account: String,
    problem: Option<String>,
    run: Option<Shown>,
}

/// A run as it is drawn.
struct Shown {
    client_name: String,
    client_id: String,
    registered: Option<String>,
    phases: Vec<(&'static str, bool)>,
    forgotten: usize,
    steps: Vec<Step>,
    /// Where the browser is to go next, and what is said of it.
    way: Option<Way>,
    buttons: Vec<Button>,
    mistakes: Vec<Button>,
}

struct Way {
    href: String,
    label: &'static str,
    what: String,
    checks: Vec<Check>,
}

impl Page for Playground {
    fn frame(&self) -> &Frame {
        &self.frame
    }
}

/// `GET /_mock/playground`.
pub(crate) async fn get(State(app): State<Arc<App>>, context: Context) -> Response {
    show(&app, &context, None)
}

/// The page, with what is wrong with what was sent.
fn show(app: &App, context: &Context, wrong: Option<(&Params, String)>) -> Response {
    let base = &context.base;
    let run = current(app, context).map(|(_, run)| run);
    let form = match &wrong {
        Some((sent, _)) => StartForm::of(context, sent),
        None => StartForm::of(context, &Params::default()),
    };
    let status = match wrong {
        Some(_) => StatusCode::BAD_REQUEST,
        None => StatusCode::OK,
    };
    let shown = Playground {
        frame: Frame::at(base, Place::Playground).with_script(base, &assets::COPY),
        here: base.path(PATH),
        form,
        account: base.path("/user/account"),
        problem: wrong.map(|(_, problem)| problem),
        run: run.map(|run| shown(context, run)),
    };
    page(status, &shown)
}

fn shown(context: &Context, run: Run) -> Shown {
    let (next, mistakes) = Act::next(&run);
    let buttons = |acts: Vec<Act>| acts.into_iter().map(Act::button).collect();
    let has = |title: &str| {
        run.steps
            .iter()
            .any(|step| step.title == title && step.heard.good)
    };
    let did = |act: Act| has(act.button().label);
    let mut phases = match run.grant {
        Grant::Code => vec![
            ("Authorize", run.code.is_some()),
            ("Exchange", run.access_token.is_some()),
        ],
        Grant::Device => vec![
            ("Start", run.device_code.is_some()),
            ("Approve and poll", run.access_token.is_some()),
        ],
        Grant::Itself => vec![("Ask for a token", run.access_token.is_some())],
    };
    phases.push(("Userinfo", did(Act::Userinfo)));
    if run.grant != Grant::Itself {
        phases.extend([("Refresh", did(Act::Refresh)), ("Revoke", did(Act::Revoke))]);
    }
    Shown {
        way: way(context, &run),
        buttons: buttons(next),
        mistakes: buttons(mistakes),
        registered: run.registered.then_some(run.redirect_uri),
        client_name: run.client_name,
        client_id: run.client_id,
        forgotten: run.forgotten,
        phases,
        steps: run.steps.into(),
    }
}

/// Where a person has to go with the browser.
fn way(context: &Context, run: &Run) -> Option<Way> {
    match run.grant {
        Grant::Code if run.code.is_none() => {
            let url = authorize_url(context, run);
            let life = if context.rules().documented(Difference::CodeLifetime) {
                "ten"
            } else {
                "five"
            };
            Some(Way {
                what: format!("GET {url}"),
                href: url,
                label: "Go to the sign-in and consent",
                checks: vec![
                    Check::that(
                        "state is random, new for each attempt, and kept where only this browser's session finds it.",
                        "RFC 6749 §10.12",
                    ),
                    Check::that(
                        "code_challenge is the S256 of a verifier that is new for each attempt and stays with the app.",
                        "RFC 7636 §4.1",
                    ),
                    Check::that(
                        format!("The code that comes back lives {life} minutes."),
                        "RFC 6749 §4.1.2",
                    ),
                ],
            })
        }
        Grant::Device if run.access_token.is_none() => {
            let user_code = run.user_code.as_ref()?.reveal();
            let code: String = url::form_urlencoded::byte_serialize(user_code.as_bytes()).collect();
            Some(Way {
                href: context
                    .base
                    .path(&format!("/login/oauth/device?code={code}")),
                label: "Be the person: approve the device",
                what: format!("the device shows {user_code}"),
                checks: Vec::new(),
            })
        }
        _ => None,
    }
}

fn authorize_url(context: &Context, run: &Run) -> String {
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

/// The run that the cookie names.
fn current(app: &App, context: &Context) -> Option<(String, Run)> {
    session::cookies(&context.headers, COOKIE).find_map(|id| {
        let run = app.playground.find(&context.sandbox, &id)?;
        Some((id, run))
    })
}

fn back(context: &Context) -> Response {
    respond::see_other(&format!("{}#next", context.base.path(PATH)))
}

/// `POST /_mock/playground`: a new run.
pub(crate) async fn start(
    State(app): State<Arc<App>>,
    context: Context,
    Form(params): Form,
) -> Response {
    match begin(&context, &params).await {
        Ok(Ok(run)) => {
            let id = context.sandbox.entropy.cookie();
            app.playground.keep(&context.sandbox, id.reveal(), run);
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
        Ok(Err(problem)) => show(&app, &context, Some((&params, problem))),
        Err(why) => respond::failure(&why),
    }
}

/// `POST /_mock/playground/act`: the app does something.
pub(crate) async fn act(
    State(app): State<Arc<App>>,
    context: Context,
    Form(params): Form,
) -> Response {
    let Some((id, mut run)) = current(&app, &context) else {
        return back(&context);
    };
    let asked = params.text("act").unwrap_or_default();
    if asked == "forget" {
        app.playground.forget(&context.sandbox, &id);
        return back(&context);
    }
    let Some(act) = Act::of(asked) else {
        let problem = format!("There is nothing called {asked:?} to do: press one of the buttons.");
        return show(&app, &context, Some((&params, problem)));
    };
    observe::catch_up(&context, &mut run).await;
    act.carry_out(&app, &context, &mut run).await;
    run.seen = context.sandbox.journal.newest();
    app.playground.keep(&context.sandbox, &id, run);
    back(&context)
}

/// `GET /_mock/playground/callback`: the browser comes back to the app.
pub(crate) async fn callback(
    State(app): State<Arc<App>>,
    context: Context,
    RawQuery(query): RawQuery,
) -> Response {
    let Some((id, mut run)) = current(&app, &context) else {
        return back(&context);
    };
    observe::catch_up(&context, &mut run).await;
    let query = query.unwrap_or_default();
    let told = Params::from_urlencoded(query.as_bytes());
    let same_state = told.text("state") == Some(&run.state);
    let code = told.filled("code").filter(|_| same_state);
    let mut checks = vec![Check {
        outcome: Some(same_state),
        ..Check::that(
            "state is the one that this browser left with. If it is not, stop here: somebody else began this.",
            "RFC 6749 §10.12",
        )
    }];
    if let Some(error) = told.text("error") {
        checks.push(Check::that(
            format!("{error}: say so kindly, and let the person begin again. A Deny is an answer, not a failure."),
            "RFC 6749 §4.1.2.1",
        ));
    } else {
        checks.push(Check::that(
            "Exchange the code at once, and take it out of the address bar with a redirect.",
            "RFC 9700 §4.2.4",
        ));
    }
    run.add(Step {
        title: "The browser comes back to the app".to_owned(),
        heard: Heard {
            request: format!("GET {}?{query}", run.redirect_uri),
            curl: None,
            head: format!("303 See Other\nlocation: {}", context.base.path(PATH)),
            body: String::new(),
            good: code.is_some(),
            json: serde_json::Value::Null,
        },
        checks,
    });
    match code {
        Some(code) => run.code = Some(Secret::new(code)),
        // What follows a refusal, or a stranger's call, is another attempt, with a state and a verifier of its own.
        None => run.begin_anew(&context.sandbox),
    }
    app.playground.keep(&context.sandbox, &id, run);
    back(&context)
}
