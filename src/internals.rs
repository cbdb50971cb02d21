//! Access to private functions for fuzz targets and benchmarks, behind the feature `internals`. Not part of the public
//! interface: they change whenever the code behind them does.

mod service;

use serde_json::Value;

use crate::control::{
    AdvanceClock, ClientSpec, Expectations, Fault, NewCode, NewConsent, NewSandbox, NewTokens,
    UserSpec,
};
use crate::invalid;
use crate::protocol::authorize_request::AuthorizeRequest;
use crate::protocol::contract_rules::ContractRules;
use crate::protocol::params::Params;
use crate::protocol::redirect_uri::{self, Matching};
use crate::protocol::scope::Scope;
use crate::protocol::token_request::{TokenGrant, TokenRequest};
use crate::sandbox::settings::SettingsPatch;

pub use service::{Service, ServiceResponse};

/// Parses a form or a query, and serializes it again.
pub fn reserialize_form(bytes: &[u8]) -> String {
    Params::from_urlencoded(bytes).to_query()
}

/// Parses the parameters of a JSON body, and returns them as JSON.
pub fn reserialize_json(bytes: &[u8]) -> Value {
    Params::from_json(bytes).to_json().into()
}

/// The scope of an authorization request, if its query is well-formed.
pub fn parse_authorize_request(query: &[u8], rules: &ContractRules) -> Option<Scope> {
    let request = AuthorizeRequest::parse(&Params::from_urlencoded(query));
    let code_request = request.code_request(Scope::default(), rules).ok()?;
    request.issuable.ok()?;
    Some(code_request.scope)
}

/// Whether a form of the token endpoint is well-formed, as far as its grant needs it.
pub fn is_token_request(authorization: Option<&str>, form: &[u8], rules: &ContractRules) -> bool {
    let params = Params::from_urlencoded(form);
    let request = TokenRequest::parse(authorization, &params);
    let check = || {
        let credentials = request.credentials;
        credentials.map_err(|error| error.into_oauth_error(rules))?;
        match request.grant? {
            TokenGrant::AuthorizationCode(exchange) => {
                let exchange = exchange?;
                let verifier = exchange.verifier.as_ref();
                verifier.map_err(|error| error.to_oauth_error(rules))?;
                exchange.check_redirect_uri(params.text("redirect_uri").unwrap_or_default())
            }
            TokenGrant::ClientCredentials(request) => {
                request?.scope(Scope::default(), rules);
                Ok(())
            }
            TokenGrant::RefreshToken(refresh) => refresh?.narrowed_scope(Scope::FULL).map(drop),
            TokenGrant::Password => Ok(()),
        }
    };
    check().is_ok()
}

/// A scope as the documented contract reads it: a decimal number.
pub fn parse_decimal_scope(text: &str) -> Option<Scope> {
    Scope::parse_decimal(text, Scope::default())
}

/// A scope as the deployed server reads it: the digits at its start.
pub fn parse_leading_digits(text: &str) -> Option<Scope> {
    let rules = ContractRules::default();
    Scope::parse_leading_digits(text)?.if_it_exists(Scope::default(), &rules)
}

pub fn redirect_uri_matches(registered: &[String], given: &str, loopback_aware: bool) -> bool {
    let matching = if loopback_aware {
        Matching::LoopbackAware
    } else {
        Matching::Exact
    };
    redirect_uri::matches(registered, given, matching)
}

pub fn redirect_uri_with_params(uri: &str, params: &[(&str, &str)]) -> Option<String> {
    redirect_uri::with_params(uri, params)
}

/// Checks whether a redirect URI can be registered. Errors: the rule that it breaks.
pub fn check_registration(redirect_uri: &str, strict: bool) -> Result<(), String> {
    redirect_uri::check_registration(redirect_uri, strict)
}

/// The number of control calls that accept this body.
pub fn count_accepting_control_calls(bytes: &[u8]) -> usize {
    let Ok(value) = serde_json::from_slice::<Value>(bytes) else {
        return 0;
    };
    let object = || value.clone();
    [
        invalid::from_json::<NewTokens>(object()).is_ok(),
        invalid::from_json::<NewCode>(object()).is_ok(),
        invalid::from_json::<NewConsent>(object()).is_ok(),
        invalid::from_json::<UserSpec>(object()).is_ok(),
        invalid::from_json::<ClientSpec>(object()).is_ok(),
        invalid::from_json::<SettingsPatch>(object()).is_ok(),
        invalid::from_json::<NewSandbox>(object()).is_ok(),
        invalid::from_json::<Fault>(object()).is_ok(),
        invalid::from_json::<AdvanceClock>(object()).is_ok(),
        invalid::from_json::<Expectations>(object()).is_ok(),
    ]
    .into_iter()
    .filter(|is_accepted| *is_accepted)
    .count()
}
