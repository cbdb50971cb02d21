//! The checklist of the start page: what the app has done so far, and what it should handle next. Each state that the app
//! should handle can be brought about with one click.

use axum::http::StatusCode;
use axum::response::Response;

use super::requests::request_path;
use super::{problem, status_line};
use crate::control::{
    Budget, ControlError, ExpireTokens, NewPresetFault, Preset, Window, is_preset_on,
};
use crate::http::base_url::BaseUrl;
use crate::http::body::Form;
use crate::http::context::RequestContext;
use crate::http::respond;
use crate::invalid::Invalid;
use crate::sandbox::Sandbox;
use crate::sandbox::progress::Step;

/// The path of the buttons, below the prefix of a sandbox. `GET` is the start page, which the journal does not record here.
const PATH: &str = "/_mock/first-sign-in";

/// The steps of a first sign-in: what the app has done.
const STEPS: [(Step, &str); 6] = [
    (Step::SignInStarted, "Your app sent a user to sign in"),
    (Step::Approved, "The user approved the consent"),
    (Step::CodeExchanged, "The code was exchanged for tokens"),
    (Step::UserRead, "Your app read the user"),
    (Step::Refreshed, "Your app refreshed the tokens"),
    (Step::Revoked, "Your app revoked a token on sign-out"),
];

/// The states that an app should handle.
const SCENARIOS: [Scenario; 6] = [
    Scenario {
        name: "deny-consent",
        text: "The user denies the consent",
        step: Step::Denied,
        button: "Deny the next consent",
        trigger: Trigger::Fault(Preset::ConsentDenied),
    },
    Scenario {
        name: "expire-tokens",
        text: "The access token has expired: refresh it",
        step: Step::RefreshedAfterExpiry,
        button: "Expire access tokens",
        trigger: Trigger::Expiry,
    },
    Scenario {
        name: "refuse-refresh",
        text: "The refresh is refused: sign in again",
        step: Step::SignInAfterRefusal,
        button: "Refuse the next refresh",
        trigger: Trigger::Fault(Preset::RefreshRevoked),
    },
    Scenario {
        name: "limit-spending",
        text: "The spending limit is reached",
        step: Step::SpendRefused,
        button: "Set limits of 1 Buzz",
        trigger: Trigger::SpendingLimit,
    },
    Scenario {
        name: "limit-rate",
        text: "Too many requests: retry later",
        step: Step::TokensAfterRateLimit,
        button: "Answer 429 once",
        trigger: Trigger::Fault(Preset::RateLimited),
    },
    Scenario {
        name: "delay-token",
        text: "The token endpoint takes 3 s",
        step: Step::WaitedForTokens,
        button: "Delay the next tokens",
        trigger: Trigger::Fault(Preset::TokenEndpointSlow),
    },
];

/// A state that an app should handle.
#[derive(Debug, Clone, Copy)]
struct Scenario {
    name: &'static str,
    text: &'static str,
    /// What the app does when it handles the state.
    step: Step,
    button: &'static str,
    trigger: Trigger,
}

/// What brings a state about.
#[derive(Debug, Clone, Copy)]
enum Trigger {
    /// A fault that applies once.
    Fault(Preset),
    Expiry,
    SpendingLimit,
}

/// A line of the checklist.
#[derive(Debug)]
pub(crate) struct CheckItem {
    pub(crate) text: &'static str,
    /// The request that did it, with its page.
    pub(crate) done: Option<(u64, String)>,
    /// The button that brings the state about: its value and its label.
    pub(crate) button: Option<(&'static str, &'static str)>,
    /// Whether a fault waits for the next request.
    pub(crate) is_armed: bool,
}

/// The checklist.
#[derive(Debug)]
pub(crate) struct Checklist {
    pub(crate) steps: Vec<CheckItem>,
    pub(crate) states: Vec<CheckItem>,
    pub(crate) action: String,
}

impl Checklist {
    pub(crate) fn new(sandbox: &Sandbox, base: &BaseUrl) -> Self {
        let done = |step| {
            let id = sandbox.progress.request(step)?;
            Some((id, request_path(base, id)))
        };
        let step = |(step, text)| CheckItem {
            text,
            done: done(step),
            button: None,
            is_armed: false,
        };
        let state = |scenario: Scenario| CheckItem {
            text: scenario.text,
            done: done(scenario.step),
            button: Some((scenario.name, scenario.button)),
            is_armed: scenario.is_armed(sandbox),
        };
        Self {
            steps: STEPS.map(step).into(),
            states: SCENARIOS.map(state).into(),
            action: base.path(PATH),
        }
    }

    /// How many steps and states are done.
    pub(crate) fn done(&self) -> usize {
        let all = self.steps.iter().chain(&self.states);
        all.filter(|item| item.done.is_some()).count()
    }

    /// How many steps and states there are.
    pub(crate) fn total(&self) -> usize {
        self.steps.len() + self.states.len()
    }
}

impl Scenario {
    fn is_armed(self, sandbox: &Sandbox) -> bool {
        let Trigger::Fault(preset) = self.trigger else {
            return false;
        };
        is_preset_on(preset, &sandbox.list_faults().faults)
    }

    async fn bring_about(self, sandbox: &Sandbox) -> Result<String, ControlError> {
        match self.trigger {
            Trigger::Fault(preset) => {
                sandbox
                    .add_fault_preset(NewPresetFault::from(preset).times(1))
                    .await?;
                Ok(format!("Fault {} turned on, once", preset.name()))
            }
            Trigger::Expiry => {
                let expired = sandbox
                    .expire_tokens(ExpireTokens::default())
                    .await?
                    .expired;
                Ok(match expired {
                    0 if sandbox.data().has_access_token() => {
                        "All access tokens have already expired".to_owned()
                    }
                    0 => "There are no access tokens: sign in first".to_owned(),
                    1 => "1 access token expired".to_owned(),
                    expired => format!("{expired} access tokens expired"),
                })
            }
            Trigger::SpendingLimit => limit_spending(sandbox).await,
        }
    }
}

/// Limits what each app may spend to 1 buzz a day. The budgets of the users stay.
async fn limit_spending(sandbox: &Sandbox) -> Result<String, ControlError> {
    let budget = Budget::Sliding {
        limit: 1,
        window: Window::Day,
        unit: 1,
        currencies: None,
    };
    Ok(match sandbox.add_budget(&budget).await? {
        (_, 0) => "No app has a remembered consent yet: sign in first".to_owned(),
        (limited, all) if limited < all => format!(
            "{limited} of {all} consents are limited to 1 Buzz a day: the others have as many budgets as they may have"
        ),
        (1, _) => "1 consent is limited to 1 Buzz a day".to_owned(),
        (limited, _) => format!("{limited} consents are limited to 1 Buzz a day"),
    })
}

/// `POST /_mock/first-sign-in`: brings a state about.
pub(crate) async fn post(context: RequestContext, Form(params): Form) -> Response {
    let back = context.base.path("/");
    let name = params.text("state").unwrap_or_default();
    let named = SCENARIOS.iter().find(|scenario| scenario.name == name);
    let done = if let Some(scenario) = named {
        scenario.bring_about(&context.sandbox).await
    } else {
        let error = Invalid::new("state", format!("unknown state {name:?}"));
        Err(error.with_hint("use the buttons of the page").into())
    };
    match done {
        Ok(done) => status_line::redirect_with(&back, &done),
        Err(ControlError::Store(error)) => respond::failure(&error),
        Err(error) => problem::page_with_back(&context, StatusCode::BAD_REQUEST, &error, back),
    }
}
