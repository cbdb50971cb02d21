//! `POST /v2/consumer/workflows` and what comes of it, as far as billing goes: the work itself is a tiny picture for each
//! step. What a body asks for is `submission.rs`; whether there is enough to pay for it is settled by the store.
//!
//! The whole cost is taken when the workflow is submitted. `wait` is not waited for: how long a workflow runs is told by
//! the sandbox's clock, and what does not finish at once is answered with 202.

use std::sync::Arc;

use axum::extract::Path;
use axum::http::Uri;
use axum::response::Response;
use serde_json::{Value, json};

use super::caller::{self, App};
use super::picture;
use super::respond::{self, Problem};
use super::submission::{self, Submission};
use crate::base::Base;
use crate::model::user::User;
use crate::model::workflow::Workflow;
use crate::oauth::extract::{Context, Outline};
use crate::protocol::params::Params;
use crate::protocol::scope::Scope;

const ALLOW: &str = "POST, OPTIONS";
const ALLOW_ONE: &str = "GET, OPTIONS";

/// `POST /v2/consumer/workflows[?whatif=true]`.
pub(crate) async fn post(context: Context, uri: Uri) -> Response {
    match submit(&context, uri.query(), context.sent_bytes()).await {
        Ok(answer) => answer,
        Err(why) => respond::problem(why, context.rules()),
    }
}

/// `GET /v2/consumer/workflows/{id}`.
pub(crate) async fn get(context: Context, Path(id): Path<String>) -> Response {
    match read(&context, &id) {
        Ok(answer) => answer,
        Err(why) => respond::problem(why, context.rules()),
    }
}

/// `GET /v2/consumer/blobs/{id}`: whoever has the address sees the picture.
pub(crate) async fn blob(context: Context, Path(id): Path<String>) -> Response {
    match paint(&context, &id) {
        Ok(answer) => answer,
        Err(why) => respond::problem(why, context.rules()),
    }
}

/// A preflight of any of them.
pub(crate) async fn options() -> Response {
    respond::orchestrator_preflight()
}

/// Any other method of the list.
pub(crate) async fn method_not_allowed(outline: Outline) -> Response {
    respond::problem(Problem::MethodNotAllowed(ALLOW), &outline.rules)
}

/// Any other method of one workflow or blob.
pub(crate) async fn one_method_not_allowed(outline: Outline) -> Response {
    respond::problem(Problem::MethodNotAllowed(ALLOW_ONE), &outline.rules)
}

async fn submit(context: &Context, query: Option<&str>, body: &[u8]) -> Result<Response, Problem> {
    let (user, app) = admit(context, &SUBMITTING)?;
    let query = Params::from_urlencoded(query.unwrap_or_default().as_bytes());
    let is_whatif = submission::is_whatif(query.text("whatif"))?;
    let submission = Submission::parse(body)?;
    let (sandbox, settings) = (&context.sandbox, context.sandbox.settings());
    let now = sandbox.now();
    let workflow = Workflow {
        id: sandbox.entropy.workflow_id(now),
        user_id: user.id,
        client_id: app.client,
        cost: submission.cost.unwrap_or(settings.workflow_cost.into()),
        steps: submission.steps,
        finishes_at: now.plus_seconds(settings.workflow_seconds),
    };
    if is_whatif {
        let quote = render(&workflow, State::Quoted, &context.base);
        return Ok(respond::workflow(&quote, true));
    }
    let may_pay = &submission.may_pay;
    let paid = sandbox
        .store
        .charge(sandbox.world(), &workflow, may_pay, now)
        .await?;
    if paid {
        Ok(show(context, &workflow))
    } else {
        Err(Problem::TooLittleBuzz)
    }
}

fn read(context: &Context, id: &str) -> Result<Response, Problem> {
    let (user, app) = admit(context, &READING)?;
    let sandbox = &context.sandbox;
    let found = sandbox.world().find_workflow(id);
    // Whose it is not learns no more than whoever makes an id up.
    let own = found.filter(|found| found.user_id == user.id && found.client_id == app.client);
    let workflow = own.ok_or(Problem::NotFound)?;
    Ok(show(context, &workflow))
}

/// Scopes of which one will do, and their names.
struct Needed(&'static [Scope], &'static str);

const SUBMITTING: Needed = Needed(&[Scope::AI_SERVICES_WRITE], "AIServicesWrite");

/// That either will do is our choice.
const READING: Needed = Needed(
    &[Scope::AI_SERVICES_READ, Scope::AI_SERVICES_WRITE],
    "AIServicesRead or AIServicesWrite",
);

/// Whoever has one of these scopes.
fn admit(context: &Context, Needed(scopes, names): &Needed) -> Result<(Arc<User>, App), Problem> {
    let found = caller::by_bearer(context);
    let (user, app) = found.ok_or(Problem::Unauthorized)?;
    if scopes.iter().any(|scope| app.scope.covers(*scope)) {
        Ok((user, app))
    } else {
        Err(Problem::TooLittleScope(names))
    }
}

fn show(context: &Context, workflow: &Workflow) -> Response {
    let is_finished = workflow.is_finished(context.sandbox.now());
    let state = if is_finished {
        State::Finished
    } else {
        State::Running
    };
    let body = render(workflow, state, &context.base);
    respond::workflow(&body, is_finished)
}

/// How far a workflow is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Quoted,
    Running,
    Finished,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            Self::Quoted => "unassigned",
            Self::Running => "processing",
            Self::Finished => "succeeded",
        }
    }
}

fn render(workflow: &Workflow, state: State, base: &Base) -> Value {
    let steps = workflow.steps.iter().enumerate().map(|(at, step)| {
        let images: Vec<Value> = if state == State::Quoted {
            Vec::new()
        } else {
            let id = blob_id(&workflow.id, at);
            let url = format!("{base}/v2/consumer/blobs/{id}");
            let available = state == State::Finished;
            vec![json!({ "id": id, "available": available, "url": url })]
        };
        json!({
            "$type": step.kind,
            "name": step.name,
            "status": state.name(),
            "output": { "images": images },
        })
    });
    json!({
        "id": workflow.id,
        "status": state.name(),
        "cost": { "total": workflow.cost },
        "steps": steps.collect::<Value>(),
    })
}

fn paint(context: &Context, id: &str) -> Result<Response, Problem> {
    let (workflow, step) = of_blob(id).ok_or(Problem::NotFound)?;
    let sandbox = &context.sandbox;
    let found = sandbox.world().find_workflow(&workflow);
    let is_there = found
        .is_some_and(|workflow| workflow.is_finished(sandbox.now()) && step < workflow.steps.len());
    if is_there {
        Ok(respond::picture(picture::tiny(id)))
    } else {
        Err(Problem::NotFound)
    }
}

/// What begins a workflow's id, and what begins that of its pictures.
const WORKFLOW: &str = "wf_";
const BLOB: &str = "blob_";

fn blob_id(workflow: &str, step: usize) -> String {
    format!("{BLOB}{}_{step}", workflow.trim_start_matches(WORKFLOW))
}

fn of_blob(id: &str) -> Option<(String, usize)> {
    let (workflow, step) = id.strip_prefix(BLOB)?.rsplit_once('_')?;
    Some((format!("{WORKFLOW}{workflow}"), step.parse().ok()?))
}
