//! The filter of the journal, and the check that it can match at all: a search for a misspelt client would return an
//! empty list, which looks like a result.

use serde::Serialize;

use super::error::ControlResult;
use crate::invalid::Invalid;
use crate::model::user::UserRef;
use crate::protocol::endpoint::Endpoint;
use crate::protocol::error::ErrorCode;
use crate::protocol::grant_type::GrantType;
use crate::protocol::method::HttpMethod;
use crate::sandbox::Sandbox;
use crate::sandbox::journal::{Evicted, StoredExchange};
use crate::sandbox::settings::UnknownClients;

/// The error codes of the mock itself: for misused extensions and unknown paths.
const OWN_ERRORS: [&str; 2] = ["invalid", "not_found"];

/// A filter of requests. An empty field matches every request.
///
/// ```
/// use civitai_oauth_mock::control::{Endpoint, Filter};
///
/// let refused = Filter::endpoint(Endpoint::Token).refresh_token().error("invalid_grant");
/// # let _ = refused;
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Filter {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) endpoint: Option<Endpoint>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) method: Option<HttpMethod>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) grant_type: Option<GrantType>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) client_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) user: Option<UserRef>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
    /// Only requests after this id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) after: Option<u64>,
}

impl Filter {
    /// Whether it names an endpoint or a path.
    fn is_narrow(&self) -> bool {
        self.endpoint.is_some() || self.path.is_some()
    }
}

/// Declares the builder methods of a filter, or of a struct that has one.
macro_rules! filter_builder {
    ($kind:ident $(, $filter:ident)?) => {
        impl $kind {
            /// Every request.
            pub fn any() -> Self {
                Self::default()
            }

            /// Requests at this endpoint.
            pub fn endpoint(endpoint: Endpoint) -> Self {
                let mut all = Self::any();
                all.$($filter.)?endpoint = Some(endpoint);
                all
            }

            /// Only refreshes.
            #[must_use]
            pub fn refresh_token(self) -> Self {
                self.grant_type(GrantType::RefreshToken)
            }

            /// Only exchanges of codes.
            #[must_use]
            pub fn authorization_code(self) -> Self {
                self.grant_type(GrantType::AuthorizationCode)
            }
        }

        $crate::model::builder::builder! { $kind {
            /// Only this exact path, without query and sandbox prefix.
            path(path: impl Into<String>) { $($filter.)?path = Some(path.into()) }
            /// Only this method.
            method(method: HttpMethod) { $($filter.)?method = Some(method) }
            /// Only token requests with this grant.
            grant_type(grant_type: GrantType) { $($filter.)?grant_type = Some(grant_type) }
            /// Only requests of this client.
            client(id: impl Into<String>) { $($filter.)?client_id = Some(id.into()) }
            /// Only requests on behalf of this user.
            user(user: impl Into<UserRef>) { $($filter.)?user = Some(user.into()) }
            /// Only responses with this status.
            status(status: u16) { $($filter.)?status = Some(status) }
            /// Only responses with this error code.
            error(code: impl Into<String>) { $($filter.)?error = Some(code.into()) }
            /// Only requests after this id.
            after(id: u64) { $($filter.)?after = Some(id) }
        } }
    };
}

/// Declares a struct with the keys of a filter and further keys, from which one with a filter is made. Serde's own `flatten`
/// does not report unknown keys.
macro_rules! flatten_filter {
    ($name:ident for $target:ident { $($(#[$about:meta])* $key:ident: $kind:ty,)* }) => {
        #[derive(Default, serde::Deserialize)]
        #[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
        #[serde(default, deny_unknown_fields)]
        struct $name {
            /// Only requests at this endpoint.
            endpoint: Option<crate::protocol::endpoint::Endpoint>,
            /// Only this exact path, without query and sandbox prefix.
            path: Option<String>,
            method: Option<crate::protocol::method::HttpMethod>,
            /// Only token requests with this grant.
            grant_type: Option<crate::protocol::grant_type::GrantType>,
            client_id: Option<String>,
            /// Only requests on behalf of this user.
            user: Option<crate::model::user::UserRef>,
            /// Only responses with this status; 0 for connections that a fault cut.
            status: Option<u16>,
            /// Only responses with this error code.
            error: Option<String>,
            /// Only requests after this id.
            after: Option<u64>,
            $($(#[$about])* $key: $kind,)*
        }

        impl From<$name> for $target {
            fn from(keys: $name) -> Self {
                Self {
                    filter: $crate::control::Filter {
                        endpoint: keys.endpoint,
                        path: keys.path,
                        method: keys.method,
                        grant_type: keys.grant_type,
                        client_id: keys.client_id,
                        user: keys.user,
                        status: keys.status,
                        error: keys.error,
                        after: keys.after,
                    },
                    $($key: keys.$key,)*
                }
            }
        }

        impl From<$crate::control::Filter> for $target {
            fn from(filter: $crate::control::Filter) -> Self {
                Self {
                    filter,
                    ..Self::default()
                }
            }
        }
    };
}

pub(crate) use {filter_builder, flatten_filter};

filter_builder!(Filter);

/// A checked filter, with the id of its user.
#[derive(Debug)]
pub(crate) struct JournalSearch {
    filter: Filter,
    user: Option<i64>,
}

impl JournalSearch {
    /// Whether a request matches. Fields that need parsing are compared last.
    pub(crate) fn matches(&self, request: &StoredExchange) -> bool {
        let Self { filter, user } = self;
        // Browsers send preflights on their own: a search for an endpoint does not mean them.
        let is_hidden = request.is_preflight && filter.method.is_none() && filter.is_narrow();
        !is_hidden
            && filter.after.is_none_or(|after| request.id > after)
            && (filter.endpoint).is_none_or(|wanted| wanted == request.endpoint)
            && (filter.status).is_none_or(|wanted| wanted == request.status)
            && (filter.grant_type).is_none_or(|wanted| request.grant == Some(wanted))
            && (filter.user.is_none() || (user.is_some() && request.user_id == *user))
            && (filter.method).is_none_or(|wanted| wanted.name() == request.method())
            && same(filter.path.as_deref(), || Some(request.path()))
            && same(filter.client_id.as_deref(), || request.client_id())
            && same(filter.error.as_deref(), || request.error())
    }

    /// The id after which requests can match.
    pub(crate) fn after(&self) -> u64 {
        self.filter.after.unwrap_or(0)
    }

    /// Whether matching requests may be among the evicted ones.
    pub(crate) fn may_have_matched(&self, evicted: Evicted) -> bool {
        evicted.count > 0 && self.filter.after.is_none_or(|after| after < evicted.last)
    }
}

/// Whether a text equals the wanted one, if one is wanted.
fn same<T: AsRef<str>>(wanted: Option<&str>, found: impl FnOnce() -> Option<T>) -> bool {
    wanted.is_none_or(|wanted| found().is_some_and(|found| found.as_ref() == wanted))
}

/// Checks that requests to the endpoint can have the grant.
pub(crate) fn check_grant(
    endpoint: Option<Endpoint>,
    grant_type: Option<GrantType>,
) -> Result<(), Invalid> {
    let (Some(endpoint), Some(grant_type)) = (endpoint, grant_type) else {
        return Ok(());
    };
    if endpoint.reads_grant_type() {
        return Ok(());
    }
    let name = grant_type.name();
    let message =
        format!("the endpoint \"{endpoint}\" has no grant_type, so {name:?} never matches");
    let readers = Endpoint::ALL.iter().filter(|one| one.reads_grant_type());
    let names: Vec<&str> = readers.map(|one| one.name()).collect();
    let hint = format!(
        "omit one of them, or use the endpoint {}",
        names.join(" or ")
    );
    Err(Invalid::new("grant_type", message).with_hint(hint))
}

/// Checks that a request can have this status. 0 is a connection that a fault cut.
fn check_status(status: u16) -> Result<(), Invalid> {
    if status == 0 || (100..=599).contains(&status) {
        return Ok(());
    }
    let message = format!("{status} is not a status from 100 to 599");
    Err(Invalid::new("status", message)
        .with_hint("use 0 for requests whose connection was closed without a response"))
}

impl Sandbox {
    /// Checks that a filter can match.
    pub(crate) fn search(&self, filter: Filter) -> ControlResult<JournalSearch> {
        check_grant(filter.endpoint, filter.grant_type)?;
        if let Some(status) = filter.status {
            check_status(status)?;
        }
        let user = self.check_client_and_user(filter.client_id.as_deref(), filter.user.as_ref())?;
        if let Some(error) = &filter.error {
            self.check_error(error)?;
        }
        Ok(JournalSearch { filter, user })
    }

    /// Checks that the client exists or has called, and that the user exists. Returns the id of the user.
    pub(crate) fn check_client_and_user(
        &self,
        client: Option<&str>,
        user: Option<&UserRef>,
    ) -> ControlResult<Option<i64>> {
        if let Some(id) = client {
            let registers = self.settings().unknown_clients == UnknownClients::Register;
            // Searching the journal is slow, so it comes last.
            let is_known = || registers || self.read_client(id).is_ok();
            let has_called = || {
                let called = |request: &StoredExchange| request.client_id();
                self.journal
                    .any(|request| called(request).as_deref() == Some(id))
            };
            if !is_known() && !has_called() {
                self.client_named(id)?;
            }
        }
        match user {
            Some(named) => Ok(Some(self.user_or_deleted(named, "user")?.id.0)),
            None => Ok(None),
        }
    }

    /// Checks that the error code is known: built in, set by a fault, or already in the journal.
    fn check_error(&self, error: &str) -> Result<(), Invalid> {
        let of_faults = self.faults.errors();
        let mut known: Vec<&str> = ErrorCode::ALL.map(ErrorCode::name).to_vec();
        known.extend(OWN_ERRORS);
        known.extend(of_faults.iter().map(String::as_str));
        known.sort_unstable();
        known.dedup();
        let was_answered = |request: &StoredExchange| request.error().as_deref() == Some(error);
        if known.contains(&error) || self.journal.any(was_answered) {
            return Ok(());
        }
        let unknown = Invalid::new("error", format!("no endpoint returns the error {error:?}"));
        let choices = format!("choose among {}", known.join(", "));
        Err(unknown.with_nearest(error, known, choices))
    }
}
