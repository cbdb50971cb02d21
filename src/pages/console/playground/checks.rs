//! What a client must check after each action.

use super::action::Action;
use super::run::{Check, PlaygroundRun};

impl Action {
    /// The checks that a client must do.
    #[expect(clippy::too_many_lines, reason = "a table")]
    pub(crate) fn checks(self, run: &PlaygroundRun, is_success: bool) -> Vec<Check> {
        let check = Check::new;
        let refused = |text: &str, source| Check {
            outcome: Some(!is_success),
            ..Check::new(text, source)
        };
        match self {
            Self::Exchange => vec![
                check(
                    "The code works once and for a short time: exchange it immediately, from the back end if there is one.",
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
                    outcome: Some(run.used_refresh_token.is_some() && is_success),
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
            Self::LeaveOutPkce => vec![refused(
                "PKCE is mandatory: Civitai rejects a sign-in without code_challenge.",
                "RFC 7636 §4.4.1",
            )],
            Self::OtherRedirectUri => vec![refused(
                "An unregistered redirect URI is rejected without a redirect, so that no other site receives the code.",
                "RFC 6749 §3.1.2.4",
            )],
            Self::WrongSecret => vec![
                refused(
                    "The client is authenticated first, so the refresh token is still valid.",
                    "RFC 6749 §5.2",
                ),
                check(
                    "invalid_client is a mistake in the configuration: do not sign the user out.",
                    "RFC 6749 §5.2",
                ),
            ],
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
