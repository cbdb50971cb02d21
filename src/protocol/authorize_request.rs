//! The authorization request (RFC 6749 §4.1.1, RFC 7636 §4.3), parsed once. `oauth/authorize.rs` answers it.

use super::contract_rules::ContractRules;
use crate::contract::Difference;
use crate::protocol::error::{ErrorCode, OAuthError, malformed_scope_error};
use crate::protocol::format::{is_scope_text, is_vschar};
use crate::protocol::ids::ClientId;
use crate::protocol::params::Params;
use crate::protocol::pkce::Challenge;
use crate::protocol::scope::Scope;

/// The most bytes of a parameter that is stored with a code. Clients send a few hundred bytes at most. The bound
/// is the mock's; its error is Civitai's for an unusable parameter.
pub(crate) const MAX_STORED_BYTES: usize = 2048;

/// An authorization request. Civitai checks one part after another, in the order of the methods; the client and its
/// redirect URI come first. There is no `Debug`: a parameter may be a misplaced secret.
pub(crate) struct AuthorizeRequest {
    /// Reported after the rate limit is checked.
    pub(crate) client_id: Result<String, OAuthError>,
    /// None if it is missing or too long to be stored.
    pub(crate) redirect_uri: Option<String>,
    /// `approved`: the user has pressed the button of the consent page.
    pub(crate) is_approved: bool,
    /// `remember`: the approval is stored.
    pub(crate) is_remembered: bool,
    pub(crate) buzz_limit: Option<BuzzLimitParam>,
    is_for_code: bool,
    challenge: Result<Challenge, OAuthError>,
    state: Option<String>,
    /// A number as JavaScript reads it.
    scope: String,
    nonce: Option<String>,
    /// The parameter that is too long to be stored.
    too_long: Option<&'static str>,
    /// Reported when a code is about to be issued.
    pub(crate) issuable: Result<(), OAuthError>,
}

/// The budget of the request: Civitai's JSON, or the form of the consent page, which works without a script.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum BuzzLimitParam {
    Json(String),
    Form {
        amount: String,
        days: String,
    },
    /// The form without a limit.
    Off,
}

/// The parameters that are stored with a code.
#[derive(Debug, Clone)]
pub(crate) struct CodeRequest {
    pub(crate) challenge: Challenge,
    pub(crate) state: String,
    /// With [`Scope::USER_READ`].
    pub(crate) scope: Scope,
    /// Present and not empty: the client wants an id token.
    pub(crate) nonce: Option<String>,
}

impl AuthorizeRequest {
    pub(crate) fn parse(params: &Params) -> Self {
        let text = |name: &str| params.text(name).map(str::to_owned);
        let is_true = |name: &str| params.text(name) == Some("true");
        Self {
            client_id: client_id(params),
            redirect_uri: params
                .non_empty("redirect_uri")
                .filter(|given| given.len() <= MAX_STORED_BYTES),
            is_approved: is_true("approved"),
            is_remembered: is_true("remember"),
            buzz_limit: text("buzz_limit").map(|limit| match text("buzz_limit_days") {
                None => BuzzLimitParam::Json(limit),
                Some(days) if is_true("buzz_limit_on") => BuzzLimitParam::Form {
                    amount: limit,
                    days,
                },
                Some(_) => BuzzLimitParam::Off,
            }),
            is_for_code: params.text("response_type") == Some("code"),
            challenge: challenge(params),
            state: params.non_empty("state"),
            scope: params.number_text("scope").unwrap_or_default(),
            nonce: text("nonce").filter(|nonce| !nonce.is_empty()),
            too_long: ["code_challenge", "nonce"].into_iter().find(|name| {
                params.non_empty(name).map_or(0, |text| text.len()) > MAX_STORED_BYTES
            }),
            issuable: issuable(params),
        }
    }

    /// In the order in which Civitai checks. `declared` are the scope bits that exist in addition to Civitai's.
    pub(crate) fn code_request(
        &self,
        declared: Scope,
        rules: &ContractRules,
    ) -> Result<CodeRequest, OAuthError> {
        rules.record_divergence(Difference::ResponseType, !self.is_for_code);
        if rules.follows_documentation(Difference::ResponseType) && !self.is_for_code {
            return Err(OAuthError::invalid_request("response_type must be code"));
        }
        let challenge = self.challenge.clone()?;
        let Some(state) = self.state.clone() else {
            return Err(OAuthError::invalid_request("state parameter is required"));
        };
        let scope = Scope::parse_by(&self.scope, declared, rules)
            .filter(|scope| !scope.covers(Scope::APP_STORE_CATALOG_WRITE))
            .ok_or_else(|| OAuthError::invalid_scope("Invalid scope value"))?;
        if let Some(name) = self.too_long {
            return Err(OAuthError::invalid_parameter(name));
        }
        Ok(CodeRequest {
            challenge,
            state,
            scope: scope.with_user_read(),
            nonce: self.nonce.clone(),
        })
    }
}

fn client_id(params: &Params) -> Result<String, OAuthError> {
    let id = params.non_empty("client_id");
    let id = id.ok_or_else(|| OAuthError::invalid_request("Missing client_id"))?;
    if ClientId::is_app_block(&id) {
        return Err(OAuthError::invalid_client(
            "This client cannot be used for interactive authorization",
        ));
    }
    Ok(id)
}

fn challenge(params: &Params) -> Result<Challenge, OAuthError> {
    let (Some(challenge), Some(method)) = (
        params.non_empty("code_challenge"),
        params.non_empty("code_challenge_method"),
    ) else {
        return Err(OAuthError::invalid_request(
            "PKCE required: provide code_challenge and code_challenge_method=S256",
        ));
    };
    if method != "S256" {
        return Err(OAuthError::invalid_request(
            "Only S256 code_challenge_method is supported",
        ));
    }
    Ok(Challenge(challenge))
}

/// The last checks of the parameters.
fn issuable(params: &Params) -> Result<(), OAuthError> {
    let state = params.non_empty("state").unwrap_or_default();
    if !is_vschar(&state) {
        return Err(OAuthError::invalid_parameter("state"));
    }
    if params.text("allowed") == Some("false") {
        return Err(OAuthError::new(
            ErrorCode::UserDenied,
            "Access denied: user denied access to application",
        ));
    }
    match params.scope() {
        Ok(Some(text)) if !is_scope_text(text.trim()) => Err(malformed_scope_error()),
        Err(()) => Err(malformed_scope_error()),
        _ => Ok(()),
    }
}
