//! The detail of a request: beside the list, and on its own page.

use super::pairs::{Pairs, cut};
use super::row::{Named, Outcome, milliseconds, request_path};
use crate::contract::{Contract, DIFFERENCES};
use crate::control::{
    CredentialEventView, CredentialHistory, DecisionView, Endpoint, Explanation, RequestDetail,
    Timestamp, describe_fault,
};
use crate::http::base_url::BaseUrl;
use crate::pages::console::navigation::ConsolePage;
use crate::pages::console::requests::replay;
use crate::pages::console::time_text::{ago, full_time, time_of_day};
use crate::sandbox::Sandbox;

/// A difference that the response depended on, with the behaviour under each contract.
pub(crate) struct DifferenceRow {
    pub(crate) name: &'static str,
    pub(crate) contract: &'static str,
    pub(crate) here: &'static str,
    /// The contracts that differ, with their behaviour.
    pub(crate) there: Vec<(String, &'static str)>,
}

/// A fault that applied to a request.
pub(crate) struct FaultRow {
    pub(crate) id: u64,
    /// What it does, or did before it was removed.
    pub(crate) what: String,
}

/// The explanation of a refusal, with links to the requests that it names.
pub(crate) struct Reason {
    pub(crate) message: Vec<TextPart>,
    pub(crate) rule: Option<String>,
    pub(crate) fix: String,
    pub(crate) source: &'static str,
}

/// A part of a text, and the page that it links to.
pub(crate) struct TextPart {
    pub(crate) text: String,
    pub(crate) href: Option<String>,
}

impl Reason {
    fn new(reason: &Explanation, base: &BaseUrl) -> Self {
        Self {
            message: linked(&capitalized(&reason.message), base),
            rule: reason.rule.as_deref().map(capitalized),
            fix: capitalized(&reason.fix),
            source: reason.source,
        }
    }
}

/// A sentence: the first letter is upper case, unless the first word is a name of code.
fn capitalized(text: &str) -> String {
    let word = text.split([' ', ':']).next().unwrap_or_default();
    if word.contains(['_', '.', '/']) {
        return text.to_owned();
    }
    let mut rest = text.chars();
    let first = rest.next().map(|first| first.to_uppercase().to_string());
    first.unwrap_or_default() + rest.as_str()
}

/// A text with links on each `request 131`.
fn linked(text: &str, base: &BaseUrl) -> Vec<TextPart> {
    const WORD: &str = "request ";
    let plain = |text: &str| TextPart {
        text: text.to_owned(),
        href: None,
    };
    let (mut parts, mut rest) = (Vec::new(), text);
    while let Some(at) = rest.find(WORD) {
        let (before, after) = rest.split_at(at + WORD.len());
        let digits = after.bytes().take_while(u8::is_ascii_digit).count();
        let Ok(id) = after[..digits].parse() else {
            parts.push(plain(before));
            rest = after;
            continue;
        };
        parts.push(plain(&before[..at]));
        parts.push(TextPart {
            text: format!("{WORD}{id}"),
            href: Some(request_path(base, id)),
        });
        rest = &after[digits..];
    }
    parts.push(plain(rest));
    parts
}

/// The requests that issued, used, revoked or sent one credential, oldest first.
pub(crate) struct Timeline {
    pub(crate) value: String,
    pub(crate) events: Vec<TimelineEvent>,
    /// How many older requests sent it in vain.
    pub(crate) omitted: usize,
}

pub(crate) struct TimelineEvent {
    pub(crate) id: u64,
    pub(crate) href: String,
    pub(crate) at: Timestamp,
    pub(crate) time: String,
    pub(crate) action: String,
    pub(crate) is_here: bool,
}

/// The history of the credential that this request sent in vain.
fn timeline(found: &RequestDetail, base: &BaseUrl) -> Option<Timeline> {
    let here = found.request.id;
    let is_refused = |one: &&CredentialHistory| {
        let mut events = one.history.iter();
        one.history.len() > 1
            && events.any(|event| event.request == here && event.action == "refused")
    };
    let credential = found.credentials.iter().find(is_refused)?;
    let event = |event: &CredentialEventView| TimelineEvent {
        id: event.request,
        href: request_path(base, event.request),
        at: event.at,
        time: time_of_day(event.at),
        action: capitalized(event.action),
        is_here: event.request == here,
    };
    Some(Timeline {
        value: credential.value.clone(),
        events: credential.history.iter().map(event).collect(),
        omitted: credential.omitted,
    })
}

/// A parameter, with what the journal knows of its value.
pub(crate) struct Param {
    pub(crate) name: String,
    pub(crate) value: String,
    /// The first other requests that did something with it.
    pub(crate) known: Vec<OtherRequest>,
}

/// Another request, and what it did with a credential.
pub(crate) struct OtherRequest {
    pub(crate) action: &'static str,
    pub(crate) id: u64,
    pub(crate) href: String,
}

impl Param {
    fn new(
        name: String,
        value: String,
        found: &RequestDetail,
        base: &BaseUrl,
        shows_secrets: bool,
    ) -> Self {
        let place = format!("params.{name}");
        let credential = found.credentials.iter().find(|one| one.place == place);
        let events = credential
            .map(|one| one.history.as_slice())
            .unwrap_or_default();
        let others = events.iter().filter(|one| one.request != found.request.id);
        Self {
            known: others
                .take(3)
                .map(|one| OtherRequest {
                    action: one.action,
                    id: one.request,
                    href: request_path(base, one.request),
                })
                .collect(),
            value: match credential {
                Some(credential) if !shows_secrets => credential.value.clone(),
                _ => value,
            },
            name,
        }
    }
}

/// A request with its response.
pub(crate) struct Detail {
    pub(crate) id: u64,
    pub(crate) href: String,
    pub(crate) url: String,
    pub(crate) at: Timestamp,
    pub(crate) time: String,
    pub(crate) full_time: String,
    pub(crate) ago: String,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) outcome: Outcome,
    pub(crate) client: Option<Named>,
    pub(crate) user: Option<Named>,
    pub(crate) milliseconds: String,
    pub(crate) sizes: String,
    pub(crate) reason: Option<Reason>,
    /// The history of the credential that was refused, or of the first one.
    pub(crate) timeline: Option<Timeline>,
    pub(crate) faults: Vec<FaultRow>,
    /// The differences under which the response to this request would have differed.
    pub(crate) divergent: Vec<DifferenceRow>,
    /// The server that would answer differently.
    pub(crate) other_server: &'static str,
    /// The other differences that the response depended on.
    pub(crate) differences: Vec<DifferenceRow>,
    pub(crate) extensions: Vec<&'static str>,
    pub(crate) params: Vec<Param>,
    pub(crate) more_params: usize,
    pub(crate) headers: Pairs,
    pub(crate) location: Option<String>,
    pub(crate) answer: Option<String>,
    pub(crate) curl: Option<String>,
    /// The target of "Send again".
    pub(crate) send: Option<String>,
    pub(crate) shows_secrets: bool,
    pub(crate) faults_href: String,
    pub(crate) newer: Option<(u64, String)>,
    pub(crate) older: Option<(u64, String)>,
    pub(crate) sandbox: String,
    /// Whether Civitai has the endpoint.
    pub(crate) is_civitai: bool,
}

impl Detail {
    #[expect(clippy::too_many_lines, reason = "one line for each field")]
    pub(crate) fn new(
        found: &RequestDetail,
        sandbox: &Sandbox,
        base: &BaseUrl,
        shows_secrets: bool,
    ) -> Self {
        let one = &found.request;
        let answer = one.response_body.as_ref();
        let answer = answer
            .map(|answer| serde_json::to_string_pretty(answer).expect("a JSON value is JSON"));
        let now = sandbox.now();
        let href = request_path(base, one.id);
        let split = |is_divergent: bool| {
            let wanted = one.differences.iter();
            let wanted = wanted.filter(|one| one.other_contract_differs == is_divergent);
            wanted.copied().filter_map(difference).collect::<Vec<_>>()
        };
        let divergent = split(true);
        let is_documented = divergent
            .iter()
            .any(|one| one.contract == Contract::Documented.name());
        let params = Pairs::new(&one.params);
        let can_send = replay::is_for_app(one);
        Self {
            id: one.id,
            url: format!("{}{href}", base.origin()),
            send: can_send.then(|| format!("{href}/send")),
            curl: can_send.then(|| replay::curl(one, base)),
            href,
            at: one.at,
            time: time_of_day(one.at),
            full_time: full_time(one.at),
            ago: ago(now, one.at),
            method: cut(&one.method),
            path: cut(&one.path),
            outcome: Outcome::new(one),
            client: Named::client(one, sandbox),
            user: Named::user(one, sandbox),
            milliseconds: milliseconds(one),
            sizes: format!(
                "{} bytes sent, {} received",
                one.request_bytes,
                one.response_bytes
                    .map_or_else(|| "unknown".to_owned(), |bytes| format!("{bytes} bytes"))
            ),
            reason: one.reason.as_ref().map(|reason| Reason::new(reason, base)),
            timeline: timeline(found, base),
            faults: (one.faults.iter().zip(&one.applied_faults))
                .map(|(id, fault)| FaultRow {
                    id: *id,
                    what: describe_fault(fault),
                })
                .collect(),
            other_server: if is_documented {
                "Civitai’s live server would answer differently here"
            } else {
                "The documentation describes another answer here"
            },
            divergent,
            differences: split(false),
            extensions: one.extensions.clone(),
            more_params: params.more,
            params: params
                .shown
                .into_iter()
                .map(|(name, value)| Param::new(name, value, found, base, shows_secrets))
                .collect(),
            headers: Pairs::new(&one.headers),
            location: one.location.as_deref().map(cut),
            answer: answer.as_deref().map(cut_answer),
            shows_secrets,
            faults_href: base.path(ConsolePage::Faults.path()),
            newer: None,
            older: None,
            sandbox: sandbox.name().to_owned(),
            is_civitai: one.endpoint != Endpoint::Other,
        }
    }

    /// With links to the requests before and after it.
    pub(crate) fn between(self, neighbors: (Option<u64>, Option<u64>), base: &BaseUrl) -> Self {
        let link = |id: u64| (id, request_path(base, id));
        Self {
            newer: neighbors.0.map(link),
            older: neighbors.1.map(link),
            ..self
        }
    }

    /// Whether the card with reason, faults and differences has any content.
    pub(crate) fn has_diagnosis(&self) -> bool {
        self.reason.is_some()
            || !self.faults.is_empty()
            || !self.divergent.is_empty()
            || !self.extensions.is_empty()
    }
}

/// Most answers are short. A long one is whole in `GET /_mock/requests`.
fn cut_answer(answer: &str) -> String {
    const MAX_BYTES: usize = 8000;
    if answer.len() <= MAX_BYTES {
        return answer.to_owned();
    }
    format!("{}…", &answer[..answer.floor_char_boundary(MAX_BYTES)])
}

fn difference(decided: DecisionView) -> Option<DifferenceRow> {
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
    })
}
