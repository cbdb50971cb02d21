//! What the page of a run shows: the phases, the current one, the steps so far, and the mistakes to try.

use super::action::{Action, Button};
use super::actions::{authorize, authorize_query};
use super::client::CapturedExchange;
use super::phases::Phase;
use super::run::{Check, PATH, PlaygroundRun, Step};
use crate::control::{JournalRequest, describe_fault};
use crate::http::context::RequestContext;
use crate::model::code;
use crate::pages::console::requests::{milliseconds, request_path};
use crate::pages::console::time_text::duration;
use crate::sandbox::faults::FaultView;

/// The longest description of a fault, in characters.
const MAX_CHARS: usize = 400;

/// A run.
pub(crate) struct RunView {
    pub(crate) grant: &'static str,
    pub(crate) client_name: String,
    pub(crate) client_id: String,
    pub(crate) preset: &'static str,
    /// The redirect URI, if this run has registered it.
    pub(crate) registered: Option<String>,
    /// `Step 4 of 5`, or that all are done.
    pub(crate) progress: String,
    pub(crate) phases: Vec<PhaseView>,
    pub(crate) current: Option<CurrentPhase>,
    /// The steps, newest first.
    pub(crate) steps: Vec<StepView>,
    pub(crate) removed_steps: usize,
    pub(crate) mistakes: Vec<Mistake>,
}

/// A phase in the list.
pub(crate) struct PhaseView {
    pub(crate) number: usize,
    pub(crate) label: &'static str,
    pub(crate) is_done: bool,
    pub(crate) is_current: bool,
    /// Where it can be shown: none while it is not possible.
    pub(crate) href: Option<String>,
    /// The result of the last time, or `next`.
    pub(crate) note: String,
}

/// The phase that is shown, and its request.
pub(crate) struct CurrentPhase {
    pub(crate) title: &'static str,
    pub(crate) description: &'static str,
    /// Who sends the request.
    pub(crate) sender: &'static str,
    /// `POST /api/auth/oauth/token`.
    pub(crate) target: String,
    pub(crate) request: String,
    pub(crate) curl: Option<String>,
    pub(crate) go: Go,
    pub(crate) checks: Vec<Check>,
}

/// How the phase is done.
pub(crate) enum Go {
    /// The browser opens a page: URL and label.
    Open(String, &'static str),
    /// The app sends a request: the value of the button.
    Send(&'static str),
}

/// A request of the run.
pub(crate) struct StepView {
    /// Its place in the run, from 0.
    pub(crate) number: usize,
    pub(crate) step: Step,
    /// `200 OK`.
    pub(crate) status: String,
    /// `ok`, `redirect`, `refused` or `fault`.
    pub(crate) kind: &'static str,
    /// None if the journal no longer has the request.
    pub(crate) milliseconds: Option<String>,
    /// The id and the page of the request.
    pub(crate) recorded: Option<(u64, String)>,
    /// The faults that applied, described.
    pub(crate) faults: Vec<String>,
}

/// A mistake to try.
pub(crate) struct Mistake {
    pub(crate) name: &'static str,
    pub(crate) label: &'static str,
    pub(crate) what: &'static str,
}

impl RunView {
    /// `named` is the phase that the user chose.
    pub(crate) fn new(context: &RequestContext, run: PlaygroundRun, named: Option<&str>) -> Self {
        let current = Phase::current(&run, named);
        let faults = context.sandbox.list_faults().faults;
        let steps = run.steps.iter().cloned().zip(run.removed_steps..);
        let mut steps: Vec<StepView> = steps
            .map(|(step, number)| StepView::new(context, &faults, step, number))
            .collect();
        // Newest first.
        steps.reverse();
        let phases = phases(context, &run, current, &steps);
        let place = phases.iter().find(|phase| phase.is_current);
        let progress = match place {
            Some(phase) => format!("Step {} of {}", phase.number, phases.len()),
            None => "All steps done".to_owned(),
        };
        let mistake = |(action, what): (Action, _)| {
            let Button { name, label } = action.button();
            Mistake { name, label, what }
        };
        Self {
            grant: run.flow.grant_name(),
            preset: run.preset,
            progress,
            phases,
            current: current.map(|phase| current_phase(context, &run, phase)),
            mistakes: Action::mistakes(&run).into_iter().map(mistake).collect(),
            registered: run.registered.then_some(run.redirect_uri),
            client_name: run.client_name,
            client_id: run.client_id,
            removed_steps: run.removed_steps,
            steps,
        }
    }
}

impl StepView {
    /// `active` are the faults of the sandbox.
    pub(crate) fn new(
        context: &RequestContext,
        active: &[FaultView],
        step: Step,
        number: usize,
    ) -> Self {
        let sandbox = &context.sandbox;
        let id = step.exchange.id;
        let recorded: Option<JournalRequest> = sandbox.journal_requests(id.as_slice()).pop();
        let faults = recorded.as_ref().map(|one| one.faults.as_slice());
        let described = |id: &u64| {
            let fault = active.iter().find(|fault| fault.id == *id);
            fault.map_or_else(
                || format!("Fault {id}, which was deleted, applied to this request."),
                |fault| {
                    let what: String = describe_fault(&fault.definition)
                        .chars()
                        .take(MAX_CHARS)
                        .collect();
                    format!("Fault {id} applied to this request. {what}")
                },
            )
        };
        let status = step.exchange.head.lines().next().unwrap_or_default();
        let kind = match (faults, step.exchange.is_success) {
            (Some([_, ..]), false) => "fault",
            (_, false) => "refused",
            (_, true) if status.starts_with('3') => "redirect",
            (_, true) => "ok",
        };
        Self {
            number,
            status: if status.starts_with(|first: char| first.is_ascii_digit()) {
                status.to_owned()
            } else {
                "no response".to_owned()
            },
            kind,
            milliseconds: recorded.as_ref().map(milliseconds),
            recorded: recorded
                .as_ref()
                .map(|one| (one.id, request_path(&context.base, one.id))),
            faults: faults.unwrap_or_default().iter().map(described).collect(),
            step,
        }
    }

    /// The whole response as text.
    pub(crate) fn response(&self) -> String {
        let CapturedExchange { head, body, .. } = &self.step.exchange;
        if body.is_empty() {
            head.clone()
        } else {
            format!("{head}\n\n{body}")
        }
    }

    /// `POST /api/auth/oauth/token · 200 OK · 12 ms`.
    pub(crate) fn summary(&self) -> String {
        let exchange = &self.step.exchange;
        let duration = self.milliseconds.as_ref();
        format!(
            "{} {} · {}{}",
            exchange.method,
            exchange.path,
            self.status,
            duration.map_or_else(String::new, |ms| format!(" · {ms} ms"))
        )
    }
}

/// `steps` are the steps so far, newest first.
fn phases(
    context: &RequestContext,
    run: &PlaygroundRun,
    current: Option<Phase>,
    steps: &[StepView],
) -> Vec<PhaseView> {
    let view = |(index, phase): (usize, &Phase)| {
        let (is_current, is_done) = (Some(*phase) == current, phase.is_done(run));
        let is_last = |view: &&StepView| view.step.title == phase.label();
        let last = steps.iter().find(is_last);
        let note = match last.filter(|_| matches!(phase, Phase::Send(_))) {
            Some(view) => view.outcome(),
            None if is_done => "done".to_owned(),
            None if is_current => "next".to_owned(),
            None => String::new(),
        };
        let path = format!("{PATH}?step={}#next", phase.name());
        PhaseView {
            number: index + 1,
            label: phase.label(),
            is_done,
            is_current,
            href: phase.is_possible(run).then(|| context.base.path(&path)),
            note,
        }
    };
    Phase::all(run.flow).iter().enumerate().map(view).collect()
}

impl StepView {
    /// `200 OK in 12 ms`.
    fn outcome(&self) -> String {
        match &self.milliseconds {
            Some(milliseconds) => format!("{} in {milliseconds} ms", self.status),
            None => self.status.clone(),
        }
    }
}

fn current_phase(context: &RequestContext, run: &PlaygroundRun, phase: Phase) -> CurrentPhase {
    let base = &context.base;
    let (title, description) = (phase.label(), phase.description());
    match phase {
        Phase::Send(action) => {
            let request = action.request(run);
            let unknown = |check: Check| Check {
                outcome: None,
                ..check
            };
            CurrentPhase {
                title,
                description,
                sender: "Your app",
                target: format!("{} {}", request.method(), request.path),
                request: request.shown(base),
                curl: Some(request.curl(base)),
                go: Go::Send(action.button().name),
                checks: action.checks(run, true).into_iter().map(unknown).collect(),
            }
        }
        Phase::Authorize => {
            let request = authorize(authorize_query(run));
            CurrentPhase {
                title,
                description,
                sender: "Browser",
                target: format!("GET {}", request.path),
                request: request.shown(base),
                curl: None,
                go: Go::Open(request.url(base), "Go to sign-in and consent"),
                checks: authorize_checks(context),
            }
        }
        Phase::ApproveDevice => {
            let code = run.user_code.as_ref().map_or("", |code| code.reveal());
            let query: String = url::form_urlencoded::byte_serialize(code.as_bytes()).collect();
            let path = format!("/login/oauth/device?code={query}");
            CurrentPhase {
                title,
                description,
                sender: "Browser",
                target: "GET /login/oauth/device".to_owned(),
                request: format!("The device shows {code}\n\nGET {base}{path}"),
                curl: None,
                go: Go::Open(base.path(&path), "Act as the user: approve the device"),
                checks: vec![Check::new(
                    "Show the user code and the URL, and poll in the background meanwhile.",
                    "RFC 8628 §3.3",
                )],
            }
        }
    }
}

fn authorize_checks(context: &RequestContext) -> Vec<Check> {
    let (seconds, _) = code::lifetime(context.rules(), context.sandbox.settings().code_seconds);
    let life = duration(u64::from(seconds));
    vec![
        Check::new(
            "state is random, new for each attempt, and bound to this browser's session.",
            "RFC 6749 §10.12",
        ),
        Check::new(
            "code_challenge is the S256 hash of a verifier that is new for each attempt and stays in the app.",
            "RFC 7636 §4.1",
        ),
        Check::new(
            format!("The returned code is valid for {life}."),
            "RFC 6749 §4.1.2",
        ),
    ]
}
