//! Functions for benches and fuzz targets, behind the feature `internals`. Not part of the public interface: they change
//! whenever the code behind them does.

mod service;

use std::path::Path;

use serde_json::Value;

use crate::control::{
    AdvanceClock, ClientSpec, Expectations, Fault, Mint, NewCode, NewConsent, NewSandbox, UserSpec,
};
use crate::invalid::{self, Invalid};
use crate::protocol::authorize_request::AuthorizeRequest;
use crate::protocol::params::Params;
use crate::protocol::pkce::{Challenge, Verifier};
use crate::protocol::redirect_uri::{self, Matching};
use crate::protocol::rules::Rules;
use crate::protocol::scope::Scope;
use crate::protocol::secret::{Secret, SecretHash};
use crate::protocol::token_request::{TokenGrant, TokenRequest};
use crate::sandbox::entropy::Entropy;
use crate::sandbox::settings::SettingsPatch;
use crate::seed::SeedFile;

pub use service::{Answer, Service};

/// A form or a query, and how it is written again.
pub fn form_rewritten(bytes: &[u8]) -> String {
    Params::from_urlencoded(bytes).to_query()
}

/// A JSON body, and its parameters as JSON again.
pub fn json_rewritten(bytes: &[u8]) -> Value {
    Params::from_json(bytes).to_json().into()
}

/// The query of an authorization request: the scope that it asks for, if it is well-formed.
pub fn authorize_request(query: &[u8], rules: &Rules) -> Option<Scope> {
    let request = AuthorizeRequest::parse(&Params::from_urlencoded(query));
    let code_request = request.code_request(Scope::default(), rules).ok()?;
    request.issuable.ok()?;
    Some(code_request.scope)
}

/// A form sent to the token endpoint: whether all parameters that its grant needs are well-formed.
pub fn token_request(authorization: Option<&str>, form: &[u8], rules: &Rules) -> bool {
    let params = Params::from_urlencoded(form);
    let request = TokenRequest::parse(authorization, &params);
    let well_formed = || {
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
    well_formed().is_ok()
}

pub fn scope_of_decimal(text: &str) -> Option<Scope> {
    Scope::parse_decimal(text, Scope::default())
}

pub fn scope_of_leading_digits(text: &str) -> Option<Scope> {
    let rules = Rules::default();
    Scope::parse_leading_digits(text)?.if_it_exists(Scope::default(), &rules)
}

/// Whether the one is a verifier, the other a challenge, and the two fit.
pub fn pkce_fits(verifier: &str, challenge: &str) -> bool {
    match (Verifier::parse(verifier), Challenge::parse(challenge)) {
        (Some(verifier), Some(challenge)) => verifier.fits(&challenge),
        _ => false,
    }
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

/// The rule that it breaks, where it cannot be registered.
pub fn redirect_uri_registered(text: &str, strict: bool) -> Result<(), String> {
    redirect_uri::check_registration(text, strict)
}

/// The stored hash of a secret, in hex.
pub fn secret_hash(secret: &str) -> String {
    SecretHash::new(secret).to_hex()
}

/// Whether the second is the secret that the first is; it takes as long where it is not.
pub fn secret_is(kept: &str, presented: &str) -> bool {
    SecretHash::new(kept).matches(presented)
}

/// Draws tokens, the same for the same seed.
pub fn tokens(seed: u64) -> impl FnMut() -> Secret {
    let entropy = Entropy::new(Some(seed), "internals", 0);
    move || entropy.token()
}

/// A seed file: whether it can be planted.
pub fn seed(text: &str) -> Result<(), Invalid> {
    SeedFile::read(text, Path::new("seed.toml")).map(drop)
}

/// The body of a control call, read as each call reads its own: how many would take it.
pub fn control_body(bytes: &[u8]) -> usize {
    let Ok(value) = serde_json::from_slice::<Value>(bytes) else {
        return 0;
    };
    let object = || value.clone();
    [
        invalid::from_object::<Mint>(object()).is_ok(),
        invalid::from_object::<NewCode>(object()).is_ok(),
        invalid::from_object::<NewConsent>(object()).is_ok(),
        invalid::from_object::<UserSpec>(object()).is_ok(),
        invalid::from_object::<ClientSpec>(object()).is_ok(),
        invalid::from_object::<SettingsPatch>(object()).is_ok(),
        invalid::from_object::<NewSandbox>(object()).is_ok(),
        invalid::from_object::<Fault>(object()).is_ok(),
        invalid::from_json::<AdvanceClock>(object()).is_ok(),
        invalid::from_json::<Expectations>(object()).is_ok(),
    ]
    .into_iter()
    .filter(|taken| *taken)
    .count()
}
