//! The phases of a run, in the order of a correct client: which are done, and which one is next.

use super::action::Action;
use super::run::{Flow, PlaygroundRun};

/// A phase of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The user signs in and consents in the browser.
    Authorize,
    /// The user approves the device in the browser.
    ApproveDevice,
    /// The app sends a request.
    Send(Action),
}

impl Phase {
    /// The phases of a flow.
    pub(crate) fn all(flow: Flow) -> &'static [Self] {
        match flow {
            Flow::AuthorizationCode => &[
                Self::Authorize,
                Self::Send(Action::Exchange),
                Self::Send(Action::Userinfo),
                Self::Send(Action::Refresh),
                Self::Send(Action::Revoke),
            ],
            Flow::Device => &[
                Self::Send(Action::StartDevice),
                Self::ApproveDevice,
                Self::Send(Action::PollDevice),
                Self::Send(Action::Userinfo),
                Self::Send(Action::Refresh),
                Self::Send(Action::Revoke),
            ],
            Flow::ClientCredentials => &[
                Self::Send(Action::ClientCredentials),
                Self::Send(Action::Userinfo),
            ],
        }
    }

    /// The phase to show: the named one if it is possible, else the first that is not done. None if all are done.
    pub(crate) fn current(run: &PlaygroundRun, named: Option<&str>) -> Option<Self> {
        let all = Self::all(run.flow).iter().copied();
        let named = named.and_then(|name| {
            all.clone()
                .find(|phase| phase.name() == name && phase.is_possible(run))
        });
        let mut open = all.filter(|phase| !phase.is_done(run) && phase.is_possible(run));
        named.or_else(|| open.next())
    }

    /// The value of the query parameter `step`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Authorize => "authorize",
            Self::ApproveDevice => "approve",
            Self::Send(action) => action.button().name,
        }
    }

    /// The label in the list of phases.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Authorize => "Sign in and consent",
            Self::ApproveDevice => "Approve the device",
            Self::Send(action) => action.button().label,
        }
    }

    /// What happens in it.
    pub(crate) fn description(self) -> &'static str {
        match self {
            Self::Authorize => {
                "The app sends the browser to the authorize endpoint. The user signs in and consents, and the browser returns \
                 to the app with a code."
            }
            Self::ApproveDevice => {
                "The device shows a user code. The user opens the verification page in a browser, enters the code and approves."
            }
            Self::Send(Action::Exchange) => {
                "The app exchanges the code and its code_verifier for tokens."
            }
            Self::Send(Action::StartDevice) => {
                "The device requests a device code for itself and a user code for the user."
            }
            Self::Send(Action::PollDevice) => {
                "The device asks for its tokens until the user has approved."
            }
            Self::Send(Action::ClientCredentials) => {
                "The app requests a token with its own credentials, without a user."
            }
            Self::Send(Action::Userinfo) => {
                "The app calls the API with the access token: here, to read who the user is."
            }
            Self::Send(Action::Refresh) => {
                "The app sends the refresh token and receives new tokens. The old refresh token is no longer valid."
            }
            Self::Send(Action::Revoke) => {
                "The user signs out: the app revokes the refresh token, and with it the access tokens."
            }
            Self::Send(_) => "",
        }
    }

    pub(crate) fn is_done(self, run: &PlaygroundRun) -> bool {
        match self {
            Self::Authorize => run.code.is_some(),
            Self::ApproveDevice => run.is_approved || run.access_token.is_some(),
            Self::Send(Action::StartDevice) => run.device_code.is_some(),
            Self::Send(Action::Exchange | Action::PollDevice | Action::ClientCredentials) => {
                run.access_token.is_some()
            }
            Self::Send(action) => run.done.contains(&action),
        }
    }

    pub(crate) fn is_possible(self, run: &PlaygroundRun) -> bool {
        let has_no_token = run.access_token.is_none();
        match self {
            Self::Authorize => run.code.is_none(),
            Self::ApproveDevice | Self::Send(Action::PollDevice) => {
                run.device_code.is_some() && has_no_token
            }
            Self::Send(Action::StartDevice) => run.device_code.is_none(),
            Self::Send(Action::Exchange) => run.code.is_some() && has_no_token,
            Self::Send(Action::ClientCredentials) => has_no_token,
            Self::Send(Action::Userinfo) => !has_no_token,
            Self::Send(_) => run.refresh_token.is_some(),
        }
    }
}
