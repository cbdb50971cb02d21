//! `/v2/consumer/workflows`, as far as billing needs it: the result of each step is a tiny image (`blobs.rs`).
//! `submission.rs` parses the body of a new workflow, `workflow_changes.rs` that of a change, and `workflow_queries.rs`
//! the query of a list. The store decides whether the accounts cover the cost.
//!
//! The whole cost is charged on submission. `wait` is ignored: the sandbox's clock determines how long a workflow runs,
//! and a workflow that does not finish immediately is answered with 202.

use axum::extract::Path;
use axum::http::Uri;
use axum::response::Response;
use serde_json::{Value, json};

use super::blobs;
use super::orchestrator::{READING, WRITING, admit, answered};
use super::respond::{self, Problem};
use super::submission::{self, Submission};
use super::{workflow_changes, workflow_queries};
use crate::http::base_url::BaseUrl;
use crate::http::context::{Context, Outline};
use crate::model::workflow::{Workflow, WorkflowChange, WorkflowStatus};
use crate::protocol::ids::{ClientId, UserId};
use crate::protocol::params::Params;
use crate::protocol::time::{Moment, Timestamp};

const ALLOW: &str = "GET, POST, OPTIONS";
const ALLOW_ONE: &str = "GET, PUT, PATCH, DELETE, OPTIONS";

/// `POST /v2/consumer/workflows[?whatif=true]`.
pub(crate) async fn post(context: Context, uri: Uri) -> Response {
    let answer = submit(&context, uri.query(), context.body()).await;
    answered(&context, answer)
}

/// `GET /v2/consumer/workflows`.
pub(crate) async fn list(context: Context, uri: Uri) -> Response {
    answered(&context, page(&context, uri.query()))
}

/// `GET /v2/consumer/workflows/{id}`.
pub(crate) async fn get(context: Context, Path(id): Path<String>) -> Response {
    answered(&context, read(&context, &id))
}

/// `PUT /v2/consumer/workflows/{id}`.
pub(crate) async fn put(context: Context, Path(id): Path<String>) -> Response {
    let change = |workflow: &Workflow| {
        let body = submission::json_body(context.body())?;
        Ok(workflow_changes::from_update(&body, workflow)?)
    };
    answered(&context, change_workflow(&context, &id, change).await)
}

/// `PATCH /v2/consumer/workflows/{id}`.
pub(crate) async fn patch(context: Context, Path(id): Path<String>) -> Response {
    let change = |workflow: &Workflow| {
        let status = workflow.status(context.sandbox.now());
        Ok(workflow_changes::from_patch(
            context.body(),
            workflow,
            status,
        )?)
    };
    answered(&context, change_workflow(&context, &id, change).await)
}

/// `DELETE /v2/consumer/workflows/{id}`.
pub(crate) async fn delete(context: Context, Path(id): Path<String>) -> Response {
    answered(&context, delete_workflow(&context, &id).await)
}

/// The preflight of any of these paths.
pub(crate) async fn options() -> Response {
    respond::orchestrator_preflight()
}

/// 405 for other methods of the list.
pub(crate) async fn method_not_allowed(outline: Outline) -> Response {
    respond::problem(Problem::MethodNotAllowed(ALLOW), &outline.rules)
}

/// 405 for other methods of a workflow.
pub(crate) async fn one_method_not_allowed(outline: Outline) -> Response {
    respond::problem(Problem::MethodNotAllowed(ALLOW_ONE), &outline.rules)
}

async fn submit(context: &Context, query: Option<&str>, body: &[u8]) -> Result<Response, Problem> {
    let (user, app) = admit(context, &WRITING)?;
    let query = Params::from_urlencoded(query.unwrap_or_default().as_bytes());
    let is_whatif = submission::flag("whatif", query.text("whatif"))?;
    let submission = Submission::parse(body)?;
    let (sandbox, settings) = (&context.sandbox, context.sandbox.settings());
    let now = sandbox.now();
    let workflow = Workflow {
        id: sandbox.entropy.workflow_id(now),
        user_id: user.id,
        client_id: app.client,
        cost: submission.cost.unwrap_or(settings.workflow_cost.into()),
        steps: submission.steps,
        tags: submission.tags,
        metadata: submission.metadata,
        submitted_at: now,
        finishes_at: now.plus_seconds(settings.workflow_seconds),
        canceled_at: None,
    };
    if is_whatif {
        let quote = render(&workflow, WorkflowStatus::Unassigned, now, &context.base);
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

fn page(context: &Context, query: Option<&str>) -> Result<Response, Problem> {
    let (user, app) = admit(context, &READING)?;
    let query = workflow_queries::parse(query.unwrap_or_default())?;
    let sandbox = &context.sandbox;
    let now = sandbox.now();
    let (workflows, next) = sandbox
        .world()
        .list_workflows((user.id, &app.client), &query);
    let show = |workflow: &Workflow| render(workflow, workflow.status(now), now, &context.base);
    let body = json!({
        "next": next.as_ref().map(workflow_queries::cursor),
        "items": workflows.iter().map(show).collect::<Value>(),
    });
    Ok(respond::workflows(&body))
}

fn read(context: &Context, id: &str) -> Result<Response, Problem> {
    let (user, app) = admit(context, &READING)?;
    let workflow = own(context, id, user.id, &app.client)?;
    Ok(show(context, &workflow))
}

async fn change_workflow(
    context: &Context,
    id: &str,
    change: impl FnOnce(&Workflow) -> Result<WorkflowChange, Problem>,
) -> Result<Response, Problem> {
    let (user, app) = admit(context, &WRITING)?;
    let change = change(&own(context, id, user.id, &app.client)?)?;
    let sandbox = &context.sandbox;
    let parties = (user.id, &app.client);
    let is_there = sandbox
        .store
        .change_workflow(sandbox.world(), id, parties, (change, sandbox.now()))
        .await?;
    if is_there {
        Ok(respond::changed())
    } else {
        Err(Problem::NotFound)
    }
}

async fn delete_workflow(context: &Context, id: &str) -> Result<Response, Problem> {
    let (user, app) = admit(context, &WRITING)?;
    let sandbox = &context.sandbox;
    let parties = (user.id, &app.client);
    let is_there = sandbox
        .store
        .delete_workflow(sandbox.world(), id, parties, sandbox.now())
        .await?;
    if is_there {
        Ok(respond::changed())
    } else {
        Err(Problem::NotFound)
    }
}

/// A workflow of this user and this client. Workflows of others count as not found.
fn own(context: &Context, id: &str, user: UserId, client: &ClientId) -> Result<Workflow, Problem> {
    let found = context.sandbox.world().find_workflow(id);
    let own = found.filter(|found| found.user_id == user && found.client_id == *client);
    own.ok_or(Problem::NotFound)
}

fn show(context: &Context, workflow: &Workflow) -> Response {
    let now = context.sandbox.now();
    let status = workflow.status(now);
    let body = render(workflow, status, now, &context.base);
    respond::workflow(&body, status != WorkflowStatus::Processing)
}

fn render(workflow: &Workflow, status: WorkflowStatus, now: Timestamp, base: &BaseUrl) -> Value {
    let is_quoted = status == WorkflowStatus::Unassigned;
    let steps = workflow.steps.iter().enumerate().map(|(at, step)| {
        let images: Vec<Value> = if is_quoted {
            Vec::new()
        } else {
            let id = blobs::id_of_step(&workflow.id, at);
            let url = blobs::url(base, &id);
            let available = status == WorkflowStatus::Succeeded;
            vec![json!({ "id": id, "available": available, "url": url })]
        };
        json!({
            "$type": step.kind,
            "name": step.name,
            "status": status.name(),
            "output": { "images": images },
        })
    });
    let completed_at = workflow.completed_at(now).filter(|_| !is_quoted);
    json!({
        "id": workflow.id,
        "status": status.name(),
        "createdAt": Moment(workflow.submitted_at),
        "completedAt": completed_at.map(Moment),
        "tags": workflow.tags,
        "metadata": workflow_changes::parsed_metadata(workflow),
        "cost": { "base": workflow.cost, "total": workflow.cost },
        "steps": steps.collect::<Value>(),
    })
}
