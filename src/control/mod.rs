//! What makes it a mock? Time, faults, journal, snapshots, users, clients, tokens: what the verbs take and give.
//!
//! The verbs themselves are the methods of [`MockSandbox`](crate::MockSandbox); over HTTP they are the calls below
//! `/_mock`, with the same words as JSON.
//!
//! | about | to say what is wanted | to read what there is |
//! |---|---|---|
//! | settings | [`SettingsPatch`] | [`Settings`], [`ContractView`] |
//! | the clock | [`Moment`] | [`ClockView`] |
//! | users | [`UserSpec`], [`UserRef`] | [`User`], [`Session`] |
//! | clients | [`ClientSpec`] | [`Client`], [`NewSecret`] |
//! | tokens and codes | [`Mint`], [`NewCode`] | [`Tokens`], [`TokenView`], [`Introspection`], [`IssuedCode`] |
//! | consents | [`Agreement`], [`BuzzLimit`] | [`Agreed`] |
//! | spends | | [`Spent`], [`Spending`], [`Rule`], [`Bucket`] |
//! | whose they are | [`Whose`] | |
//! | faults | [`Fault`], [`Preset`] | [`SetFault`], [`PresetSet`] |
//! | the journal | [`Requests`], [`Filter`], [`Expect`], [`Expectations`] | [`Exchanges`], [`Exchange`], [`Counters`] |
//! | what production would punish | | [`Advice`], [`Finding`], [`Severity`] |
//! | snapshots | | [`Snapshot`] |
//! | sandboxes | [`NewSandbox`] | [`SandboxInfo`] |
//!
//! Endpoints, grants and methods are closed lists: [`Endpoint`], [`GrantType`], [`Method`]. What is a [`Secret`] is not
//! printed by `Debug`.

// Each verb is written once, as a method of the sandbox. The doors are `http/`, `mock_server/` and `cli/commands.rs`; a door
// decides nothing.

mod advice;
pub(crate) mod advice_query;
pub(crate) mod clients;
pub(crate) mod clock;
pub(crate) mod codes;
pub(crate) mod consents;
pub(crate) mod contract;
pub(crate) mod devices;
pub(crate) mod faults;
pub(crate) mod filter;
pub(crate) mod keys;
pub(crate) mod listing;
pub(crate) mod request_log;
pub(crate) mod requests;
pub(crate) mod sandboxes;
pub(crate) mod sessions;
pub(crate) mod snapshots;
pub(crate) mod spends;
pub(crate) mod tokens;
pub(crate) mod users;
pub(crate) mod verify;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::http::respond::MAKE_ROOM;
use crate::http::session;
use crate::invalid::{self, Invalid};
use crate::protocol::scope::Scope;
use crate::protocol::scope_input::ScopeSpec;
use crate::sandbox::Sandbox;
use crate::store::StoreError;

pub use crate::advice::{Advice, Finding, Severity, Why};
pub use crate::api::spend::Spent;
pub use crate::model::account::Currency;
pub use crate::model::buzz::{Budget, BuzzLimit, Window};
pub use crate::model::client::{AccessMode, Client, Grant};
pub use crate::model::ledger::{Bucket, Rule, Spending};
pub use crate::model::token::TokenKind;
pub use crate::model::user::{Buzz, User, UserRef};
pub use crate::oauth::mint::Tokens;
pub use crate::protocol::call::{Endpoint, GrantType, Method};
pub use crate::protocol::ids::{ClientId, UserId};
pub use crate::protocol::secret::Secret;
pub use crate::protocol::time::Moment;
pub use crate::sandbox::faults::{Fault, SetFault};
pub use crate::sandbox::journal::Counters;
pub use crate::sandbox::settings::{Settings, SettingsPatch};
pub use clients::{ClientSpec, NewSecret};
pub use clock::ClockView;
pub use codes::{CodeView, IssuedCode, NewCode};
pub use consents::{Agreed, Agreement};
pub use contract::{ContractView, DifferenceView};
pub use faults::{Preset, PresetFault, PresetSet};
pub use filter::Filter;
pub use requests::{Decided, Exchange, Exchanges, Requests};
pub use sandboxes::{NewSandbox, SandboxInfo};
pub use sessions::{Session, SessionView};
pub use snapshots::Snapshot;
pub use tokens::{Introspection, Mint, TokenView};
pub use users::UserSpec;
pub use verify::{Expect, Expectations};

pub(crate) use advice_query::{Asked as AskedAdvice, Format as AdviceFormat};
pub(crate) use clock::{Advance, Freeze, Set};
pub(crate) use devices::{Approval, Denial};
pub(crate) use sandboxes::check_name;
pub(crate) use sessions::{SignIn, SignedIn};
pub(crate) use spends::Grantee;
pub(crate) use tokens::{OneToken, SomeTokens};

/// Why a control call was not carried out.
#[derive(Debug)]
pub(crate) enum ControlError {
    /// The input is wrong.
    Invalid(Invalid),
    /// What the path names is not there.
    NotFound(Invalid),
    /// What is to be made is there already.
    Conflict(Invalid),
    /// The journal is not what was expected.
    Mismatch {
        differences: Vec<String>,
        counters: Counters,
    },
    /// Too many callers read the journal, or the spends of many apps.
    Busy(Invalid),
    Store(StoreError),
}

impl ControlError {
    /// As the doors show it.
    pub(crate) fn to_json(&self) -> Value {
        let (error, why) = match self {
            Self::Invalid(why) => ("invalid", why),
            Self::NotFound(why) => ("not_found", why),
            Self::Conflict(why) => ("conflict", why),
            Self::Busy(why) => ("busy", why),
            Self::Mismatch {
                differences,
                counters,
            } => {
                return json!({
                    "error": "mismatch",
                    "message": differences.join("; "),
                    "path": "",
                    "hint": "GET requests shows what came",
                    "differences": differences,
                    "counters": counters,
                });
            }
            Self::Store(why @ StoreError::Unwritable { .. }) => {
                let why = Invalid::new("database", why.to_string());
                return why.with_hint(StoreError::SEND_AGAIN).to_json("unwritable");
            }
            Self::Store(why @ StoreError::Full { .. }) => {
                let why = Invalid::new("sandbox", why.to_string());
                return why.with_hint(MAKE_ROOM).to_json("full");
            }
            Self::Store(_) => return json!({ "error": "server_error" }),
        };
        why.to_json(error)
    }
}

impl From<Invalid> for ControlError {
    fn from(why: Invalid) -> Self {
        Self::Invalid(why)
    }
}

impl From<StoreError> for ControlError {
    fn from(why: StoreError) -> Self {
        Self::Store(why)
    }
}

pub(crate) type Outcome<T> = Result<T, ControlError>;

/// Whose tokens or consents are meant; what is not given means everybody's.
///
/// ```
/// use civitai_oauth_mock::control::Whose;
///
/// let one_pair = Whose::all().user("ada").client("my-app");
/// # let _ = one_pair;
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Whose {
    pub(crate) user: Option<UserRef>,
    pub(crate) client_id: Option<String>,
}

impl Whose {
    /// Everybody's.
    pub fn all() -> Self {
        Self::default()
    }

    /// Only this user's.
    #[must_use]
    pub fn user(mut self, user: impl Into<UserRef>) -> Self {
        self.user = Some(user.into());
        self
    }

    /// Only this client's.
    #[must_use]
    pub fn client(mut self, id: impl Into<String>) -> Self {
        self.client_id = Some(id.into());
        self
    }
}

/// As [`Whose`], with the user found.
#[derive(Debug)]
struct Known {
    user: Option<UserId>,
    client_id: Option<String>,
}

impl Known {
    fn as_key(&self) -> (Option<UserId>, Option<&str>) {
        (self.user, self.client_id.as_deref())
    }
}

impl Sandbox {
    /// Changes some settings.
    pub(crate) fn patch_settings(&self, patch: SettingsPatch) -> Outcome<Settings> {
        if let Some(named) = patch.user_to_sign_in() {
            self.user(named, "login")?;
        }
        let settings = (*self.settings()).clone().patched(patch.clone());
        settings.check_lifetimes()?;
        let changed = self.if_today(|today| {
            let patch = patch.clone();
            today.change_settings(|settings| settings.patched(patch))
        });
        Ok(changed.unwrap_or_else(|| (*self.settings()).clone().patched(patch)))
    }

    /// The scope that is meant, with the bits that are declared here.
    fn resolve_scope(&self, spec: &ScopeSpec) -> Result<Scope, Invalid> {
        spec.resolve(&self.settings().rules.declared_scopes)
            .map_err(|reason| invalid::explain("scope", &reason))
    }

    fn resolve_whose(&self, whose: Whose) -> Outcome<Known> {
        let user = match &whose.user {
            Some(named) => Some(self.user_or_deleted(named, "user")?.id),
            None => None,
        };
        if let Some(id) = &whose.client_id {
            self.client_named(id)?;
        }
        Ok(Known {
            user,
            client_id: whose.client_id,
        })
    }

    /// The client that the key `client_id` names.
    fn client_named(&self, id: &str) -> Outcome<Client> {
        self.read_client(id).map_err(|why| match why {
            ControlError::NotFound(why) => ControlError::Invalid(Invalid {
                path: "client_id".to_owned(),
                ..why
            }),
            other => other,
        })
    }

    /// A user who is there, deleted or not; `path` is where the name stands in the input.
    fn user_or_deleted(&self, named: &UserRef, path: &str) -> Outcome<User> {
        match self.world().find_user(named) {
            Some(user) => Ok(user),
            None => Err(session::no_user(self, path, named).into()),
        }
    }

    /// A user who is there and not deleted; `path` is where the name stands in the input.
    fn user(&self, named: &UserRef, path: &str) -> Outcome<User> {
        let user = self.user_or_deleted(named, path)?;
        if user.deleted {
            return Err(session::no_user(self, path, named).into());
        }
        Ok(user)
    }
}
