//! Which client does an app's own environment describe? The variables that its `.env` usually has already.

use crate::invalid::{self, Invalid};
use crate::seed::{self, ClientSpec};

/// The client that an app's own `.env` describes. Empty variables count as absent.
pub(super) fn client(
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Option<ClientSpec>, Invalid> {
    let filled = |name| {
        variable(name)
            .map(|text| text.trim().to_owned())
            .filter(|text| !text.is_empty())
    };
    let Some(id) = filled("CIVITAI_CLIENT_ID") else {
        return Ok(None);
    };
    seed::check_id(&id).map_err(|wrong| Invalid {
        path: "CIVITAI_CLIENT_ID".to_owned(),
        ..wrong
    })?;
    let secret = filled("CIVITAI_CLIENT_SECRET");
    let (name, uris) = match filled("CIVITAI_REDIRECT_URI") {
        Some(uris) => ("CIVITAI_REDIRECT_URI", uris),
        None => ("REDIRECT_URI", filled("REDIRECT_URI").unwrap_or_default()),
    };
    let uris: Vec<&str> = uris
        .split(',')
        .map(str::trim)
        .filter(|uri| !uri.is_empty())
        .collect();
    let mut grants = vec![
        "authorization_code",
        "refresh_token",
        "urn:ietf:params:oauth:grant-type:device_code",
    ];
    if secret.is_some() {
        grants.push("client_credentials");
    }
    let mut described = serde_json::json!({
        "id": id,
        "name": "Your app",
        "description": "Registered from CIVITAI_CLIENT_ID",
        "redirect_uris": uris,
        "any_loopback_redirect": uris.is_empty(),
        "grants": grants,
    });
    if let Some(secret) = secret {
        described["secret"] = secret.into();
    }
    let spec = invalid::from_json(described).map_err(|wrong| Invalid {
        path: match wrong.path.as_str() {
            "secret" => "CIVITAI_CLIENT_SECRET".to_owned(),
            _ => name.to_owned(),
        },
        ..wrong
    })?;
    Ok(Some(spec))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(variables: &[(&str, &str)]) -> Result<Option<ClientSpec>, Invalid> {
        client(|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
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
        assert_eq!((spec.id.as_str(), spec.redirect_uris.len()), ("mine", 2));
        assert!(spec.secret.is_some() && !spec.any_loopback_redirect);
    }

    #[test]
    fn empty_variables_count_as_absent() {
        assert!(described(&[("CIVITAI_CLIENT_ID", " ")]).unwrap().is_none());
        let spec = described(&[("CIVITAI_CLIENT_ID", "a"), ("CIVITAI_CLIENT_SECRET", "")]);
        let spec = spec.unwrap().unwrap();
        assert!(spec.secret.is_none() && spec.any_loopback_redirect);
    }

    #[test]
    fn credentials_that_cannot_authenticate_name_their_variable() {
        let wrong = described(&[("CIVITAI_CLIENT_ID", "my app/ü:1")]);
        insta::assert_snapshot!(
            wrong.unwrap_err(),
            @r#"CIVITAI_CLIENT_ID: 'ü' in "my app/ü:1" is not printable ASCII, as RFC 6749 appendix A.1 asks of a client id; use letters, digits, "-", "." and "_""#
        );
        let wrong = described(&[("CIVITAI_CLIENT_ID", "a"), ("CIVITAI_CLIENT_SECRET", "ü")]);
        insta::assert_snapshot!(
            wrong.unwrap_err(),
            @"CIVITAI_CLIENT_SECRET: a client secret is printable ASCII (RFC 6749 appendix A.2): with any other character no client can authenticate"
        );
    }

    #[test]
    fn a_wrong_redirect_uri_names_its_variable() {
        let wrong = described(&[
            ("CIVITAI_CLIENT_ID", "a"),
            ("CIVITAI_REDIRECT_URI", "localhost:3000"),
        ]);
        insta::assert_snapshot!(
            wrong.unwrap_err(),
            @r#"CIVITAI_REDIRECT_URI: not a URL: "localhost:3000" lacks a scheme such as http://"#
        );
    }
}
