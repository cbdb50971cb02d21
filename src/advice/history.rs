//! What has one app done? Its exchanges in order, and which tokens came of which.

use std::collections::HashMap;
use std::sync::Arc;

use crate::advice::call::{Call, Seen};

/// Where a token comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Birth {
    /// The exchange that it was answered by, as an index.
    pub(crate) by: usize,
    /// Seconds that the access token beside it, or itself, lives.
    pub(crate) expires_in: Option<i64>,
}

/// The exchanges of one app, oldest first. The keys of its maps are secrets: there is no `Debug`.
pub(crate) struct History {
    pub(crate) client: Option<String>,
    pub(crate) seen: Vec<Seen>,
    births: HashMap<String, Birth>,
    /// Which authorization brought a code, as an index.
    codes: HashMap<String, usize>,
    meddled: Arc<[u64]>,
}

impl History {
    fn of(client: Option<String>, seen: Vec<Seen>, meddled: Arc<[u64]>) -> Self {
        let (mut births, mut codes) = (HashMap::new(), HashMap::new());
        for (by, one) in seen.iter().enumerate() {
            let birth = Birth {
                by,
                expires_in: one.answered_number("expires_in"),
            };
            let tokens = born(one).into_iter().flatten();
            births.extend(tokens.map(|token| (token.to_owned(), birth)));
            if one.call == Call::Authorize
                && let Some(code) = one.issued_code()
            {
                codes.insert(code.to_owned(), by);
            }
        }
        Self {
            client,
            seen,
            births,
            codes,
            meddled,
        }
    }

    /// Whether a control call has ended tokens after the one of these exchanges and before the other.
    pub(crate) fn was_meddled(&self, since: u64, until: u64) -> bool {
        self.meddled
            .iter()
            .any(|after| (since..until).contains(after))
    }

    /// The exchanges of this kind, with their indices.
    pub(crate) fn calls(&self, call: Call) -> impl Iterator<Item = (usize, &Seen)> {
        let all = self.seen.iter().enumerate();
        all.filter(move |(_, one)| one.call == call)
    }

    pub(crate) fn birth(&self, token: &str) -> Option<Birth> {
        self.births.get(token).copied()
    }

    /// The authorization that brought the code of this exchange.
    pub(crate) fn authorization(&self, exchange: &Seen) -> Option<&Seen> {
        let at = self.codes.get(exchange.param("code")?)?;
        self.seen.get(*at)
    }

    /// The authorization at the root of the tokens that this exchange answered with.
    pub(crate) fn root(&self, mut by: usize) -> Option<&Seen> {
        loop {
            let exchange = self.seen.get(by)?;
            match exchange.call {
                Call::Code => return self.authorization(exchange),
                // What came later cannot be what it came from: this ends.
                Call::Refresh => {
                    let parent = self.birth(exchange.param("refresh_token")?)?.by;
                    by = (parent < by).then_some(parent)?;
                }
                _ => return None,
            }
        }
    }

    /// How long after it was issued, in milliseconds, an access token was presented; and how long it lives.
    pub(crate) fn age(&self, token: &str, at: i64) -> Option<(i64, i64)> {
        let birth = self.birth(token)?;
        let life = birth.expires_in? * 1000;
        Some((at - self.seen.get(birth.by)?.at, life))
    }
}

/// The tokens of a token answer.
fn born(one: &Seen) -> [Option<&str>; 2] {
    match one.call {
        Call::Code | Call::Refresh | Call::ClientCredentials | Call::Poll => {
            ["access_token", "refresh_token"].map(|name| one.answered(name))
        }
        _ => [None, None],
    }
}

/// Cuts exchanges into stretches without a way back to a snapshot: `turns` says after which exchanges one was gone.
pub(crate) fn stretches(mut all: Vec<Seen>, turns: &[u64]) -> Vec<Vec<Seen>> {
    let mut found = Vec::new();
    for turn in turns {
        let later = all.split_off(all.partition_point(|one| one.id <= *turn));
        found.push(std::mem::replace(&mut all, later));
    }
    found.push(all);
    found
}

/// Whose the tokens are that these exchanges show: an app's, or the playground's, which is no app.
pub(crate) fn owners(all: &[Seen]) -> HashMap<String, Option<String>> {
    let mut owners: HashMap<String, Option<String>> = HashMap::new();
    for one in all {
        let by_token = one.presented().and_then(|token| owners.get(token).cloned());
        let is_ours = one.is_of_the_playground() || by_token == Some(None);
        let owner = match (is_ours, &one.client) {
            (true, _) => Some(None),
            (false, Some(client)) => Some(Some(client.clone())),
            (false, None) => by_token,
        };
        let Some(owner) = owner else {
            continue;
        };
        if let Some(token) = one.presented() {
            owners
                .entry(token.to_owned())
                .or_insert_with(|| owner.clone());
        }
        let tokens = born(one).into_iter().flatten();
        owners.extend(tokens.map(|token| (token.to_owned(), owner.clone())));
    }
    owners
}

/// Sorts exchanges by the app that they are of. What does not say so, but comes with a token that an app was given, is
/// that app's; what the playground did is nobody's. `meddled` says after which exchanges a control call has ended tokens.
pub(crate) fn by_client(
    mut all: Vec<Seen>,
    owners: &HashMap<String, Option<String>>,
    meddled: &Arc<[u64]>,
) -> Vec<History> {
    let mut ours = vec![false; all.len()];
    let mut moved = Moved::default();
    for (at, one) in all.iter_mut().enumerate() {
        let owner = one.presented().and_then(|token| owners.get(token));
        // An owner that is no app is the playground.
        ours[at] = one.is_of_the_playground() || owner.is_some_and(Option::is_none);
        if let (None, Some(Some(owner))) = (&one.client, owner) {
            one.client = Some(owner.clone());
        }
        moved.follow(one);
    }
    let mut clients: Vec<(Option<String>, Vec<Seen>)> = Vec::new();
    let mut places: HashMap<Option<String>, usize> = HashMap::new();
    for (one, is_ours) in all.into_iter().zip(ours) {
        if is_ours {
            continue;
        }
        let place = *places.entry(one.client.clone()).or_insert_with(|| {
            clients.push((one.client.clone(), Vec::new()));
            clients.len() - 1
        });
        clients[place].1.push(one);
    }
    let mut histories: Vec<History> = clients
        .into_iter()
        .map(|(client, seen)| History::of(client, seen, Arc::clone(meddled)))
        .collect();
    histories.sort_by(|a, b| a.client.cmp(&b.client));
    histories
}

/// A request that begins later after a redirect, in milliseconds of the sandbox's clock, does not follow it.
const MAX_FOLLOW_MS: i64 = 10_000;

/// A redirect of the old host whose `Authorization` has not come back yet.
struct Redirect {
    id: u64,
    at: i64,
    agent: Option<u64>,
    client: Option<String>,
}

/// Such redirects, by path and method.
#[derive(Default)]
struct Moved(HashMap<(String, String), Redirect>);

impl Moved {
    /// Marks an exchange that has lost on such a redirect what it was sent with, and whose app is then known.
    fn follow(&mut self, one: &mut Seen) {
        // Most journals have none.
        if self.0.is_empty() && !one.is_moved() {
            return;
        }
        let place = (one.path.clone(), one.method.clone());
        if one.is_moved() {
            if one.has_authorization() {
                let redirect = Redirect {
                    id: one.id,
                    at: one.at,
                    agent: one.agent(),
                    client: one.client.clone(),
                };
                self.0.insert(place, redirect);
            }
            return;
        }
        let Some(redirect) = self.0.remove(&place) else {
            return;
        };
        let is_next = (0..MAX_FOLLOW_MS).contains(&(one.at - redirect.at))
            && one.after >= redirect.id
            && one.agent() == redirect.agent;
        let is_refused = matches!(one.status, Some(400 | 401));
        if is_next && is_refused && !one.has_authorization() {
            one.lost_at = Some(redirect.id);
            one.client = one.client.take().or(redirect.client);
        }
    }
}
