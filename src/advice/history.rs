//! The calls of one app in order, and the call that each token came from.

use std::collections::HashMap;
use std::sync::Arc;

use crate::advice::call::{CallKind, ObservedCall};

/// The origin of a token.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TokenOrigin {
    /// Index of the call whose response had the token.
    pub(crate) by: usize,
    /// Lifetime of the access token of that response, in seconds.
    pub(crate) expires_in: Option<i64>,
}

/// The calls of one app, oldest first. The keys of its maps are secrets: there is no `Debug`.
pub(crate) struct History {
    pub(crate) client: Option<String>,
    pub(crate) calls: Vec<ObservedCall>,
    origins: HashMap<String, TokenOrigin>,
    /// Index of the authorization that issued each code.
    codes: HashMap<String, usize>,
    ended_by_control: Arc<[u64]>,
}

impl History {
    fn new(client: Option<String>, calls: Vec<ObservedCall>, ended_by_control: Arc<[u64]>) -> Self {
        let (mut origins, mut codes) = (HashMap::new(), HashMap::new());
        for (by, call) in calls.iter().enumerate() {
            let origin = TokenOrigin {
                by,
                expires_in: call.answered_number("expires_in"),
            };
            let tokens = issued_tokens(call).into_iter().flatten();
            origins.extend(tokens.map(|token| (token.to_owned(), origin)));
            if call.kind == CallKind::Authorize
                && let Some(code) = call.issued_code()
            {
                codes.insert(code.to_owned(), by);
            }
        }
        Self {
            client,
            calls,
            origins,
            codes,
            ended_by_control,
        }
    }

    /// Whether a control operation ended tokens between two calls, given by their ids.
    pub(crate) fn was_ended_by_control(&self, since: u64, until: u64) -> bool {
        self.ended_by_control
            .iter()
            .any(|after| (since..until).contains(after))
    }

    /// The calls of this kind, with their indices.
    pub(crate) fn calls_of(&self, kind: CallKind) -> impl Iterator<Item = (usize, &ObservedCall)> {
        let all = self.calls.iter().enumerate();
        all.filter(move |(_, call)| call.kind == kind)
    }

    pub(crate) fn origin(&self, token: &str) -> Option<TokenOrigin> {
        self.origins.get(token).copied()
    }

    /// The authorization that issued the code of this exchange.
    pub(crate) fn authorization(&self, exchange: &ObservedCall) -> Option<&ObservedCall> {
        let at = self.codes.get(exchange.param("code")?)?;
        self.calls.get(*at)
    }

    /// The authorization that the tokens of this call (an index) go back to.
    pub(crate) fn root(&self, mut by: usize) -> Option<&ObservedCall> {
        loop {
            let exchange = self.calls.get(by)?;
            match exchange.kind {
                CallKind::Code => return self.authorization(exchange),
                // A parent is always earlier, so this ends.
                CallKind::Refresh => {
                    let parent = self.origin(exchange.param("refresh_token")?)?.by;
                    by = (parent < by).then_some(parent)?;
                }
                _ => return None,
            }
        }
    }

    /// Age of an access token when it was presented, and its lifetime, both in milliseconds.
    pub(crate) fn age(&self, token: &str, at: i64) -> Option<(i64, i64)> {
        let origin = self.origin(token)?;
        let life = origin.expires_in? * 1000;
        Some((at - self.calls.get(origin.by)?.at, life))
    }
}

/// The tokens of a token response.
fn issued_tokens(call: &ObservedCall) -> [Option<&str>; 2] {
    match call.kind {
        CallKind::Code | CallKind::Refresh | CallKind::ClientCredentials | CallKind::Poll => {
            ["access_token", "refresh_token"].map(|name| call.answered(name))
        }
        _ => [None, None],
    }
}

/// Splits calls where a snapshot was restored: `restores` has the id of the last call before each restore.
pub(crate) fn split_at_restores(
    mut all: Vec<ObservedCall>,
    restores: &[u64],
) -> Vec<Vec<ObservedCall>> {
    let mut found = Vec::new();
    for restore in restores {
        let later = all.split_off(all.partition_point(|call| call.id <= *restore));
        found.push(std::mem::replace(&mut all, later));
    }
    found.push(all);
    found
}

/// The owner of each token in these calls: a client, or `None` for the playground.
pub(crate) fn token_owners(all: &[ObservedCall]) -> HashMap<String, Option<String>> {
    let mut owners: HashMap<String, Option<String>> = HashMap::new();
    for call in all {
        let by_token = call
            .presented()
            .and_then(|token| owners.get(token).cloned());
        let is_playground = call.is_of_playground() || by_token == Some(None);
        let owner = match (is_playground, &call.client) {
            (true, _) => Some(None),
            (false, Some(client)) => Some(Some(client.clone())),
            (false, None) => by_token,
        };
        let Some(owner) = owner else {
            continue;
        };
        if let Some(token) = call.presented() {
            owners
                .entry(token.to_owned())
                .or_insert_with(|| owner.clone());
        }
        let tokens = issued_tokens(call).into_iter().flatten();
        owners.extend(tokens.map(|token| (token.to_owned(), owner.clone())));
    }
    owners
}

/// Groups calls by client. A call without a client id belongs to the client that its token was issued to. Calls of the
/// playground are left out. `ended_by_control` has the ids of the calls after which a control operation ended tokens.
pub(crate) fn by_client(
    mut all: Vec<ObservedCall>,
    owners: &HashMap<String, Option<String>>,
    ended_by_control: &Arc<[u64]>,
) -> Vec<History> {
    let mut is_playground = vec![false; all.len()];
    let mut moved = LegacyRedirects::default();
    for (at, call) in all.iter_mut().enumerate() {
        let owner = call.presented().and_then(|token| owners.get(token));
        // The owner `None` is the playground.
        is_playground[at] = call.is_of_playground() || owner.is_some_and(Option::is_none);
        if let (None, Some(Some(owner))) = (&call.client, owner) {
            call.client = Some(owner.clone());
        }
        moved.follow(call);
    }
    let mut clients: Vec<(Option<String>, Vec<ObservedCall>)> = Vec::new();
    let mut indices: HashMap<Option<String>, usize> = HashMap::new();
    for (call, is_playground) in all.into_iter().zip(is_playground) {
        if is_playground {
            continue;
        }
        let place = *indices.entry(call.client.clone()).or_insert_with(|| {
            clients.push((call.client.clone(), Vec::new()));
            clients.len() - 1
        });
        clients[place].1.push(call);
    }
    let mut histories: Vec<History> = clients
        .into_iter()
        .map(|(client, calls)| History::new(client, calls, Arc::clone(ended_by_control)))
        .collect();
    histories.sort_by(|a, b| a.client.cmp(&b.client));
    histories
}

/// A request that starts later after a redirect than this, in milliseconds of the sandbox's clock, does not follow it.
const MAX_FOLLOW_MS: i64 = 10_000;

/// A redirect of the legacy host, answered to a request with an `Authorization` header.
struct Redirect {
    id: u64,
    at: i64,
    agent: Option<u64>,
    client: Option<String>,
}

/// The latest such redirect for each path and method.
#[derive(Default)]
struct LegacyRedirects(HashMap<(String, String), Redirect>);

impl LegacyRedirects {
    /// Marks a call that follows a redirect and has lost its `Authorization` header; its client is then known.
    fn follow(&mut self, call: &mut ObservedCall) {
        // Fast path: most journals have no such redirect.
        if self.0.is_empty() && !call.is_moved() {
            return;
        }
        let place = (call.path.clone(), call.method.clone());
        if call.is_moved() {
            if call.has_authorization() {
                let redirect = Redirect {
                    id: call.id,
                    at: call.at,
                    agent: call.agent(),
                    client: call.client.clone(),
                };
                self.0.insert(place, redirect);
            }
            return;
        }
        let Some(redirect) = self.0.remove(&place) else {
            return;
        };
        let is_next = (0..MAX_FOLLOW_MS).contains(&(call.at - redirect.at))
            && call.after >= redirect.id
            && call.agent() == redirect.agent;
        let is_refused = matches!(call.status, Some(400 | 401));
        if is_next && is_refused && !call.has_authorization() {
            call.lost_at = Some(redirect.id);
            call.client = call.client.take().or(redirect.client);
        }
    }
}
