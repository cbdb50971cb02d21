//! The calls of one app in order, and the call that each token and code came from.

use std::collections::HashMap;

use crate::advice::call::{CallKind, ObservedCall};

/// The calls of one app, oldest first. The keys of its maps are secrets: there is no `Debug`.
pub(crate) struct History {
    pub(crate) client: Option<String>,
    pub(crate) calls: Vec<ObservedCall>,
    /// Index of the call whose response had each token.
    tokens: HashMap<String, usize>,
    /// Index of the authorization that issued each code.
    codes: HashMap<String, usize>,
}

impl History {
    pub(crate) fn new(client: Option<String>, calls: Vec<ObservedCall>) -> Self {
        let (mut tokens, mut codes) = (HashMap::new(), HashMap::new());
        for (index, call) in calls.iter().enumerate() {
            tokens.extend(issued_tokens(call).map(|token| (token.to_owned(), index)));
            if let Some(code) = call.issued_code.clone()
                && call.kind == CallKind::Authorize
            {
                codes.insert(code, index);
            }
        }
        Self {
            client,
            calls,
            tokens,
            codes,
        }
    }

    /// The calls of this kind.
    pub(crate) fn calls_of(&self, kind: CallKind) -> impl Iterator<Item = &ObservedCall> {
        self.calls.iter().filter(move |call| call.kind == kind)
    }

    /// The call whose response had this token.
    pub(crate) fn origin(&self, token: &str) -> Option<&ObservedCall> {
        self.calls.get(*self.tokens.get(token)?)
    }

    /// The authorization that issued the code of this exchange.
    pub(crate) fn authorization(&self, exchange: &ObservedCall) -> Option<&ObservedCall> {
        self.calls.get(*self.codes.get(exchange.param("code")?)?)
    }

    /// The authorization that the tokens of this call's response go back to.
    pub(crate) fn root<'a>(&'a self, mut call: &'a ObservedCall) -> Option<&'a ObservedCall> {
        loop {
            match call.kind {
                CallKind::Code => return self.authorization(call),
                CallKind::Refresh => {
                    let parent = self.origin(call.param("refresh_token")?)?;
                    // A parent is always earlier, so this ends.
                    call = Some(parent).filter(|parent| parent.id < call.id)?;
                }
                _ => return None,
            }
        }
    }
}

/// The tokens of a token response.
fn issued_tokens(call: &ObservedCall) -> impl Iterator<Item = &str> {
    let issues_tokens = matches!(
        call.kind,
        CallKind::Code | CallKind::Refresh | CallKind::ClientCredentials | CallKind::Poll
    );
    let names: &[&str] = if issues_tokens {
        &["access_token", "refresh_token"]
    } else {
        &[]
    };
    names.iter().filter_map(|name| call.answered(name))
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

/// The owner of a token or of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Owner {
    Client(String),
    Playground,
}

impl Owner {
    /// The owner of a call, known from the call itself or from the owner of its token.
    fn new(call: &ObservedCall, by_token: Option<&Self>) -> Option<Self> {
        if call.is_of_playground() || by_token == Some(&Self::Playground) {
            return Some(Self::Playground);
        }
        let client = call.client.clone().map(Self::Client);
        client.or_else(|| by_token.cloned())
    }
}

/// The owner of each token in these calls.
pub(crate) fn token_owners(all: &[ObservedCall]) -> HashMap<String, Owner> {
    let mut owners: HashMap<String, Owner> = HashMap::new();
    for call in all {
        let presented = call.presented();
        let Some(owner) = Owner::new(call, presented.and_then(|token| owners.get(token))) else {
            continue;
        };
        if let Some(token) = presented {
            owners
                .entry(token.to_owned())
                .or_insert_with(|| owner.clone());
        }
        owners.extend(issued_tokens(call).map(|token| (token.to_owned(), owner.clone())));
    }
    owners
}

/// Groups calls by client. A call without a client id belongs to the client that its token was issued to. Calls of the
/// playground are left out.
pub(crate) fn by_client(all: Vec<ObservedCall>, owners: &HashMap<String, Owner>) -> Vec<History> {
    let mut clients: HashMap<Option<String>, Vec<ObservedCall>> = HashMap::new();
    for call in all {
        let by_token = call.presented().and_then(|token| owners.get(token));
        let client = match Owner::new(&call, by_token) {
            Some(Owner::Playground) => continue,
            Some(Owner::Client(client)) => Some(client),
            None => None,
        };
        clients.entry(client).or_default().push(call);
    }
    let histories = clients.into_iter();
    histories
        .map(|(client, calls)| History::new(client, calls))
        .collect()
}
