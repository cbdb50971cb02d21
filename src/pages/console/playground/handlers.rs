//! The actions of the playground: a new run, a request of the app, and the return of the browser.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::HeaderValue;
use axum::http::header::SET_COOKIE;
use axum::response::Response;
use axum_extra::extract::cookie::{Cookie, SameSite};

use super::actions::Act;
use super::client::Heard;
use super::observe;
use super::page::{COOKIE, back, current, show};
use super::run::{Check, PATH, Step};
use super::start::begin;
use crate::http::context::{Context, Form};
use crate::http::respond;
use crate::protocol::params::Params;
use crate::protocol::secret::Secret;
use crate::server::App;

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
