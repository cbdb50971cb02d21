//! `/_mock/findings`: the findings of advice as a page; `/_mock/advice` has them as JSON.

use std::sync::Arc;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::layout::{ConsoleLayout, console_page};
use super::navigation::ConsolePage;
use super::playground::quoted;
use super::requests::Row;
use super::time_text::ago;
use crate::advice::{MAX_REQUESTS, rules};
use crate::control::{Advice, ControlError, ControlResult, Finding, Severity};
use crate::http::base_url::BaseUrl;
use crate::http::context::RequestContext;
use crate::http::respond;
use crate::http::state::ServerState;
use crate::protocol::params::Params;
use crate::sandbox::Sandbox;

const PATH: &str = "/_mock/findings";

/// The most clients that have a chip, apart from the chosen one.
const MAX_CLIENTS: usize = 12;

/// With more findings than this, each one is collapsed.
const MAX_OPEN: usize = 3;

#[derive(Template)]
#[template(path = "findings.html")]
struct FindingsPage {
    layout: ConsoleLayout,
    sandbox: String,
    problem: Option<String>,
    report: Option<Report>,
    /// The paths of the start page and of the playground.
    start: String,
    playground: String,
    /// A shell command that fails if there are findings.
    command: String,
    json: String,
    sarif: String,
}

/// What advice found.
struct Report {
    verdict: Verdict,
    clients: Vec<ClientChip>,
    /// The findings of each severity that has some.
    groups: Vec<Group>,
    are_open: bool,
    /// How many rules there are.
    rules: usize,
    evicted: u64,
}

/// The result in one line.
struct Verdict {
    /// `bad`, `warn`, `good` or `none`.
    kind: &'static str,
    icon: &'static str,
    title: String,
    text: String,
}

/// A link that limits the page to one client.
struct ClientChip {
    name: String,
    href: String,
    count: usize,
    is_current: bool,
}

/// The findings of one severity.
struct Group {
    name: &'static str,
    /// What the severity means.
    title: &'static str,
    icon: &'static str,
    /// The class of the count.
    count_kind: &'static str,
    rows: Vec<FindingRow>,
}

struct FindingRow {
    finding: Finding,
    client: String,
    /// The requests that show it and are still in the journal.
    requests: Vec<Row>,
    /// How often and when it was last seen: `2×, 3 min ago`; `20+×` for as many requests as a finding lists.
    last_seen: String,
}

/// `GET /_mock/findings`, of one client if the query names it.
pub(crate) async fn get(
    State(state): State<Arc<ServerState>>,
    context: RequestContext,
    RawQuery(query): RawQuery,
) -> Response {
    let params = Params::from_urlencoded(query.unwrap_or_default().as_bytes());
    let client = params.text("client_id").map(str::trim);
    let client = client.filter(|id| !id.is_empty());
    let (status, report, problem) = match report(&context, client).await {
        Ok(report) => (StatusCode::OK, Some(report), None),
        Err(ControlError::Store(error)) => return respond::failure(&error),
        Err(ControlError::Busy(error)) => {
            let text = Some(error.to_string());
            (StatusCode::SERVICE_UNAVAILABLE, None, text)
        }
        Err(ControlError::Invalid(error) | ControlError::NotFound(error)) => {
            (StatusCode::BAD_REQUEST, None, Some(error.to_string()))
        }
        Err(_) => (StatusCode::BAD_REQUEST, None, None),
    };
    let (base, sandbox) = (&context.base, context.sandbox.name());
    let filter = client.map_or_else(String::new, |id| format!("&{}", client_query(id)));
    let here = client.map_or_else(String::new, |id| format!("?{}", client_query(id)));
    let layout = ConsoleLayout::new(&state, &context, ConsolePage::Findings);
    let shown = FindingsPage {
        layout: layout.returning_to(base.path(&format!("{PATH}{here}"))),
        problem,
        report,
        start: base.path(ConsolePage::Start.path()),
        playground: base.path(ConsolePage::Playground.path()),
        command: command(base, client),
        json: base.path(&format!("/_mock/advice?format=json{filter}")),
        sarif: base.path(&format!("/_mock/advice?format=sarif{filter}")),
        sandbox: sandbox.to_owned(),
    };
    console_page(status, &shown.layout, &shown)
}

/// A shell command that fails if the client, or any client, has an error or a warning.
fn command(base: &BaseUrl, client: Option<&str>) -> String {
    let server = quoted(&base.to_string());
    let client = client.map_or_else(String::new, |id| format!(" --client {}", quoted(id)));
    format!("civitai-oauth-mock advice --fail-on warning --server {server}{client}")
}

async fn report(context: &RequestContext, client: Option<&str>) -> ControlResult<Report> {
    let (sandbox, base) = (&context.sandbox, &context.base);
    let all = sandbox.advice(None).await?;
    let advice = match client {
        None => Arc::clone(&all),
        Some(_) => sandbox.advice(client).await?,
    };
    let rows = advice.findings.iter().cloned();
    let rows: Vec<FindingRow> = rows.map(|one| finding_row(one, sandbox, base)).collect();
    Ok(Report {
        verdict: verdict(&advice),
        clients: client_chips(&all, client, sandbox, base),
        are_open: rows.len() <= MAX_OPEN,
        groups: groups(rows),
        rules: rules().count(),
        evicted: advice.evicted,
    })
}

fn verdict(advice: &Advice) -> Verdict {
    let summary = advice.summary();
    let (errors, warnings) = (
        advice.count(Severity::Error),
        advice.count(Severity::Warning),
    );
    let (kind, icon, title, text) = match (errors, warnings) {
        _ if advice.requests == 0 => {
            let text = "Let your app sign in, call the API and refresh its tokens.".to_owned();
            ("none", "requests", "No requests yet".to_owned(), text)
        }
        (0, 0) => {
            let text = match advice.count(Severity::Hint) {
                0 => "Every rule was applied to every request of your app.",
                _ => "There are only hints: good practice, nothing that fails.",
            };
            ("good", "passed", summary, text.to_owned())
        }
        (0, _) => {
            let title = match warnings {
                1 => "No errors, 1 warning".to_owned(),
                _ => format!("No errors, {warnings} warnings"),
            };
            ("warn", "alert", title, format!("{summary}."))
        }
        _ => {
            let title = match errors {
                1 => "1 mistake would fail on Civitai".to_owned(),
                _ => format!("{errors} mistakes would fail on Civitai"),
            };
            ("bad", "refused", title, format!("{summary}."))
        }
    };
    Verdict {
        kind,
        icon,
        title,
        text,
    }
}

/// A chip for all clients and one for each client with findings, if there are several.
fn client_chips(
    all: &Advice,
    chosen: Option<&str>,
    sandbox: &Sandbox,
    base: &BaseUrl,
) -> Vec<ClientChip> {
    let ids = all
        .findings
        .iter()
        .filter_map(|one| one.client_id.as_deref());
    let mut ids: Vec<&str> = ids.chain(chosen).collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.len() < 2 && chosen.is_none() {
        return Vec::new();
    }
    let everything = ClientChip {
        name: "All clients".to_owned(),
        href: base.path(PATH),
        count: all.findings.len(),
        is_current: chosen.is_none(),
    };
    let chip = |id: &str| ClientChip {
        name: client_name(Some(id), sandbox),
        href: base.path(&format!("{PATH}?{}", client_query(id))),
        count: {
            let own = all.findings.iter();
            own.filter(|one| one.client_id.as_deref() == Some(id))
                .count()
        },
        is_current: chosen == Some(id),
    };
    let each = ids.into_iter().enumerate();
    let each = each.filter(|(at, id)| *at < MAX_CLIENTS || chosen == Some(*id));
    std::iter::once(everything)
        .chain(each.map(|(_, id)| chip(id)))
        .collect()
}

fn client_query(id: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("client_id", id).finish()
}

fn client_name(id: Option<&str>, sandbox: &Sandbox) -> String {
    let Some(id) = id else {
        return "Unknown client".to_owned();
    };
    let known = sandbox.data().find_client(id);
    known.map_or_else(|| id.to_owned(), |client| client.name.clone())
}

/// The findings by severity, the most severe first.
fn groups(mut rows: Vec<FindingRow>) -> Vec<Group> {
    let group = |severity: &Severity| {
        let (title, icon, count_kind) = match severity {
            Severity::Error => ("Errors: fail on Civitai", "refused", "refused"),
            Severity::Warning => (
                "Warnings: fail under load or under the other contract, or reveal a secret",
                "alert",
                "warn",
            ),
            Severity::Hint => ("Hints: good practice", "hint", "accent"),
        };
        let own = |row: &mut FindingRow| row.finding.severity == *severity;
        Group {
            name: severity.name(),
            title,
            icon,
            count_kind,
            rows: rows.extract_if(.., own).collect(),
        }
    };
    let mut groups: Vec<Group> = Severity::ALL.iter().map(group).collect();
    groups.retain(|group| !group.rows.is_empty());
    groups
}

fn finding_row(finding: Finding, sandbox: &Sandbox, base: &BaseUrl) -> FindingRow {
    let found = sandbox.journal_requests(&finding.requests);
    let last = found.iter().map(|one| one.at).max();
    // A finding lists the newest requests only.
    let times = match finding.requests.len() {
        MAX_REQUESTS.. => format!("{MAX_REQUESTS}+"),
        times => times.to_string(),
    };
    let last_seen = last.map_or_else(String::new, |at| {
        format!("{times}×, {}", ago(sandbox.now(), at))
    });
    FindingRow {
        client: client_name(finding.client_id.as_deref(), sandbox),
        requests: found
            .iter()
            .map(|one| Row::new(one, sandbox, base))
            .collect(),
        last_seen,
        finding,
    }
}
