//! Page loads of a sign-in, and the request that started it: `authorize`, or `device` for a device.

use super::requests::JournalRequest;
use crate::protocol::endpoint::{AUTHORIZE, CONSENT_PAGE, DEVICE, DEVICE_PAGE, LOGIN};
use crate::protocol::params::Params;
use crate::protocol::user_code::normalise;
use crate::sandbox::Sandbox;
use crate::sandbox::journal::{Entry, ExchangeKind, StoredExchange};

/// How many older requests are compared with a page load.
const MAX_LOOK_BACK: usize = 200;

/// What the requests of one sign-in have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
enum SignIn {
    /// An authorization, by its client and its state.
    Authorization { client: String, state: String },
    /// A device, by the code that its user enters.
    Device { user_code: String },
}

impl SignIn {
    fn from_query(query: &str) -> Option<Self> {
        let params = Params::from_urlencoded(query.as_bytes());
        let text = |name: &str| params.text(name).unwrap_or_default();
        Self::new(text("client_id"), text("state"), text("code"))
    }

    fn new(client: &str, state: &str, user_code: &str) -> Option<Self> {
        if !client.is_empty() {
            return Some(Self::Authorization {
                client: client.to_owned(),
                state: state.to_owned(),
            });
        }
        (!user_code.is_empty()).then(|| Self::Device {
            user_code: normalise(user_code),
        })
    }
}

/// The part that a request has in a sign-in.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Start(SignIn),
    Page(SignIn),
}

/// A request of the journal as a list shows it.
#[derive(Debug)]
pub(crate) struct ListedRequest {
    pub(crate) request: JournalRequest,
    part: Option<Part>,
}

impl ListedRequest {
    pub(super) fn new(stored: &StoredExchange) -> Self {
        let entry = stored.to_entry();
        Self {
            part: part(&entry, stored.kind),
            request: JournalRequest::new(entry, false),
        }
    }

    /// Whether it is a page load of the sign-in that `start` has started.
    pub(crate) fn is_page_of(&self, start: &Self) -> bool {
        match (&self.part, &start.part) {
            (Some(Part::Page(page)), Some(Part::Start(started))) => page == started,
            _ => false,
        }
    }
}

fn part(entry: &Entry, kind: ExchangeKind) -> Option<Part> {
    let is_path = |paths: &[&str]| paths.contains(&entry.path.as_str());
    let text = |name: &str| {
        let value = entry.params.get(name);
        value.and_then(|value| value.as_str()).unwrap_or_default()
    };
    let authorization = || SignIn::new(text("client_id"), text("state"), "");
    if is_path(AUTHORIZE.paths) {
        let starts = entry.method == "GET" && kind == ExchangeKind::App;
        return authorization().filter(|_| starts).map(Part::Start);
    }
    if is_path(DEVICE.paths) {
        let code = entry.answer.as_ref()?.get("user_code")?.as_str()?;
        return SignIn::new("", "", code).map(Part::Start);
    }
    if kind != ExchangeKind::Page {
        return None;
    }
    let page = if is_path(CONSENT_PAGE.paths) {
        authorization()
    } else if is_path(DEVICE_PAGE.paths) {
        let typed = [text("user_code"), text("code")].concat();
        SignIn::new("", "", &typed)
    } else if is_path(LOGIN.paths) {
        let (_, query) = text("returnUrl").split_once('?')?;
        SignIn::from_query(query)
    } else {
        None
    };
    page.map(Part::Page)
}

impl Sandbox {
    /// A request as lists show it, if it is still stored.
    pub(crate) fn listed_request(&self, id: u64) -> Option<ListedRequest> {
        let found = self.journal.find(&[id]);
        found.first().map(|stored| ListedRequest::new(stored))
    }

    /// The newest request that has started the sign-in of a page load.
    pub(crate) fn sign_in_start(&self, page: &ListedRequest) -> Option<u64> {
        let Some(Part::Page(sign_in)) = &page.part else {
            return None;
        };
        let (mut oldest, mut compared) = (page.request.id, 0);
        while compared < MAX_LOOK_BACK {
            let older = self.journal.page_before(oldest);
            oldest = older.last()?.id;
            compared += older.len();
            for stored in older {
                let path = stored.path();
                if !AUTHORIZE.paths.contains(&path) && !DEVICE.paths.contains(&path) {
                    continue;
                }
                let found = part(&stored.to_entry(), stored.kind);
                if matches!(found, Some(Part::Start(started)) if started == *sign_in) {
                    return Some(stored.id);
                }
            }
        }
        None
    }
}
