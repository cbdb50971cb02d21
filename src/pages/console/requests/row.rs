//! One row of the request list.

use askama::Template;

use super::pairs::cut;
use crate::control::{Endpoint, JournalRequest, Timestamp};
use crate::http::base_url::BaseUrl;
use crate::model::user::UserRef;
use crate::pages::console::time_text::{ago, full_time, list_time};
use crate::protocol::endpoint::{CivitaiServer, EndpointSpec};
use crate::sandbox::Sandbox;
use crate::sandbox::journal::is_refused;

/// A client or a user: the name to show, and the id.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) id: String,
}

impl Named {
    /// The client that a request names, known or not.
    pub(crate) fn client(request: &JournalRequest, sandbox: &Sandbox) -> Option<Self> {
        let id = request.client_id.as_deref()?;
        let known = sandbox.data().find_client(id);
        let name = known.map_or_else(|| cut(id), |client| cut(&client.name));
        Some(Self { name, id: cut(id) })
    }

    /// The user on whose behalf a request was sent.
    pub(crate) fn user(request: &JournalRequest, sandbox: &Sandbox) -> Option<Self> {
        let id = request.user?;
        let known = sandbox.data().find_user(&UserRef::Id(id));
        let name = known.map_or_else(|| format!("user {id}"), |user| cut(&user.display_name()));
        Some(Self {
            name,
            id: format!("id {id}"),
        })
    }
}

/// How a request ended: the text and the class of its mark.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    pub(crate) text: String,
    pub(crate) class: &'static str,
}

impl Outcome {
    pub(crate) fn new(request: &JournalRequest) -> Self {
        let status = request.status.unwrap_or_default();
        let error = request.error.as_deref().map(cut);
        let code = match (request.status, error) {
            (None, _) => "no response".to_owned(),
            (Some(status), Some(error)) if status >= 300 => format!("{status} {error}"),
            (Some(status), _) => status.to_string(),
        };
        let is_refused = is_refused(status);
        let is_pending = request.error.as_deref() == Some("authorization_pending");
        let (text, class) = match request.faults.first() {
            Some(fault) if is_refused => (format!("{code} fault {fault}"), "fault"),
            _ if is_pending => (code, "pending"),
            _ if is_refused => (code, "refused"),
            _ if status >= 300 && request.error.is_some() => (code, "denied"),
            _ if status >= 300 => (code, "redirect"),
            _ => (code, "ok"),
        };
        Self { text, class }
    }
}

/// The part of a row in a sign-in.
#[derive(Debug, Default)]
pub(crate) enum PageGroup {
    #[default]
    None,
    /// It has started a sign-in, whose page loads are below it.
    Head {
        pages: usize,
        is_open: bool,
        /// The list with the page loads, or without them.
        href: String,
    },
    /// A page load of the sign-in that another request has started.
    Member { head: u64, is_open: bool },
}

impl PageGroup {
    /// The group of a request that is followed by this number of page loads.
    pub(super) fn head(pages: usize, is_open: bool, href: impl FnOnce() -> String) -> Self {
        if pages == 0 {
            return Self::None;
        }
        Self::Head {
            pages,
            is_open,
            href: href(),
        }
    }
}

/// A request as the list shows it.
#[derive(Template)]
#[template(path = "request_row.html")]
#[expect(clippy::struct_excessive_bools, reason = "each is a mark of its own")]
pub(crate) struct Row {
    pub(crate) id: u64,
    pub(crate) href: String,
    at: Timestamp,
    time: String,
    full_time: String,
    ago: String,
    pub(crate) method: String,
    path: String,
    pub(crate) label: String,
    grant: Option<String>,
    is_page: bool,
    pub(crate) outcome: Outcome,
    client: Option<Named>,
    user: Option<Named>,
    milliseconds: String,
    has_fault: bool,
    is_divergent: bool,
    uses_extension: bool,
    pub(crate) is_selected: bool,
    pub(crate) group: PageGroup,
}

impl Row {
    pub(crate) fn new(one: &JournalRequest, sandbox: &Sandbox, base: &BaseUrl) -> Self {
        let now = sandbox.now();
        let server = EndpointSpec::find(&one.path).map(|spec| spec.server);
        let outcome = Outcome::new(one);
        let is_page = one.method == "OPTIONS"
            || (server == Some(CivitaiServer::Pages) && outcome.class != "denied");
        Self {
            id: one.id,
            href: request_path(base, one.id),
            at: one.at,
            time: list_time(now, one.at),
            full_time: full_time(one.at),
            ago: ago(now, one.at),
            method: cut(&one.method),
            label: label(one, server),
            path: cut(&one.path),
            grant: one.grant_type.as_deref().map(short_grant),
            is_page,
            outcome,
            client: Named::client(one, sandbox),
            user: Named::user(one, sandbox),
            milliseconds: milliseconds(one),
            has_fault: !one.faults.is_empty(),
            is_divergent: one.differences.iter().any(|one| one.other_contract_differs),
            uses_extension: !one.extensions.is_empty(),
            is_selected: false,
            group: PageGroup::None,
        }
    }
}

/// The path of the page of a request.
pub(crate) fn request_path(base: &BaseUrl, id: u64) -> String {
    base.path(&format!("/_mock/requests/{id}"))
}

/// The endpoint, or the path of a page or of what is no endpoint.
fn label(one: &JournalRequest, server: Option<CivitaiServer>) -> String {
    match server {
        Some(CivitaiServer::Pages) | None => cut(&one.path),
        Some(_) if one.endpoint == Endpoint::Other => cut(&one.path),
        Some(_) => one.endpoint.name().to_owned(),
    }
}

/// The last part of a grant that is a URN.
fn short_grant(grant: &str) -> String {
    cut(grant.rsplit(':').next().unwrap_or(grant))
}

/// The duration in milliseconds, with a comma before each three digits.
pub(crate) fn milliseconds(request: &JournalRequest) -> String {
    let digits = request.duration_ms.to_string();
    let places = digits.chars().enumerate();
    let length = digits.len();
    places.fold(String::new(), |mut text, (at, digit)| {
        if at > 0 && (length - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
        text
    })
}
