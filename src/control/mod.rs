//! The operations of the mock: types of their input and output.
//!
//! The operations are methods of [`MockSandbox`](crate::MockSandbox). Over HTTP they are the control API below `/_mock`, with
//! the same names as JSON keys.
//!
//! | about | input | output |
//! |---|---|---|
//! | settings | [`SettingsPatch`] | [`Settings`], [`ContractView`] |
//! | the clock | [`Timestamp`] | [`ClockView`] |
//! | users | [`UserSpec`], [`UserRef`] | [`User`], [`SessionCookie`] |
//! | clients | [`ClientSpec`] | [`Client`], [`NewSecret`] |
//! | tokens and codes | [`NewTokens`], [`NewCode`] | [`Tokens`], [`TokenView`], [`Introspection`], [`IssuedCode`] |
//! | consents | [`NewConsent`], [`BuzzLimit`] | [`ConsentView`] |
//! | spends | | [`SpendView`], [`Spending`], [`BudgetState`], [`Bucket`] |
//! | user and client of tokens, codes, consents and spends | [`GrantFilter`] | |
//! | faults | [`Fault`], [`Preset`] | [`FaultView`], [`AppliedPreset`] |
//! | the journal | [`RequestQuery`], [`Filter`], [`Expect`], [`Expectations`] | [`RequestList`], [`JournalRequest`], [`RequestDetail`], [`Counters`], [`Change`] |
//! | advice | | [`Advice`], [`Finding`], [`Severity`] |
//! | snapshots | | [`Snapshot`] |
//! | sandboxes | [`NewSandbox`] | [`SandboxInfo`] |
//!
//! Endpoints, grants and methods are enums: [`Endpoint`], [`GrantType`], [`HttpMethod`]. `Debug` does not print a [`Secret`].

// Each operation is written once, as a method of the sandbox. `control_api/`, `mock_server/`, `mcp/` and the pages call it.

mod advice;
pub(crate) mod advice_query;
pub(crate) mod changes;
pub(crate) mod clients;
pub(crate) mod clock;
pub(crate) mod codes;
pub(crate) mod consents;
pub(crate) mod contract;
pub(crate) mod devices;
pub(crate) mod error;
pub(crate) mod expectations;
pub(crate) mod faults;
pub(crate) mod filter;
mod grant_filter;
pub(crate) mod har;
mod journal_page;
pub(crate) mod listing;
mod lookup;
mod request_detail;
mod requests;
pub(crate) mod sandboxes;
pub(crate) mod sessions;
mod settings;
mod sign_in_pages;
pub(crate) mod snapshots;
pub(crate) mod spends;
pub(crate) mod tokens;
pub(crate) mod users;
pub(crate) mod verify;

pub use crate::advice::{Advice, Explanation, Finding, Severity};
pub use crate::model::account::Currency;
pub use crate::model::buzz::{Budget, BuzzLimit};
pub use crate::model::client::{AccessMode, Client};
pub use crate::model::client_spec::ClientSpec;
pub use crate::model::ledger::{Bucket, BudgetState, Spending};
pub use crate::model::period::Window;
pub use crate::model::token::TokenKind;
pub use crate::model::user::{Buzz, User, UserRef};
pub use crate::model::user_spec::UserSpec;
pub use crate::oauth::issue::Tokens;
pub use crate::protocol::endpoint::Endpoint;
pub use crate::protocol::grant_type::{GrantType, SupportedGrant};
pub use crate::protocol::ids::{ClientId, UserId};
pub use crate::protocol::method::HttpMethod;
pub use crate::protocol::secret::Secret;
pub use crate::protocol::time::Timestamp;
pub use crate::sandbox::changes::{Change, ChangeKind};
pub use crate::sandbox::faults::{Fault, FaultView};
pub use crate::sandbox::journal::Counters;
pub use crate::sandbox::settings::{Settings, SettingsPatch};
pub use crate::sandbox::spending::SpendView;
pub use clients::NewSecret;
pub use clock::ClockView;
pub use codes::{CodeView, IssuedCode, NewCode};
pub use consents::{ConsentView, NewConsent};
pub use contract::{ContractView, DifferenceView};
pub use expectations::{Expect, Expectations};
pub use faults::{AppliedPreset, NewPresetFault, Preset};
pub(crate) use faults::{describe_fault, is_over, is_preset_on, preset_of};
pub use filter::Filter;
pub use grant_filter::GrantFilter;
pub use request_detail::{CredentialEventView, CredentialHistory, RequestDetail};
pub(crate) use requests::RequestFormat;
pub use requests::{DecisionView, JournalRequest, RequestList, RequestQuery};
pub use sandboxes::{NewSandbox, SandboxInfo};
pub use sessions::{SessionCookie, SessionView};
pub use snapshots::Snapshot;
pub use tokens::{Introspection, NewTokens, TokenView};

pub(crate) use advice_query::{AdviceFormat, AdviceQuery};
pub(crate) use clients::NewClient;
pub(crate) use clock::{AdvanceClock, FreezeClock, SetClock};
pub(crate) use devices::{Approval, Denial};
pub(crate) use error::{ControlError, ControlResult, MismatchView};
pub(crate) use journal_page::{JournalPage, JournalPageQuery, KindFilter, PageSearch};
pub(crate) use request_detail::RequestOptions;
pub(crate) use sandboxes::check_name;
pub(crate) use sessions::{NewSession, SessionFilter};
pub(crate) use sign_in_pages::ListedRequest;
pub(crate) use spends::ResetBudgets;
pub(crate) use tokens::{ExpireTokens, TokenParam, TokenSelector};
