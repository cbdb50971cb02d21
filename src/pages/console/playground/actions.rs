//! The request of each action, the effect of its response, and the mistakes that can be tried.

use super::action::Action;
use super::client::AppRequest;
use super::run::{Flow, PlaygroundRun, Step};
use crate::http::context::RequestContext;
use crate::http::root_service::RootService;
use crate::protocol::secret::Secret;

impl Action {
    /// The mistakes that can be tried now, each with what it resembles.
    pub(crate) fn mistakes(run: &PlaygroundRun) -> Vec<(Self, &'static str)> {
        let (has_code, has_token) = (run.code.is_some(), run.access_token.is_some());
        let is_code_flow = run.flow == Flow::AuthorizationCode;
        let all = [
            (
                Self::LeaveOutPkce,
                "An authorize request without code_challenge",
                is_code_flow && has_code,
            ),
            (
                Self::OtherRedirectUri,
                "One character more than the registered one",
                is_code_flow && has_code,
            ),
            (
                Self::WrongVerifier,
                "As if another app had intercepted the code",
                has_code && !has_token,
            ),
            (
                Self::ExchangeAgain,
                "As a callback page that is loaded twice",
                has_code && has_token,
            ),
            (
                Self::PollDevice,
                "As a device that does not stop polling",
                run.flow == Flow::Device && has_token,
            ),
            (
                Self::RefreshWithOld,
                "As an app that did not store the new one",
                run.used_refresh_token.is_some(),
            ),
            (
                Self::WrongSecret,
                "As after a rotation of the secret",
                run.secret.is_some() && run.refresh_token.is_some(),
            ),
        ];
        let possible = all.into_iter().filter(|(.., is_possible)| *is_possible);
        possible.map(|(action, what, _)| (action, what)).collect()
    }

    /// Sends the request and adds the step to the run.
    pub(crate) async fn perform(
        self,
        service: &RootService,
        context: &RequestContext,
        run: &mut PlaygroundRun,
    ) {
        let mut exchange = self.request(run).send(service, context).await;
        let json = exchange.json.take();
        let from_response = |key: &str| json[key].as_str().map(Secret::new);
        if exchange.is_success {
            match self {
                Self::StartDevice => {
                    run.device_code = from_response("device_code");
                    run.user_code = json["user_code"].as_str().map(Secret::from);
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
            if !run.done.contains(&self) {
                run.done.push(self);
            }
        } else if self == Self::PollDevice && run.access_token.is_none() && is_final(&json) {
            // The device starts again.
            (run.device_code, run.user_code, run.is_approved) = (None, None, false);
        } else if matches!(self, Self::Exchange | Self::WrongVerifier)
            && json["error"] == "invalid_grant"
        {
            // The code is used up: the next attempt needs a new state and verifier.
            run.restart(&context.sandbox);
        }
        let checks = self.checks(run, exchange.is_success);
        run.add(Step {
            title: self.button().label.to_owned(),
            exchange,
            checks,
        });
    }

    /// The request that it sends.
    #[expect(clippy::too_many_lines, reason = "one arm for each action")]
    pub(crate) fn request(self, run: &PlaygroundRun) -> AppRequest {
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
                bearer: Some(text(run.access_token.as_ref())),
                ..AppRequest::default()
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
            Self::LeaveOutPkce => {
                let mut query = authorize_query(run);
                query.retain(|(name, _)| !name.starts_with("code_challenge"));
                signed_in(authorize(query))
            }
            Self::OtherRedirectUri => {
                let mut query = authorize_query(run);
                for (_, value) in query.iter_mut().filter(|(name, _)| *name == "redirect_uri") {
                    value.push('x');
                }
                signed_in(authorize(query))
            }
            Self::WrongSecret => {
                let mut wrong = run.clone();
                wrong.secret = Some(Secret::new("wrong-secret"));
                Self::Refresh.request(&wrong)
            }
        }
    }
}

/// Whether an error of a poll is final.
fn is_final(answer: &serde_json::Value) -> bool {
    let error = answer["error"].as_str();
    error.is_some_and(|error| !matches!(error, "authorization_pending" | "slow_down"))
}

/// The query of the authorize URL.
pub(crate) fn authorize_query(run: &PlaygroundRun) -> Vec<(&'static str, String)> {
    vec![
        ("response_type", "code".to_owned()),
        ("client_id", run.client_id.clone()),
        ("redirect_uri", run.redirect_uri.clone()),
        ("scope", run.scope.to_string()),
        ("state", run.state.clone()),
        ("code_challenge", run.verifier.challenge().0),
        ("code_challenge_method", "S256".to_owned()),
    ]
}

/// An authorize request.
pub(crate) fn authorize(query: Vec<(&'static str, String)>) -> AppRequest {
    AppRequest {
        path: "/api/auth/oauth/authorize",
        query,
        ..AppRequest::default()
    }
}

/// The request as the browser of the user sends it.
fn signed_in(request: AppRequest) -> AppRequest {
    AppRequest {
        has_cookies: true,
        ..request
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
        ..AppRequest::default()
    }
}

fn token(run: &PlaygroundRun, grant: &str, fields: Vec<(&'static str, String)>) -> AppRequest {
    let grant = ("grant_type", grant.to_owned());
    form(run, "/api/auth/oauth/token", [vec![grant], fields].concat())
}
