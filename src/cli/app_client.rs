//! The client in the environment: the variables that an app's `.env` usually has.

use super::environment::{APP_VARIABLES, without_quotes};
use crate::invalid::Invalid;
use crate::model::client_spec::ClientSpec;
use crate::protocol::declared_scopes::DeclaredScopes;
use crate::protocol::grant_type::GrantType;

/// The client of an app's variables.
#[derive(Debug)]
pub(super) struct EnvironmentApp {
    pub(super) client: Option<ClientSpec>,
    /// Variables that have no effect.
    pub(super) warnings: Vec<String>,
}

/// Reads the variables of an app. Empty ones count as absent.
pub(super) fn client(variable: impl Fn(&str) -> Option<String>) -> Result<EnvironmentApp, Invalid> {
    let filled = |name: &str| {
        variable(name)
            .map(|text| without_quotes(text.trim()).to_owned())
            .filter(|text| !text.is_empty())
    };
    let [id_name, secret_name, uri_name, other_uri_name] = APP_VARIABLES;
    let Some(id) = filled(id_name) else {
        return Ok(without_client(filled));
    };
    let secret = filled(secret_name);
    let (name, uris) = match filled(uri_name) {
        Some(uris) => (uri_name, uris),
        None => (other_uri_name, filled(other_uri_name).unwrap_or_default()),
    };
    let uris: Vec<&str> = uris
        .split(',')
        .map(str::trim)
        .filter(|uri| !uri.is_empty())
        .collect();
    let mut grants = vec![
        GrantType::AuthorizationCode,
        GrantType::RefreshToken,
        GrantType::DeviceCode,
    ];
    if secret.is_some() {
        grants.push(GrantType::ClientCredentials);
    }
    let mut client = ClientSpec::named("Your app")
        .id(id)
        .description("Registered from CIVITAI_CLIENT_ID")
        .any_loopback_redirect(uris.is_empty())
        .redirect_uris(uris)
        .grants(grants);
    if let Some(secret) = secret {
        client = client.secret(secret);
    }
    let checked = client.clone().create(&[], &DeclaredScopes::default());
    checked.map_err(|error| Invalid {
        path: match error.path.as_str() {
            "id" => id_name.to_owned(),
            "secret" => secret_name.to_owned(),
            _ => name.to_owned(),
        },
        ..error
    })?;
    Ok(EnvironmentApp {
        client: Some(client),
        warnings: Vec::new(),
    })
}

/// The variables that have no effect without the client id. `REDIRECT_URI` alone may belong to any program.
fn without_client(filled: impl Fn(&str) -> Option<String>) -> EnvironmentApp {
    let [id_name, secret_name, uri_name, _] = APP_VARIABLES;
    let ignored = [secret_name, uri_name].into_iter();
    let warnings = ignored.filter(|name| filled(name).is_some()).map(|name| {
        format!(
            "{name} is ignored: it describes a client only together with {id_name}; set that too, or remove it"
        )
    });
    EnvironmentApp {
        client: None,
        warnings: warnings.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app(variables: &[(&str, &str)]) -> Result<EnvironmentApp, Invalid> {
        client(|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    fn described(variables: &[(&str, &str)]) -> Result<Option<ClientSpec>, Invalid> {
        app(variables).map(|app| app.client)
    }

    #[test]
    fn variables_without_the_client_id_are_reported() {
        let app = app(&[
            ("CIVITAI_CLIENT_SECRET", "s3cret"),
            ("CIVITAI_REDIRECT_URI", "http://localhost:3000/cb"),
            ("REDIRECT_URI", "of any program"),
        ]);
        insta::assert_snapshot!(app.unwrap().warnings.join("\n"), @"
        CIVITAI_CLIENT_SECRET is ignored: it describes a client only together with CIVITAI_CLIENT_ID; set that too, or remove it
        CIVITAI_REDIRECT_URI is ignored: it describes a client only together with CIVITAI_CLIENT_ID; set that too, or remove it
        ");
    }

    #[test]
    fn quotes_around_values_are_no_part_of_them() {
        let spec = described(&[
            ("CIVITAI_CLIENT_ID", "\"mine\""),
            ("REDIRECT_URI", "'http://localhost:3000/cb'"),
        ]);
        let spec = spec.unwrap().unwrap();
        assert_eq!(spec.id.as_deref(), Some("mine"));
        assert_eq!(spec.redirect_uris.map(|uris| uris.len()), Some(1));
    }

    #[test]
    fn an_apps_own_variables_register_it() {
        let spec = described(&[
            ("CIVITAI_CLIENT_ID", "mine"),
            ("CIVITAI_CLIENT_SECRET", "s3cret"),
            (
                "REDIRECT_URI",
                "http://localhost:3000/cb, https://app.example/cb",
            ),
        ]);
        let spec = spec.unwrap().unwrap();
        assert_eq!(spec.id.as_deref(), Some("mine"));
        assert_eq!(spec.redirect_uris.map(|uris| uris.len()), Some(2));
        assert!(spec.secret.is_some() && spec.any_loopback_redirect == Some(false));
    }

    #[test]
    fn empty_variables_count_as_absent() {
        assert!(described(&[("CIVITAI_CLIENT_ID", " ")]).unwrap().is_none());
        let spec = described(&[("CIVITAI_CLIENT_ID", "a"), ("CIVITAI_CLIENT_SECRET", "")]);
        let spec = spec.unwrap().unwrap();
        assert!(spec.secret.is_none() && spec.any_loopback_redirect == Some(true));
    }

    #[test]
    fn a_wrong_redirect_uri_names_its_variable() {
        let rejected = described(&[
            ("CIVITAI_CLIENT_ID", "a"),
            ("CIVITAI_REDIRECT_URI", "localhost:3000"),
        ]);
        insta::assert_snapshot!(
            rejected.unwrap_err(),
            @r#"CIVITAI_REDIRECT_URI: not a URL: "localhost:3000" lacks a scheme such as http://"#
        );
    }

    #[test]
    fn credentials_that_cannot_authenticate_name_their_variable() {
        let rejected = described(&[("CIVITAI_CLIENT_ID", "my app/ü:1")]);
        insta::assert_snapshot!(
            rejected.unwrap_err(),
            @r#"CIVITAI_CLIENT_ID: 'ü' in "my app/ü:1" is not printable ASCII, as RFC 6749 appendix A.1 asks of a client id; use letters, digits, "-", "." and "_""#
        );
        let rejected = described(&[("CIVITAI_CLIENT_ID", "a"), ("CIVITAI_CLIENT_SECRET", "ü")]);
        insta::assert_snapshot!(
            rejected.unwrap_err(),
            @"CIVITAI_CLIENT_SECRET: a client secret is printable ASCII (RFC 6749 appendix A.2): with any other character no client can authenticate"
        );
    }
}
