//! What the apps of a sandbox have done so far: for each step, the newest request that did it. The start page shows it as a
//! checklist. It is updated with each request, so that reading it takes no search.

use std::sync::atomic::{AtomicU64, Ordering};

use super::journal::{ExchangeKind, Facts, StoredExchange};
use crate::model::refusal_cause::{CredentialKind, RefusalCause};
use crate::protocol::endpoint::Endpoint;
use crate::protocol::grant_type::GrantType;

/// A step of an app.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// It sent a user to sign in, or started a device.
    SignInStarted,
    /// The user approved, and the app got a code.
    Approved,
    /// It exchanged a code for tokens.
    CodeExchanged,
    /// It read the user.
    UserRead,
    /// It refreshed its tokens.
    Refreshed,
    /// It revoked a token.
    Revoked,
    /// It received `access_denied`: the user denied the consent.
    Denied,
    /// It sent an expired access token.
    SentExpired,
    /// It refreshed after it had sent an expired access token.
    RefreshedAfterExpiry,
    /// Its refresh was refused.
    RefreshRefused,
    /// It sent the user to sign in after a refused refresh.
    SignInAfterRefusal,
    /// It could not spend, because a limit of the user is reached.
    SpendRefused,
    /// It sent too many requests.
    RateLimited,
    /// It got tokens after it had sent too many requests.
    TokensAfterRateLimit,
    /// It waited for a slow token endpoint.
    WaitedForTokens,
}

impl Step {
    const COUNT: usize = Self::WaitedForTokens as usize + 1;
}

/// The newest request of each step; 0 if no request did it.
#[derive(Debug, Default)]
pub(crate) struct Progress([AtomicU64; Step::COUNT]);

impl Progress {
    /// The newest request that did the step, whether it is still stored or not.
    pub(crate) fn request(&self, step: Step) -> Option<u64> {
        let id = self.0[step as usize].load(Ordering::Relaxed);
        (id > 0).then_some(id)
    }

    /// Sets the newest request of a step. Of parallel requests, an older one may come last.
    fn set(&self, step: Step, id: u64) {
        self.0[step as usize].fetch_max(id, Ordering::Relaxed);
    }

    /// Notes what a request did.
    pub(super) fn note(&self, steps: &[Option<Step>], id: u64) {
        for step in steps.iter().flatten() {
            self.set(*step, id);
            // A consent that was approved without a request for it: the sign-in began with it.
            if *step == Step::Approved && self.request(Step::SignInStarted).is_none() {
                self.set(Step::SignInStarted, id);
            }
            let after = match step {
                Step::Refreshed => Some((Step::SentExpired, Step::RefreshedAfterExpiry)),
                Step::SignInStarted => Some((Step::RefreshRefused, Step::SignInAfterRefusal)),
                _ => None,
            };
            if let Some((before, after)) = after
                && self.request(before).is_some()
            {
                self.set(after, id);
            }
            if matches!(step, Step::Refreshed | Step::CodeExchanged)
                && self.request(Step::RateLimited).is_some()
            {
                self.set(Step::TokensAfterRateLimit, id);
            }
        }
    }

    /// Forgets all steps.
    pub(crate) fn clear(&self) {
        for id in &self.0 {
            id.store(0, Ordering::Relaxed);
        }
    }
}

/// The steps of a request.
pub(super) fn steps(exchange: &StoredExchange) -> [Option<Step>; 2] {
    let facts: &Facts = exchange;
    if facts.is_preflight {
        return [None; 2];
    }
    let is_app = exchange.kind == ExchangeKind::App;
    let is_ok = facts.status == 200;
    let refused = (400..500).contains(&facts.status);
    let cause = facts.cause.as_deref();
    let first = match (facts.endpoint, facts.grant) {
        (Endpoint::Authorize, _) if matches!(cause, Some(RefusalCause::ConsentDenied { .. })) => {
            Some(Step::Denied)
        }
        (Endpoint::Authorize, _) if is_app && !facts.credential_events.is_empty() => {
            Some(Step::Approved)
        }
        (Endpoint::Authorize, _) if is_app => Some(Step::SignInStarted),
        (Endpoint::Device, _) if is_app && is_ok => Some(Step::SignInStarted),
        _ if facts.status == 429 => Some(Step::RateLimited),
        (Endpoint::Token, Some(GrantType::AuthorizationCode)) | (Endpoint::DeviceToken, _)
            if is_ok =>
        {
            Some(Step::CodeExchanged)
        }
        (Endpoint::Token, Some(GrantType::RefreshToken)) if is_ok => Some(Step::Refreshed),
        (Endpoint::Token, Some(GrantType::RefreshToken)) if refused => Some(Step::RefreshRefused),
        (Endpoint::Userinfo | Endpoint::Me, _) if is_ok => Some(Step::UserRead),
        (Endpoint::Revoke, _) if is_ok && facts.revoke_noop.is_none() => Some(Step::Revoked),
        _ => match cause {
            Some(RefusalCause::CredentialExpired { credential, .. })
                if *credential == CredentialKind::AccessToken =>
            {
                Some(Step::SentExpired)
            }
            Some(RefusalCause::SpendLimitExceeded { .. }) => Some(Step::SpendRefused),
            _ => None,
        },
    };
    let mut faults = facts.faults.iter();
    let waited = is_ok
        && facts.endpoint == Endpoint::Token
        && faults.any(|fault| fault.definition.effect.delay.is_some());
    // An app whose consent is remembered gets a code at once.
    let second = match first {
        Some(Step::Approved) if exchange.method() == "GET" => Some(Step::SignInStarted),
        _ => waited.then_some(Step::WaitedForTokens),
    };
    [first, second]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_request_does_not_replace_a_newer_one() {
        let progress = Progress::default();
        let noted = |step, id| {
            progress.note(&[Some(step), None], id);
            progress.request(step)
        };
        assert_eq!(noted(Step::SentExpired, 1), Some(1));
        assert_eq!(noted(Step::Refreshed, 7), Some(7));
        assert_eq!(noted(Step::Refreshed, 5), Some(7));
        assert_eq!(progress.request(Step::RefreshedAfterExpiry), Some(7));
    }
}
