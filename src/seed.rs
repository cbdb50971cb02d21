//! The seed format for files and control calls, and the demo data of a server without configuration.

use std::collections::HashSet;
use std::path::Path;

use serde::Deserialize;

use crate::invalid::{self, Invalid};
use crate::model::client_spec::ClientSpec;
#[cfg(feature = "cli")]
use crate::model::user::User;
use crate::model::user_spec::UserSpec;
use crate::protocol::declared_scopes::DeclaredScopes;
use crate::protocol::ids::ClientId;
use crate::protocol::secret::Secret;
use crate::store::Seed;

/// Three users, a confidential and a public client.
const DEMO: &str = include_str!("demo.toml");

/// The schema of a user in a seed: the id is required.
#[cfg(feature = "openapi")]
pub(crate) enum SeedUser {}

/// The schema of a client in a seed: the id and the name are required.
#[cfg(feature = "openapi")]
pub(crate) enum SeedClient {}

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
    #[cfg_attr(feature = "openapi", schemars(with = "Vec<SeedUser>"))]
    users: Vec<UserSpec>,
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schemars(with = "Vec<SeedClient>"))]
    clients: Vec<ClientSpec>,
    /// Scope bits that exist in addition to Civitai's.
    #[serde(default)]
    scopes: DeclaredScopes,
}

/// A loaded seed, and the secrets that only the start-up message may show.
#[derive(Debug, Clone, Default)]
pub(crate) struct LoadedSeed {
    pub(crate) seed: Seed,
    pub(crate) scopes: DeclaredScopes,
    pub(crate) secrets: Vec<(ClientId, Secret)>,
}

#[cfg(feature = "cli")]
impl LoadedSeed {
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
        seed.clone().load().map_err(|error| {
            let line = invalid::line_of_key(text, &error.path);
            Invalid {
                file: Some((file.to_owned(), line)),
                ..error
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
    pub(crate) fn load(self) -> Result<LoadedSeed, Invalid> {
        let mut loaded = LoadedSeed::default();
        let (mut ids, mut names) = (HashSet::new(), HashSet::new());
        for (at, spec) in self.users.into_iter().enumerate() {
            let place = format!("users[{at}]");
            let user = spec.create().map_err(|error| error.inside(&place))?;
            if !ids.insert(user.id) {
                let message = format!("an earlier user has the id {}", user.id);
                return Err(Invalid::new("id", message).inside(&place));
            }
            if let Some(name) = &user.username
                && !names.insert(name.clone())
            {
                let message = format!("an earlier user is named {name:?}");
                return Err(Invalid::new("username", message).inside(&place));
            }
            loaded.seed.users.push(user);
        }
        let mut ids = HashSet::new();
        for (at, spec) in self.clients.into_iter().enumerate() {
            let place = format!("clients[{at}]");
            let secret = spec.secret.clone().flatten();
            let client = spec
                .create(&loaded.seed.users, &self.scopes)
                .map_err(|error| error.inside(&place))?;
            if !ids.insert(client.id.clone()) {
                let message = format!("an earlier client has the id {:?}", client.id.as_str());
                return Err(Invalid::new("id", message).inside(&place));
            }
            let secret = secret.map(|secret| (client.id.clone(), secret));
            loaded.secrets.extend(secret);
            loaded.seed.clients.push(client);
        }
        loaded.scopes = self.scopes;
        Ok(loaded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::ids::UserId;
    use crate::protocol::scope::Scope;

    fn refusal(text: &str) -> String {
        SeedFile::read(text, Path::new("seed.toml"))
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn missing_keys_have_defaults() {
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
        let loaded = SeedFile::read(text, Path::new("seed.toml"))
            .unwrap()
            .load()
            .unwrap();
        let client = &loaded.seed.clients[0];
        assert!(client.confidential && client.owns_secret(Some(&Secret::new("s"))));
        assert_eq!(client.owner, UserId(7));
        assert_eq!(client.allowed_origins, ["https://a.example"]);
        assert_eq!(client.allowed_scopes, Scope::FULL);
    }

    #[test]
    fn errors_name_line_key_value_and_fix() {
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
            @r#"seed.toml:3: users[0].username: the username is empty; write a username, or null for a user without one"#
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
