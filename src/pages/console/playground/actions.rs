//! The actions of the app: the request of each, the effect of its response, and the checks that a client must do.

use super::client::AppRequest;
use super::run::{Check, Flow, PlaygroundRun, Step};
use crate::http::context::RequestContext;
use crate::http::root_service::RootService;
use crate::protocol::secret::Secret;

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
}

/// The button of an action: form value and label.
pub(crate) struct Button {
    pub(crate) name: &'static str,
    pub(crate) label: &'static str,
}

impl Action {
    const ALL: [(Self, &'static str, &'static str); 10] = [
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

    /// The possible actions: those of a correct client, and mistakes to try.
    pub(crate) fn next(run: &PlaygroundRun) -> (Vec<Self>, Vec<Self>) {
        let (mut next, mut mistakes) = (Vec::new(), Vec::new());
        let has_no_token = run.access_token.is_none();
        match run.flow {
            Flow::AuthorizationCode if run.code.is_some() && has_no_token => {
                next.push(Self::Exchange);
                mistakes.push(Self::WrongVerifier);
            }
            Flow::AuthorizationCode if run.code.is_some() => mistakes.push(Self::ExchangeAgain),
            Flow::Device if run.device_code.is_none() => next.push(Self::StartDevice),
            Flow::Device if has_no_token => next.push(Self::PollDevice),
            Flow::Device => mistakes.push(Self::PollDevice),
            Flow::ClientCredentials if has_no_token => next.push(Self::ClientCredentials),
            Flow::AuthorizationCode | Flow::ClientCredentials => {}
        }
        if !has_no_token {
            next.push(Self::Userinfo);
        }
        if run.refresh_token.is_some() {
            next.extend([Self::Refresh, Self::Revoke]);
        }
        if run.used_refresh_token.is_some() {
            mistakes.push(Self::RefreshWithOld);
        }
        (next, mistakes)
    }

    /// Sends the request and adds the step to the run.
    pub(crate) async fn perform(
        self,
        service: &RootService,
        context: &RequestContext,
        run: &mut PlaygroundRun,
    ) {
        let exchange = self.call(run).send(service, context).await;
        let from_response = |key: &str| exchange.json[key].as_str().map(Secret::new);
        if exchange.good {
            match self {
                Self::StartDevice => {
                    run.device_code = from_response("device_code");
                    run.user_code = exchange.json["user_code"].as_str().map(Secret::from);
                }
                Self::Exchange | Self::PollDevice | Self::ClientCredentials | Self::Refresh => {
                    run.access_token = from_response("access_token");
                    if let Some(new) = from_response("refresh_token") {
                        run.used_refresh_token = run.refresh_token.replace(new);
                    }
                }
                Self::Revoke => run.used_refresh_token = run.refresh_token.take(),
                _ => {}
            }
        } else if matches!(self, Self::Exchange | Self::WrongVerifier)
            && exchange.json["error"] == "invalid_grant"
        {
            // The code is used up: the next attempt needs a new state and verifier.
            run.restart(&context.sandbox);
        }
        let checks = self.checks(run, exchange.good);
        run.add(Step {
            title: self.button().label.to_owned(),
            exchange,
            checks,
        });
    }

    fn call(self, run: &PlaygroundRun) -> AppRequest {
        let form = |path, fields| form(run, path, fields);
        let token = |grant: &str, fields| token(run, grant, fields);
        match self {
            Self::Exchange | Self::ExchangeAgain | Self::WrongVerifier => {
                let verifier = match self {
                    // Well-formed, but never the right one.
                    Self::WrongVerifier => "0".repeat(64),
                    _ => run.verifier.reveal().to_owned(),
                };
                let fields = vec![
                    ("code", text(run.code.as_ref())),
                    ("redirect_uri", run.redirect_uri.clone()),
                    ("code_verifier", verifier),
                ];
                token("authorization_code", fields)
            }
            Self::StartDevice => {
                let scope = vec![("scope", run.scope.to_string())];
                form("/api/auth/oauth/device", scope)
            }
            Self::PollDevice => {
                let grant = "urn:ietf:params:oauth:grant-type:device_code".to_owned();
                let fields = vec![
                    ("grant_type", grant),
                    ("device_code", text(run.device_code.as_ref())),
                ];
                form("/api/auth/oauth/device-token", fields)
            }
            Self::ClientCredentials => {
                token("client_credentials", vec![("scope", run.scope.to_string())])
            }
            Self::Userinfo => AppRequest {
                path: "/api/auth/oauth/userinfo",
                form: None,
                bearer: Some(text(run.access_token.as_ref())),
            },
            Self::Refresh => token(
                "refresh_token",
                vec![("refresh_token", text(run.refresh_token.as_ref()))],
            ),
            Self::RefreshWithOld => {
                let old = vec![("refresh_token", text(run.used_refresh_token.as_ref()))];
                token("refresh_token", old)
            }
            Self::Revoke => form(
                "/api/auth/oauth/revoke",
                vec![("token", text(run.refresh_token.as_ref()))],
            ),
        }
    }

    /// The checks that a client must do.
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn checks(self, run: &PlaygroundRun, good: bool) -> Vec<Check> {
        let check = Check::new;
        let refused = |text: &str, source| Check {
            outcome: Some(!good),
            ..Check::new(text, source)
        };
        match self {
            Self::Exchange => vec![
                check(
                    "The code works once and for ten minutes: exchange it immediately, from the back end if there is one.",
                    "RFC 6749 §4.1.2",
                ),
                check(
                    "redirect_uri must match the one in the authorize URL exactly.",
                    "RFC 6749 §4.1.3",
                ),
                check(
                    "Compare scope with the requested scope: it may be smaller, and always includes UserRead.",
                    "RFC 6749 §5.1",
                ),
                check(
                    "Store the expiry time (now + expires_in) and both tokens securely.",
                    "RFC 6749 §10.3",
                ),
            ],
            Self::WrongVerifier => vec![
                refused(
                    "An attacker who intercepts the code cannot exchange it without the verifier.",
                    "RFC 7636 §4.6",
                ),
                check(
                    "The failed attempt used up the code: start again with a new verifier and a new state.",
                    "RFC 7636 §4.6",
                ),
            ],
            Self::ExchangeAgain => vec![refused(
                "A used code is rejected. Tokens issued for it stay valid.",
                "RFC 6749 §4.1.2",
            )],
            Self::StartDevice => vec![
                check(
                    "Show user_code and verification_uri to the user, and do not poll faster than interval.",
                    "RFC 8628 §3.3",
                ),
                check("Stop after expires_in and start again.", "RFC 8628 §3.5"),
            ],
            Self::PollDevice => vec![
                check(
                    "authorization_pending: keep polling. slow_down: increase the interval by five seconds.",
                    "RFC 8628 §3.5",
                ),
                check(
                    "Every other error is final: access_denied, expired_token.",
                    "RFC 8628 §3.5",
                ),
            ],
            Self::ClientCredentials => vec![check(
                "This token acts for the owner of the app; no user has signed in.",
                "RFC 6749 §4.4",
            )],
            Self::Userinfo => vec![
                check(
                    "Identify users by sub: it stays the same when the username changes.",
                    "OpenID Connect Core §5.7",
                ),
                check(
                    "On 401, refresh once and try again; if that fails, ask the user to sign in.",
                    "RFC 6750 §3.1",
                ),
            ],
            Self::Refresh => vec![
                Check {
                    outcome: Some(run.used_refresh_token.is_some() && good),
                    ..check(
                        "Store the new refresh token first: the old one is no longer valid.",
                        "RFC 9700 §4.14.2",
                    )
                },
                check(
                    "Run one refresh at a time: of two parallel ones, the second is rejected.",
                    "RFC 9700 §4.14.2",
                ),
            ],
            Self::RefreshWithOld => vec![refused(
                "A used refresh token is rejected: an app that does not store the new one signs its user out.",
                "RFC 9700 §4.14.2",
            )],
            Self::Revoke => vec![
                check(
                    "The response is 200 for any token, so it does not reveal whether the token was valid.",
                    "RFC 7009 §2.2",
                ),
                check(
                    "Revoking the refresh token also revokes all access tokens of this user and app. Revoke at sign-out, and delete both tokens.",
                    "RFC 7009 §2.1",
                ),
            ],
        }
    }
}

fn text(secret: Option<&Secret>) -> String {
    let secret = secret.map(Secret::reveal);
    secret.unwrap_or_default().to_owned()
}

/// A form with the credentials of the run's client.
fn form(
    run: &PlaygroundRun,
    path: &'static str,
    mut fields: Vec<(&'static str, String)>,
) -> AppRequest {
    fields.push(("client_id", run.client_id.clone()));
    let secret = run.secret.as_ref();
    fields.extend(secret.map(|own| ("client_secret", own.reveal().to_owned())));
    AppRequest {
        path,
        form: Some(fields),
        bearer: None,
    }
}

fn token(run: &PlaygroundRun, grant: &str, fields: Vec<(&'static str, String)>) -> AppRequest {
    let grant = ("grant_type", grant.to_owned());
    form(run, "/api/auth/oauth/token", [vec![grant], fields].concat())
}
