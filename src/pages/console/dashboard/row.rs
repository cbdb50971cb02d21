//! One request of the journal, as HTML.

use askama::Template;
use serde_json::{Map, Value};

use crate::contract::{Contract, DIFFERENCES};
use crate::control::{Explanation, JournalRequest, describe_fault};
use crate::http::base_url::BaseUrl;

/// The path of the dashboard.
pub(crate) const PATH: &str = "/_mock";

/// Longer values are cut on the page; `GET /_mock/requests` has the whole values.
const MAX_VALUE_BYTES: usize = 300;

/// The most bytes of parameters, and of headers, for one request.
const MAX_PAIRS_BYTES: usize = 2000;

/// A difference that the response depended on, with the behaviour under each contract.
struct DifferenceRow {
    name: &'static str,
    contract: &'static str,
    here: &'static str,
    /// The contracts that differ, with their behaviour.
    there: Vec<(String, &'static str)>,
    /// Whether the response to this request would have differed.
    is_divergent: bool,
}

/// A fault that applied to a request.
struct FaultRow {
    id: u64,
    /// What it does, or did before it was removed.
    what: String,
}

/// Names and values, as many as have room, and the number of the others.
struct Pairs {
    shown: Vec<(String, String)>,
    more: usize,
}

/// A request as the dashboard shows it.
#[derive(Template)]
#[template(path = "request.html")]
pub(crate) struct Row {
    pub(crate) id: u64,
    at: String,
    /// The time of day, in UTC.
    time: String,
    method: String,
    path: String,
    status: String,
    good: bool,
    error: Option<String>,
    client: Option<String>,
    user: Option<i64>,
    params: Pairs,
    headers: Pairs,
    location: Option<String>,
    answer: Option<String>,
    explanation: Option<Explanation>,
    differences: Vec<DifferenceRow>,
    faults: Vec<FaultRow>,
    extensions: Vec<&'static str>,
    faults_href: String,
}

impl Row {
    pub(crate) fn new(one: &JournalRequest, base: &BaseUrl) -> Self {
        let good = one.status.is_some_and(|status| status < 400) && one.error.is_none();
        let answer = one.response_body.as_ref();
        let answer = answer
            .map(|answer| serde_json::to_string_pretty(answer).expect("a JSON value is JSON"));
        Self {
            id: one.id,
            at: one.at.to_string(),
            time: time_of_day(&one.at.to_string()).to_owned(),
            method: cut(&one.method),
            path: cut(&one.path),
            status: one
                .status
                .map_or("no response".to_owned(), |status| status.to_string()),
            good,
            error: one.error.clone(),
            client: one.client_id.as_deref().map(cut),
            user: one.user,
            params: pairs(&one.params),
            headers: pairs(&one.headers),
            location: one.location.as_deref().map(cut),
            answer: answer.as_deref().map(cut),
            explanation: one.reason.clone(),
            differences: one
                .differences
                .iter()
                .filter_map(|decided| {
                    let entry = DIFFERENCES
                        .iter()
                        .find(|entry| entry.difference == decided.name)?;
                    let here = entry.behavior(decided.contract).answer;
                    let mut there: Vec<(String, &'static str)> = Vec::new();
                    for contract in Contract::ALL {
                        let answer = entry.behavior(contract).answer;
                        if let Some((names, _)) = there.iter_mut().find(|(_, one)| *one == answer) {
                            names.push_str(", ");
                            names.push_str(contract.name());
                        } else if answer != here {
                            there.push((contract.to_string(), answer));
                        }
                    }
                    Some(DifferenceRow {
                        name: decided.name.name(),
                        contract: decided.contract.name(),
                        here,
                        there,
                        is_divergent: decided.other_contract_differs,
                    })
                })
                .collect(),
            faults: (one.faults.iter().zip(&one.applied_faults))
                .map(|(id, fault)| FaultRow {
                    id: *id,
                    what: describe_fault(fault),
                })
                .collect(),
            extensions: one.extensions.clone(),
            faults_href: format!("{}#faults", base.path(PATH)),
        }
    }
}

/// Of `2026-01-31T12:00:00.5Z`, `12:00:00`.
fn time_of_day(moment: &str) -> &str {
    let time = moment.split_once('T').map_or(moment, |(_, time)| time);
    time.get(..8).unwrap_or(time)
}

fn pairs(object: &Map<String, Value>) -> Pairs {
    let text = |value: &Value| match value {
        Value::String(text) => cut(text),
        other => cut(&other.to_string()),
    };
    let mut room = MAX_PAIRS_BYTES;
    let mut shown = Vec::new();
    for (name, value) in object {
        let pair = (cut(name), text(value));
        let Some(left) = room.checked_sub(pair.0.len() + pair.1.len()) else {
            break;
        };
        room = left;
        shown.push(pair);
    }
    let more = object.len() - shown.len();
    Pairs { shown, more }
}

fn cut(text: &str) -> String {
    if text.len() <= MAX_VALUE_BYTES {
        return text.to_owned();
    }
    format!("{}…", &text[..text.floor_char_boundary(MAX_VALUE_BYTES)])
}
