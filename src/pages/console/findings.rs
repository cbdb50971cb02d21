//! `/_mock/findings`: the findings of advice as a page; `/_mock/advice` has them as JSON.

use std::sync::Arc;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;

use crate::control::{ControlError, Finding, Severity};
use crate::http::base_url::BaseUrl;
use crate::http::context::RequestContext;
use crate::http::respond;
use crate::http::state::ServerState;
use crate::pages::console::layout::{ConsoleLayout, console_page};
use crate::pages::console::navigation::ConsolePage;
use crate::protocol::params::Params;
use crate::sandbox::Sandbox;

const PATH: &str = "/_mock/findings";

#[derive(Template)]
#[template(path = "findings.html")]
struct Findings {
    layout: ConsoleLayout,
    here: String,
    /// The path of the JSON.
    advice: String,
    sandbox: String,
    client_id: String,
    problem: Option<String>,
    /// The findings of each severity that has some.
    groups: Vec<Group>,
    /// How many requests were checked.
    checked: u64,
}

/// The findings of one severity.
struct Group {
    name: &'static str,
    /// Errors, warnings or hints, with what they mean.
    title: &'static str,
    icon: &'static str,
    rows: Vec<Row>,
}

struct Row {
    finding: Finding,
    client: Option<String>,
    /// The requests that show it, each with its link.
    requests: Vec<(u64, String)>,
}

/// `GET /_mock/findings`, of one client if the query names it.
pub(crate) async fn get(
    State(state): State<Arc<ServerState>>,
    context: RequestContext,
    RawQuery(query): RawQuery,
) -> Response {
    let (sandbox, base) = (&context.sandbox, &context.base);
    let params = Params::from_urlencoded(query.unwrap_or_default().as_bytes());
    let client_id = params
        .text("client_id")
        .unwrap_or_default()
        .trim()
        .to_owned();
    let client = Some(client_id.as_str()).filter(|id| !id.is_empty());
    let (status, findings, problem) = match sandbox.advice(client).await {
        Ok(advice) => (StatusCode::OK, advice.findings.clone(), None),
        Err(ControlError::Store(error)) => return respond::failure(&error),
        Err(ControlError::Invalid(error) | ControlError::NotFound(error)) => {
            (StatusCode::BAD_REQUEST, Vec::new(), Some(error.to_string()))
        }
        Err(ControlError::Busy(error)) => (
            StatusCode::SERVICE_UNAVAILABLE,
            Vec::new(),
            Some(error.to_string()),
        ),
        Err(_) => (StatusCode::BAD_REQUEST, Vec::new(), None),
    };
    let rows: Vec<Row> = findings
        .into_iter()
        .map(|finding| row(finding, sandbox, base))
        .collect();
    let shown = Findings {
        layout: ConsoleLayout::new(&state, &context, ConsolePage::Findings),
        here: base.path(PATH),
        advice: base.path("/_mock/advice"),
        sandbox: sandbox.name().to_owned(),
        client_id,
        problem,
        groups: groups(rows),
        checked: sandbox.journal.kind_counts().app(),
    };
    console_page(status, &shown.layout, &shown)
}

/// The findings by severity, the most severe first.
fn groups(mut rows: Vec<Row>) -> Vec<Group> {
    let groups = [
        (
            Severity::Error,
            "error",
            "Errors: fail on Civitai",
            "refused",
        ),
        (
            Severity::Warning,
            "warning",
            "Warnings: fail under load or under the other contract, or reveal a secret",
            "alert",
        ),
        (Severity::Hint, "hint", "Hints: good practice", "hint"),
    ];
    let group = |(severity, name, title, icon)| {
        let own = |row: &mut Row| row.finding.severity == severity;
        Group {
            name,
            title,
            icon,
            rows: rows.extract_if(.., own).collect(),
        }
    };
    let mut groups: Vec<Group> = groups.into_iter().map(group).collect();
    groups.retain(|group| !group.rows.is_empty());
    groups
}

fn row(finding: Finding, sandbox: &Sandbox, base: &BaseUrl) -> Row {
    let href = |id: u64| base.path(&format!("/_mock/requests/{id}"));
    let client = finding.client_id.as_deref().map(|id| {
        let known = sandbox.data().find_client(id);
        known.map_or_else(|| id.to_owned(), |client| client.name.clone())
    });
    Row {
        client,
        requests: finding.requests.iter().map(|id| (*id, href(*id))).collect(),
        finding,
    }
}
