//! The seed format for files and control calls, and the demo data of a server without configuration.

use std::collections::HashSet;
use std::path::Path;

use serde::de::{self, Deserializer};
use serde::{Deserialize, Serialize};

use crate::invalid::{self, Invalid};
use crate::model::client::{AccessMode, Client};
use crate::model::user::{User, UserRef};
use crate::protocol::declared_scopes::DeclaredScopes;
use crate::protocol::format::is_vschar;
use crate::protocol::grant_type::{self, GrantType};
use crate::protocol::ids::{ClientId, UserId};
use crate::protocol::redirect_uri;
use crate::protocol::scope::Scope;
use crate::protocol::scope_input::ScopeSpec;
use crate::protocol::secret::Secret;
use crate::store::Seed;

/// Three users, a confidential and a public client.
const DEMO: &str = include_str!("demo.toml");

/// A seed file as it is written.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "Seed")
)]
#[serde(deny_unknown_fields)]
pub(crate) struct SeedFile {
    #[serde(default)]
    users: Vec<User>,
    #[serde(default)]
    clients: Vec<ClientSpec>,
    /// Scope bits that exist in addition to Civitai's.
    #[serde(default)]
    scopes: DeclaredScopes,
}

/// A client as the seed format describes one; what is left out is decided by [`ClientSpec::resolve`].
#[derive(Debug, Clone, Deserialize, Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "SeedClient")
)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClientSpec {
    pub(crate) id: ClientId,
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) description: String,
    #[serde(default)]
    pub(crate) logo_url: Option<String>,
    #[serde(default)]
    pub(crate) confidential: Option<bool>,
    #[serde(default, skip_serializing)]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<String>"))]
    pub(crate) secret: Option<SecretText>,
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schemars(with = "Vec<String>"))]
    pub(crate) redirect_uris: Vec<RedirectUriText>,
    #[serde(default)]
    pub(crate) any_loopback_redirect: bool,
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<Vec<String>>"))]
    pub(crate) allowed_origins: Option<Vec<OriginText>>,
    #[serde(
        default = "default_grants",
        deserialize_with = "grant_type::deserialize_supported"
    )]
    #[cfg_attr(
        feature = "openapi",
        schemars(with = "Vec<grant_type::SupportedGrant>")
    )]
    pub(crate) grants: Vec<GrantType>,
    #[serde(default = "default_scopes")]
    pub(crate) allowed_scopes: ScopeSpec,
    #[serde(default)]
    pub(crate) verified: bool,
    #[serde(default)]
    pub(crate) access_mode: AccessMode,
    #[serde(default)]
    pub(crate) may_introspect: bool,
    #[serde(default)]
    pub(crate) owner: Option<UserRef>,
}

fn default_grants() -> Vec<GrantType> {
    vec![GrantType::AuthorizationCode, GrantType::RefreshToken]
}

fn default_scopes() -> ScopeSpec {
    Scope::FULL.into()
}

/// A client secret in a seed: text that the token endpoint accepts as one.
#[derive(Debug, Clone)]
pub(crate) struct SecretText(pub(crate) Secret);

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.is_empty() {
            return Err(de::Error::custom(
                "an empty secret: leave the key out for a public client",
            ));
        }
        if !is_vschar(&text) {
            return Err(de::Error::custom(
                "a client secret is printable ASCII (RFC 6749 appendix A.2): with any other character no client can \
                 authenticate",
            ));
        }
        Ok(Self(Secret::new(text)))
    }
}

/// A redirect URI in a seed.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub(crate) struct RedirectUriText(String);

impl<'de> Deserialize<'de> for RedirectUriText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        redirect_uri::check(&text).map_err(de::Error::custom)?;
        Ok(Self(text))
    }
}

/// An allowed origin in a seed: `scheme://host` or `scheme://host:port` and nothing after it.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub(crate) struct OriginText(String);

impl<'de> Deserialize<'de> for OriginText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        redirect_uri::check_origin(&text).map_err(de::Error::custom)?;
        Ok(Self(text))
    }
}

/// That a client can authenticate by this id.
pub(crate) fn check_id(id: &str) -> Result<(), Invalid> {
    ClientId::check(id).map_err(|reason| {
        Invalid::new("id", reason).with_hint("use letters, digits, \"-\", \".\" and \"_\"")
    })
}

impl ClientSpec {
    /// The client that is described: with its defaults, and an owner who is among the users.
    pub(crate) fn resolve(
        self,
        users: &[User],
        declared: &DeclaredScopes,
    ) -> Result<Client, Invalid> {
        if self.id.as_str().is_empty() {
            return Err(
                Invalid::new("id", "no request can name a client without an id")
                    .with_hint("give the id some text"),
            );
        }
        check_id(self.id.as_str())?;
        let owner = match &self.owner {
            None => users.first().map_or(UserId(1), |user| user.id),
            Some(named) => find(users, named).ok_or_else(|| {
                let names = users.iter().filter_map(|user| user.username.as_deref());
                let invalid = Invalid::new("owner", format!("no user {:?}", named.to_string()));
                match named.hint_for_digits(users) {
                    Some(hint) => invalid.with_hint(hint),
                    None => invalid.with_nearest(
                        &named.to_string(),
                        names,
                        "name a user by id or username",
                    ),
                }
            })?,
        };
        let allowed_scopes = self
            .allowed_scopes
            .resolve(declared)
            .map_err(|reason| invalid::explain("allowed_scopes", &reason))?;
        let redirect_uris: Vec<String> = self.redirect_uris.into_iter().map(|uri| uri.0).collect();
        let client = Client {
            confidential: self.confidential.unwrap_or(self.secret.is_some()),
            allowed_origins: match self.allowed_origins {
                Some(origins) => origins.into_iter().map(|origin| origin.0).collect(),
                None => redirect_uri::origins(&redirect_uris),
            },
            secret: self.secret.map(|secret| secret.0.hash()),
            id: self.id,
            name: self.name,
            description: self.description,
            logo_url: self.logo_url,
            redirect_uris,
            any_loopback_redirect: self.any_loopback_redirect,
            grants: self.grants,
            allowed_scopes,
            verified: self.verified,
            access_mode: self.access_mode,
            may_introspect: self.may_introspect,
            owner,
            adopted: false,
        };
        client.check_size()?;
        Ok(client)
    }
}

/// The id of the user who is named, if there is one.
fn find(users: &[User], named: &UserRef) -> Option<UserId> {
    named.find_in(users).map(|user| user.id)
}

/// What a seed comes to, and the secrets that only the start-up message may show.
#[derive(Debug, Clone, Default)]
pub(crate) struct Planting {
    pub(crate) seed: Seed,
    pub(crate) scopes: DeclaredScopes,
    pub(crate) secrets: Vec<(ClientId, Secret)>,
}

#[cfg(feature = "cli")]
impl Planting {
    /// The users who are not deleted.
    pub(crate) fn can_sign_in(&self) -> impl Iterator<Item = &User> {
        self.seed.users.iter().filter(|user| !user.deleted)
    }
}

impl SeedFile {
    /// The data of a server without a configured seed.
    pub(crate) fn demo() -> Self {
        Self::read(DEMO, Path::new("demo.toml")).expect("the demo data is a valid seed")
    }

    /// Reads a seed file. Errors name file, line, key, value and rule.
    pub(crate) fn read(text: &str, file: &Path) -> Result<Self, Invalid> {
        let seed: Self = invalid::from_toml(text, file)?;
        seed.clone().planting().map_err(|wrong| {
            let line = invalid::line_of_key(text, &wrong.path);
            Invalid {
                file: Some((file.to_owned(), line)),
                ..wrong
            }
        })?;
        Ok(seed)
    }

    /// Adds one more client, in place of one with the same id.
    #[cfg(feature = "cli")]
    pub(crate) fn add(&mut self, client: ClientSpec) {
        self.clients.retain(|known| known.id != client.id);
        self.clients.push(client);
    }

    /// The users and clients that are described. Errors: an id or a name that is there twice, an owner who
    /// is not there.
    pub(crate) fn planting(self) -> Result<Planting, Invalid> {
        let mut ids = HashSet::new();
        let mut names = HashSet::new();
        for (at, user) in self.users.iter().enumerate() {
            user.check().map_err(|wrong| Invalid {
                path: format!("users[{at}].{}", wrong.path),
                ..wrong
            })?;
            if !ids.insert(user.id) {
                return Err(Invalid::new(
                    format!("users[{at}].id"),
                    format!("an earlier user has the id {}", user.id),
                ));
            }
            if user
                .username
                .as_ref()
                .is_some_and(|name| !names.insert(name))
            {
                let name = user.display_name();
                return Err(Invalid::new(
                    format!("users[{at}].username"),
                    format!("an earlier user is named {name:?}"),
                ));
            }
        }
        let mut planting = Planting::default();
        let mut ids = HashSet::new();
        for (at, spec) in self.clients.into_iter().enumerate() {
            if !ids.insert(spec.id.clone()) {
                let id = spec.id.as_str();
                return Err(Invalid::new(
                    format!("clients[{at}].id"),
                    format!("an earlier client has the id {id:?}"),
                ));
            }
            if let Some(secret) = &spec.secret {
                planting.secrets.push((spec.id.clone(), secret.0.clone()));
            }
            let client = spec
                .resolve(&self.users, &self.scopes)
                .map_err(|wrong| Invalid {
                    path: format!("clients[{at}].{}", wrong.path),
                    ..wrong
                })?;
            planting.seed.clients.push(client);
        }
        planting.seed.users = self.users;
        planting.scopes = self.scopes;
        Ok(planting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        SeedFile::read(text, Path::new("seed.toml"))
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn what_is_left_out_is_decided_by_the_rest() {
        let text = r#"
            [[users]]
            id = 7
            username = "ada"
            [[clients]]
            id = "a"
            name = "A"
            secret = "s"
            redirect_uris = ["https://a.example/cb", "com.example.app:/cb", "https://a.example/2"]
        "#;
        let planting = SeedFile::read(text, Path::new("seed.toml"))
            .unwrap()
            .planting()
            .unwrap();
        let client = &planting.seed.clients[0];
        assert!(client.confidential && client.owns_secret(Some(&Secret::new("s"))));
        assert_eq!(client.owner, UserId(7));
        assert_eq!(client.allowed_origins, ["https://a.example"]);
        assert_eq!(client.allowed_scopes, Scope::FULL);
    }

    #[test]
    fn a_wrong_seed_is_told_what_is_wrong_and_where() {
        insta::assert_snapshot!(
            refusal("[[clients]]\nid = \"a\"\nname = \"A\"\nredirect_uris = [\"localhost:3000\"]\n"),
            @r#"seed.toml:4: clients[0].redirect_uris[0]: not a URL: "localhost:3000" lacks a scheme such as http://"#
        );
        insta::assert_snapshot!(
            refusal("[[clients]]\nid = \"a\"\nname = \"A\"\nscopes = 1\n"),
            @r#"seed.toml:4: clients[0].scopes: unknown key "scopes"; did you mean "allowed_scopes"?"#
        );
        insta::assert_snapshot!(
            refusal("[[users]]\nid = 1\nusername = \"ada\"\n[[clients]]\nid = \"a\"\nname = \"A\"\nowner = \"adda\"\n"),
            @r#"seed.toml:7: clients[0].owner: no user "adda"; did you mean "ada"?"#
        );
        insta::assert_snapshot!(
            refusal("[[users]]\nid = 1\nusername = \"\"\n"),
            @r#"seed.toml:3: users[0].username: it is empty, so that nothing can name the user; give it some text, or null for a user without a username"#
        );
        insta::assert_snapshot!(
            refusal("[[clients]]\nid = \"a\"\nname = \"A\"\nredirect_uris = \"http://x\"\n"),
            @r#"seed.toml:4: clients[0].redirect_uris: "http://x" is not a list; write ["http://x"]"#
        );
        insta::assert_snapshot!(
            refusal("[[users]]\nid = 1\n[[users]]\nid = 1\n"),
            @"seed.toml:4: users[1].id: an earlier user has the id 1"
        );
    }
}
