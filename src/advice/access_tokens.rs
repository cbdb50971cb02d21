//! Rule about the use of access tokens.

use std::collections::BTreeMap;

use super::history::History;
use super::rule::{Violation, advice_rules};
use crate::advice::call::{CallKind, ObservedCall, sequential};

advice_rules! { RULES {
    /// An access token is rejected ten times, one after another, and the app neither refreshes nor signs in again.
    EXPIRED_TOKEN_USED "expired-token-used" Error expired_token_kept {
        rationale: "a rejected access token stays invalid: an hour after sign-in the app stops working but continues to send requests",
        fix: "on a 401 response, refresh once and retry; if the refresh is rejected, have the user sign in again",
        source: "https://www.rfc-editor.org/rfc/rfc6750#section-3.1",
    }
} }

/// The rejections of one token that make a violation: a page may send several calls before it reads the first response.
const MIN_REJECTIONS: usize = 10;

fn expired_token_kept(history: &History) -> Option<Violation> {
    let mut rejections: BTreeMap<&str, Vec<&ObservedCall>> = BTreeMap::new();
    for call in &history.calls {
        let gets_tokens = matches!(
            call.kind,
            CallKind::Authorize
                | CallKind::Code
                | CallKind::Refresh
                | CallKind::ClientCredentials
                | CallKind::Device
                | CallKind::Poll
        );
        if gets_tokens {
            rejections.clear();
        } else if call.is_api_call()
            && call.status == Some(401)
            && !call.is_lost
            && let Some(token) = call.bearer()
        {
            rejections.entry(token).or_default().push(call);
        }
    }
    let ignored = rejections.into_values().map(sequential);
    let ignored = ignored.filter(|calls| calls.len() >= MIN_REJECTIONS);
    let requests = ignored.flatten().map(|call| call.id).collect();
    Violation::new(requests, |count| {
        format!("continued to use a rejected access token: {count} times")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    use crate::advice::testing::{TestCall, api, refresh, reported};

    fn rejected(count: usize) -> impl Iterator<Item = TestCall> {
        let one = || api("a1").answered(401, json!({ "error": "Unauthorized" }));
        (0..count).map(move |_| one())
    }

    #[test]
    fn ten_rejections_without_a_refresh_are_reported() {
        assert!(reported(&EXPIRED_TOKEN_USED, rejected(9)).is_empty());
        assert_eq!(
            reported(&EXPIRED_TOKEN_USED, rejected(10)),
            [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
        );
    }

    #[test]
    fn app_that_refreshes_afterwards_is_not_reported() {
        let refreshes = [refresh("r1", "r2"), api("access-r2")];
        assert!(reported(&EXPIRED_TOKEN_USED, rejected(12).chain(refreshes)).is_empty());
    }

    #[test]
    fn parallel_rejections_are_not_reported() {
        assert!(reported(&EXPIRED_TOKEN_USED, rejected(20).map(TestCall::parallel)).is_empty());
    }
}
