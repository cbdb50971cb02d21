//! `/_mock/findings`: the findings of advice as a page; `/_mock/advice` has them as JSON.

use askama::Template;
use axum::extract::RawQuery;
use axum::http::StatusCode;
use axum::response::Response;

use crate::control::{ControlError, Finding, Severity};
use crate::http::base_url::BaseUrl;
use crate::http::context::RequestContext;
use crate::http::respond;
use crate::pages::view::{Layout, NavItem, page};
use crate::protocol::params::Params;

const PATH: &str = "/_mock/findings";

#[derive(Template)]
#[template(path = "findings.html")]
struct Findings {
    layout: Layout,
    here: String,
    /// The path of the JSON.
    advice: String,
    sandbox: String,
    client_id: String,
    problem: Option<String>,
    rows: Vec<Row>,
}

struct Row {
    finding: Finding,
    is_error_or_warning: bool,
    /// The requests that show it, each with its link.
    requests: Vec<(u64, String)>,
}

/// `GET /_mock/findings`, of one client if the query names it.
pub(crate) async fn get(context: RequestContext, RawQuery(query): RawQuery) -> Response {
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
    let rows = findings.into_iter().map(|finding| row(finding, base));
    let shown = Findings {
        layout: Layout::at(base, NavItem::Advice),
        here: base.path(PATH),
        advice: base.path("/_mock/advice"),
        sandbox: sandbox.name().to_owned(),
        client_id,
        problem,
        rows: rows.collect(),
    };
    page(status, &shown.layout, &shown)
}

fn row(finding: Finding, base: &BaseUrl) -> Row {
    // The dashboard page that starts with the exchange.
    let href = |id: u64| base.path(&format!("/_mock?before={}#request-{id}", id + 1));
    Row {
        is_error_or_warning: finding.severity != Severity::Hint,
        requests: finding.requests.iter().map(|id| (*id, href(*id))).collect(),
        finding,
    }
}
