//! `/v2/consumer/workflows`, as far as billing needs it: the result of each step is a tiny image (`blobs.rs`).
//! `submission.rs` parses the body of a new workflow, `workflow_changes.rs` that of a change, and `workflow_queries.rs`
//! the query of a list. The store decides whether the accounts cover the cost.
//!
//! The whole cost is charged on submission. `wait` is ignored: the sandbox's clock determines how long a workflow runs,
//! and a workflow that does not finish immediately is answered with 202.

use axum::Json;
use axum::extract::Path;
use axum::http::{StatusCode, Uri};
use axum::response::IntoResponse;
use serde_json::{Value, json};

use super::blobs;
use super::orchestrator::{READ, WRITE, authenticate};
use super::orchestrator_error::OrchestratorError;
use super::submission::{self, Submission};
use super::{workflow_changes, workflow_queries};
use crate::http::base_url::BaseUrl;
use crate::http::context::RequestContext;
use crate::model::account::Currency;
use crate::model::refusal_cause::RefusalCause;
use crate::model::workflow::{Workflow, WorkflowChange, WorkflowStatus};
use crate::protocol::ids::{ClientId, UserId};
use crate::protocol::params::Params;
use crate::protocol::time::Timestamp;
use crate::sandbox::spending;

/// `POST /v2/consumer/workflows[?whatif=true]`.
pub(crate) async fn post(
    context: RequestContext,
    uri: Uri,
) -> Result<impl IntoResponse, OrchestratorError> {
    let (user, app) = authenticate(&context, &WRITE)?;
    let query = Params::from_urlencoded(uri.query().unwrap_or_default().as_bytes());
    let is_whatif = submission::flag("whatif", query.text("whatif"))?;
    let submission = Submission::parse(context.body())?;
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
        return Ok((StatusCode::OK, Json(quote)));
    }
    let may_pay = &submission.may_pay;
    let paid = sandbox.data().charge(&workflow, may_pay, now).await?;
    if paid {
        Ok(show(&context, &workflow))
    } else {
        let cause = cause_of_unpaid(&context, &workflow, may_pay);
        context.notes.cause(cause);
        Err(OrchestratorError::insufficient_funds(context.rules()))
    }
}

/// The limit of the app that the cost exceeds, or the accounts that have too little.
fn cause_of_unpaid(
    context: &RequestContext,
    workflow: &Workflow,
    may_pay: &[Currency],
) -> RefusalCause {
    let (sandbox, cost) = (&context.sandbox, workflow.cost);
    let spent = spending::find(sandbox, workflow.user_id, workflow.client_id.as_str());
    let budgets = spent.map(|app| app.spending.rules).unwrap_or_default();
    if let Some(budget) = budgets.iter().find(|budget| budget.remaining < cost) {
        return RefusalCause::SpendLimitExceeded {
            cost,
            limit: budget.limit,
            spent: budget.spend,
            remaining: budget.remaining,
        };
    }
    let accounts = sandbox.data().accounts(workflow.user_id);
    let paying = accounts
        .iter()
        .filter(|account| may_pay.contains(&account.currency));
    RefusalCause::InsufficientBuzz {
        cost,
        available: paying.map(|account| account.balance).sum(),
        currencies: may_pay.iter().map(|currency| currency.name()).collect(),
    }
}

/// `GET /v2/consumer/workflows`.
pub(crate) async fn list(
    context: RequestContext,
    uri: Uri,
) -> Result<impl IntoResponse, OrchestratorError> {
    let (user, app) = authenticate(&context, &READ)?;
    let query = workflow_queries::parse(uri.query().unwrap_or_default())?;
    let sandbox = &context.sandbox;
    let now = sandbox.now();
    let (workflows, next) = sandbox.data().list_workflows(user.id, &app.client, &query);
    let show = |workflow: &Workflow| render(workflow, workflow.status(now), now, &context.base);
    Ok(Json(json!({
        "next": next.as_ref().map(workflow_queries::cursor),
        "items": workflows.iter().map(show).collect::<Value>(),
    })))
}

/// `GET /v2/consumer/workflows/{id}`.
pub(crate) async fn get(
    context: RequestContext,
    Path(id): Path<String>,
) -> Result<impl IntoResponse, OrchestratorError> {
    let (user, app) = authenticate(&context, &READ)?;
    let workflow = own(&context, &id, user.id, &app.client)?;
    Ok(show(&context, &workflow))
}

/// `PUT /v2/consumer/workflows/{id}`.
pub(crate) async fn put(
    context: RequestContext,
    Path(id): Path<String>,
) -> Result<impl IntoResponse, OrchestratorError> {
    let change = |workflow: &Workflow| {
        let body = submission::json_body(context.body())?;
        Ok(workflow_changes::from_update(&body, workflow)?)
    };
    change_workflow(&context, &id, change).await
}

/// `PATCH /v2/consumer/workflows/{id}`.
pub(crate) async fn patch(
    context: RequestContext,
    Path(id): Path<String>,
) -> Result<impl IntoResponse, OrchestratorError> {
    let change = |workflow: &Workflow| {
        let status = workflow.status(context.sandbox.now());
        Ok(workflow_changes::from_patch(
            context.body(),
            workflow,
            status,
        )?)
    };
    change_workflow(&context, &id, change).await
}

/// `DELETE /v2/consumer/workflows/{id}`.
pub(crate) async fn delete(
    context: RequestContext,
    Path(id): Path<String>,
) -> Result<impl IntoResponse, OrchestratorError> {
    let (user, app) = authenticate(&context, &WRITE)?;
    let sandbox = &context.sandbox;
    let is_there = sandbox
        .data()
        .delete_workflow(&id, user.id, &app.client, sandbox.now())
        .await?;
    no_content(is_there)
}

async fn change_workflow(
    context: &RequestContext,
    id: &str,
    change: impl FnOnce(&Workflow) -> Result<WorkflowChange, OrchestratorError>,
) -> Result<StatusCode, OrchestratorError> {
    let (user, app) = authenticate(context, &WRITE)?;
    let change = change(&own(context, id, user.id, &app.client)?)?;
    let sandbox = &context.sandbox;
    let is_there = sandbox
        .data()
        .change_workflow(id, user.id, &app.client, change, sandbox.now())
        .await?;
    no_content(is_there)
}

/// The answer to a change or deletion.
fn no_content(is_there: bool) -> Result<StatusCode, OrchestratorError> {
    if is_there {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(OrchestratorError::NotFound)
    }
}

/// A workflow of this user and this client. Workflows of others count as not found.
fn own(
    context: &RequestContext,
    id: &str,
    user: UserId,
    client: &ClientId,
) -> Result<Workflow, OrchestratorError> {
    let found = context.sandbox.data().find_workflow(id);
    let own = found.filter(|found| found.user_id == user && found.client_id == *client);
    own.ok_or(OrchestratorError::NotFound)
}

/// A workflow: 200 if it is finished, 202 if it still runs.
fn show(context: &RequestContext, workflow: &Workflow) -> (StatusCode, Json<Value>) {
    let now = context.sandbox.now();
    let status = workflow.status(now);
    let body = render(workflow, status, now, &context.base);
    let code = match status {
        WorkflowStatus::Processing => StatusCode::ACCEPTED,
        _ => StatusCode::OK,
    };
    (code, Json(body))
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
        "createdAt": workflow.submitted_at,
        "completedAt": completed_at,
        "tags": workflow.tags,
        "metadata": workflow_changes::parsed_metadata(workflow),
        "cost": { "base": workflow.cost, "total": workflow.cost },
        "steps": steps.collect::<Value>(),
    })
}
