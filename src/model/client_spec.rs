//! The input format of a client, in seeds, control calls, the environment and Rust: every key is optional, for a new client
//! and for the changes of one.

use crate::invalid::Invalid;
use crate::model::client::{AccessMode, Client};
use crate::model::patch_struct::{patch_struct, set};
use crate::model::user::{User, UserRef};
use crate::protocol::declared_scopes::DeclaredScopes;
use crate::protocol::format::is_vschar;
use crate::protocol::grant_type::{GrantType, SupportedGrant};
use crate::protocol::ids::{ClientId, UserId};
use crate::protocol::redirect_uri;
use crate::protocol::scope::Scope;
use crate::protocol::scope_input::ScopeSpec;
use crate::protocol::secret::Secret;
use crate::suggest::ValueError;

patch_struct! {
    /// A client to register, or the changes of one: only the given keys. [`Client`] describes the keys.
    ///
    /// ```
    /// use civitai_oauth_mock::control::{ClientSpec, GrantType};
    ///
    /// let television = ClientSpec::named("Television").grants([GrantType::DeviceCode]);
    /// let backend = ClientSpec::named("Backend")
    ///     .id("backend")
    ///     .secret("not-so-secret")
    ///     .redirect_uris(["https://app.example/callback"]);
    /// # let _ = (television, backend);
    /// ```
    ClientSpec, "ClientPatch" {
        /// The id, a UUID by default. It cannot be changed.
        set id: String;
        /// The name on the consent page. Required for a new client.
        set name: String;
        /// The description on the consent page.
        set description: String;
        /// The URL of its logo.
        null logo_url: String, no_logo_url;
        /// Whether it is confidential; by default, whether a secret is given.
        null confidential: bool, confidential_if_it_has_a_secret;
        /// Its secret.
        null secret: Secret, no_secret;
        /// Its redirect URIs.
        list redirect_uris: String;
        /// Extension of the mock: accepts every loopback redirect URI.
        set any_loopback_redirect: bool;
        /// The origins that may call for it (CORS); by default, those of its redirect URIs.
        null_list allowed_origins: String;
        /// Its grants; by default authorization code and refresh token.
        list grants: SupportedGrant;
        /// The largest scope of its tokens; by default Full Access.
        set allowed_scopes: ScopeSpec;
        /// Whether the consent page shows the verified badge.
        set verified: bool;
        /// The users that may use it.
        set access_mode: AccessMode;
        /// Whether it may call `/introspect`, if it is confidential.
        set may_introspect: bool;
        /// Its owner; by default the first user.
        null owner: UserRef, owned_by_the_first_user;
    }
}

impl ClientSpec {
    /// A client of this name.
    pub fn named(name: impl Into<String>) -> Self {
        Self::new().name(name)
    }

    /// A new client. Missing keys have their defaults.
    pub(crate) fn create(
        self,
        users: &[User],
        declared: &DeclaredScopes,
    ) -> Result<Client, Invalid> {
        let missing = |key: &str| Invalid::new("", format!("missing key {key:?}"));
        let client = Client {
            id: ClientId(self.id.clone().ok_or_else(|| missing("id"))?),
            name: self.name.clone().ok_or_else(|| missing("name"))?,
            description: String::new(),
            logo_url: None,
            confidential: false,
            secret: None,
            redirect_uris: Vec::new(),
            any_loopback_redirect: false,
            allowed_origins: Vec::new(),
            grants: vec![GrantType::AuthorizationCode, GrantType::RefreshToken],
            allowed_scopes: Scope::FULL,
            verified: false,
            access_mode: AccessMode::default(),
            may_introspect: false,
            owner: UserId(1),
            auto_registered: false,
        };
        // `null` asks for the default.
        let spec = Self {
            confidential: self.confidential.or(Some(None)),
            allowed_origins: self.allowed_origins.or(Some(None)),
            owner: self.owner.or(Some(None)),
            ..self
        };
        spec.change(client, users, declared)
    }

    /// The client with these changes.
    pub(crate) fn change(
        self,
        before: Client,
        users: &[User],
        declared: &DeclaredScopes,
    ) -> Result<Client, Invalid> {
        let mut client = before;
        if let Some(id) = self.id.filter(|id| client.id != id.as_str()) {
            let message = format!("{id} is not {}: an id cannot be changed", client.id);
            return Err(Invalid::new("id", message));
        }
        check_id(client.id.as_str())?;
        if let Some(secret) = self.secret {
            secret.as_ref().map_or(Ok(()), check_secret)?;
            client.secret = secret.as_ref().map(Secret::hash);
        }
        let has_secret = client.secret.is_some();
        set(
            &mut client.confidential,
            self.confidential.map(|value| value.unwrap_or(has_secret)),
        );
        if let Some(uris) = self.redirect_uris {
            check_each("redirect_uris", &uris, redirect_uri::check)?;
            client.redirect_uris = uris;
        }
        match self.allowed_origins {
            Some(Some(origins)) => {
                check_each("allowed_origins", &origins, redirect_uri::check_origin)?;
                client.allowed_origins = origins;
            }
            Some(None) => client.allowed_origins = redirect_uri::origins(&client.redirect_uris),
            None => {}
        }
        match self.owner {
            Some(Some(named)) => client.owner = find_owner(users, &named)?,
            Some(None) => client.owner = users.first().map_or(UserId(1), |user| user.id),
            None => {}
        }
        if let Some(scope) = self.allowed_scopes {
            client.allowed_scopes = scope
                .resolve(declared)
                .map_err(|error| Invalid::rule("allowed_scopes", error))?;
        }
        set(&mut client.name, self.name);
        set(&mut client.description, self.description);
        set(&mut client.logo_url, self.logo_url);
        set(
            &mut client.any_loopback_redirect,
            self.any_loopback_redirect,
        );
        if let Some(grants) = self.grants {
            client.grants = check_grants(grants)?;
        }
        set(&mut client.verified, self.verified);
        set(&mut client.access_mode, self.access_mode);
        set(&mut client.may_introspect, self.may_introspect);
        client.check_size()?;
        Ok(client)
    }
}

/// Checks that a client can authenticate by this id.
pub(crate) fn check_id(id: &str) -> Result<(), Invalid> {
    if id.is_empty() {
        let error = Invalid::new("id", "the id is empty");
        return Err(error.with_hint("write an id"));
    }
    ClientId::check(id).map_err(|reason| {
        Invalid::new("id", reason).with_hint("use letters, digits, \"-\", \".\" and \"_\"")
    })
}

/// Checks that the token endpoint accepts the text as a secret.
pub(crate) fn check_secret(secret: &Secret) -> Result<(), Invalid> {
    if secret.reveal().is_empty() {
        let message = "the secret is empty; remove the key for a public client";
        return Err(Invalid::new("secret", message));
    }
    if !is_vschar(secret.reveal()) {
        let message = "a client secret is printable ASCII (RFC 6749 appendix A.2): with any other character no client can \
                       authenticate";
        return Err(Invalid::new("secret", message));
    }
    Ok(())
}

/// A builder in Rust accepts every [`GrantType`].
fn check_grants(grants: Vec<SupportedGrant>) -> Result<Vec<GrantType>, Invalid> {
    let grants = grants.into_iter().map(GrantType::from).enumerate();
    grants
        .map(|(at, grant)| {
            grant
                .check_supported()
                .map_err(|error| Invalid::rule(format!("grants[{at}]"), error))
        })
        .collect()
}

fn check_each(
    key: &str,
    texts: &[String],
    check: impl Fn(&str) -> Result<(), String>,
) -> Result<(), Invalid> {
    let mut checked = texts.iter().enumerate();
    checked.try_for_each(|(at, text)| {
        let path = format!("{key}[{at}]");
        check(text).map_err(|reason| Invalid::rule(path, ValueError::new(reason)))
    })
}

fn find_owner(users: &[User], named: &UserRef) -> Result<UserId, Invalid> {
    if let Some(user) = named.find_in(users) {
        return Ok(user.id);
    }
    let error = Invalid::new("owner", format!("no user {:?}", named.to_string()));
    if let Some(hint) = named.hint_for_digits(users) {
        return Err(error.with_hint(hint));
    }
    let names = users.iter().filter_map(|user| user.username.as_deref());
    Err(error.with_nearest(&named.to_string(), names, "name a user by id or username"))
}
