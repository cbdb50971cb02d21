//! The actions of the app, with the value and the label of their buttons.

/// An action of the app.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Exchange,
    WrongVerifier,
    ExchangeAgain,
    StartDevice,
    PollDevice,
    ClientCredentials,
    Userinfo,
    Refresh,
    RefreshWithOld,
    Revoke,
    LeaveOutPkce,
    OtherRedirectUri,
    WrongSecret,
}

/// The button of an action: form value and label.
pub(crate) struct Button {
    pub(crate) name: &'static str,
    pub(crate) label: &'static str,
}

impl Action {
    const ALL: [(Self, &'static str, &'static str); 13] = [
        (Self::Exchange, "exchange", "Exchange the code"),
        (
            Self::WrongVerifier,
            "wrong-verifier",
            "Exchange the code with a wrong verifier",
        ),
        (
            Self::ExchangeAgain,
            "exchange-again",
            "Exchange the code again",
        ),
        (Self::StartDevice, "start-device", "Start the device flow"),
        (Self::PollDevice, "poll-device", "Poll for the tokens"),
        (Self::ClientCredentials, "for-itself", "Request a token"),
        (Self::Userinfo, "userinfo", "Request userinfo"),
        (Self::Refresh, "refresh", "Refresh the tokens"),
        (
            Self::RefreshWithOld,
            "refresh-with-old",
            "Use the old refresh token again",
        ),
        (Self::Revoke, "revoke", "Revoke the refresh token"),
        (Self::LeaveOutPkce, "no-pkce", "Leave out PKCE"),
        (
            Self::OtherRedirectUri,
            "other-redirect-uri",
            "Change the redirect URI",
        ),
        (
            Self::WrongSecret,
            "wrong-secret",
            "Send a wrong client secret",
        ),
    ];

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let found = Self::ALL.into_iter().find(|(_, name, _)| *name == text);
        found.map(|(action, ..)| action)
    }

    pub(crate) fn button(self) -> Button {
        let found = Self::ALL.into_iter().find(|(action, ..)| *action == self);
        let (_, name, label) = found.expect("every action is in the list");
        Button { name, label }
    }
}
