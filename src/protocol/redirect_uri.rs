//! May the browser be sent there? Matching of redirect URIs, and the parameters that are added to them.

use url::{Host, Url};

/// How a redirect URI is compared with the registered ones (difference `redirect-uri-match`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Matching {
    /// Character for character.
    Exact,
    /// Exact, or loopback to loopback with the same scheme and path (RFC 8252 §7.3, and more than it).
    LoopbackAware,
}

/// Whether `given` matches one of the registered URIs.
pub(crate) fn matches(registered: &[String], given: &str, matching: Matching) -> bool {
    if registered.iter().any(|known| known == given) {
        return true;
    }
    if matching == Matching::Exact {
        return false;
    }
    loopback(given).is_some_and(|given| {
        registered
            .iter()
            .filter_map(|known| loopback(known))
            .any(|known| known.scheme() == given.scheme() && known.path() == given.path())
    })
}

/// Whether this is a URL on the machine itself.
pub(crate) fn is_loopback(text: &str) -> bool {
    loopback(text).is_some()
}

fn loopback(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let own = match url.host()? {
        Host::Domain(name) => name == "localhost",
        Host::Ipv4(address) => address == std::net::Ipv4Addr::LOCALHOST,
        Host::Ipv6(address) => address == std::net::Ipv6Addr::LOCALHOST,
    };
    own.then_some(url)
}

/// Whether this can be registered. Errors: the rule it breaks, for the person who wrote it.
pub(crate) fn check(text: &str) -> Result<(), String> {
    match Url::parse(text) {
        // `localhost:3000` parses as a URL of the scheme `localhost`; nobody means that.
        Ok(url) if url.cannot_be_a_base() => Err(format!(
            "not a URL: {text:?} lacks a scheme such as http://"
        )),
        Ok(_) => Ok(()),
        Err(why) => Err(format!("not a URL: {text:?} ({why})")),
    }
}

/// Whether an app can be registered with it by hand: where `strict`, https only, except for this machine (difference
/// `registration-rules`). Errors: the rule it breaks.
pub(crate) fn check_registration(text: &str, strict: bool) -> Result<(), String> {
    check(text)?;
    if strict && !text.starts_with("https://") && !is_loopback(text) {
        return Err(format!(
            "{text} must begin with https:// – only localhost and 127.0.0.1 may do without"
        ));
    }
    Ok(())
}

/// Whether this is an origin as browsers send one: `scheme://host` or `scheme://host:port` and nothing after it.
/// Errors: how it is written.
pub(crate) fn check_origin(text: &str) -> Result<(), String> {
    match origins(&[text.to_owned()]).pop() {
        Some(origin) if origin == text => Ok(()),
        Some(origin) => Err(format!("{text:?} is not an origin: write {origin:?}")),
        None => Err(format!(
            "{text:?} is not an origin such as \"http://localhost:3000\""
        )),
    }
}

/// The URI with these parameters set: the first of a name is replaced where it stands, later ones go, new
/// ones come last, and the whole query is written anew – what `URLSearchParams.set` does.
pub(crate) fn with_params(uri: &str, params: &[(&str, &str)]) -> Option<String> {
    let mut url = Url::parse(uri).ok()?;
    let mut pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    for (name, value) in params {
        match pairs.iter().position(|(known, _)| known == name) {
            Some(first) => {
                (*value).clone_into(&mut pairs[first].1);
                let mut at = 0;
                pairs.retain(|(known, _)| {
                    at += 1;
                    at <= first + 1 || known != name
                });
            }
            None => pairs.push(((*name).to_owned(), (*value).to_owned())),
        }
    }
    url.query_pairs_mut().clear().extend_pairs(pairs);
    Some(url.into())
}

/// The origins of these URIs, for a client that registered none of its own.
pub(crate) fn origins(uris: &[String]) -> Vec<String> {
    let mut origins = Vec::new();
    for url in uris.iter().filter_map(|uri| Url::parse(uri).ok()) {
        let origin = url.origin();
        if origin.is_tuple() {
            let text = origin.ascii_serialization();
            if !origins.contains(&text) {
                origins.push(text);
            }
        }
    }
    origins
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_uris_match_by_scheme_and_path_only_when_asked() {
        let registered = ["http://localhost:8080/cb".to_owned()];
        for given in [
            "http://127.0.0.1/cb",
            "http://[::1]:9/cb?x=1#y",
            "http://u:p@localhost/cb",
        ] {
            assert!(
                matches(&registered, given, Matching::LoopbackAware),
                "{given}"
            );
            assert!(!matches(&registered, given, Matching::Exact), "{given}");
        }
        for given in [
            "http://localhost.:8080/cb",
            "http://127.0.0.2/cb",
            "https://localhost/cb",
            "http://localhost/cb/",
        ] {
            assert!(
                !matches(&registered, given, Matching::LoopbackAware),
                "{given}"
            );
        }
    }

    #[test]
    fn parameters_are_set_as_a_browser_would_set_them() {
        let set = |uri| with_params(uri, &[("code", "c"), ("state", "s t")]).unwrap();
        assert_eq!(
            set("https://a.example"),
            "https://a.example/?code=c&state=s+t"
        );
        assert_eq!(
            set("http://a/?keep=a%20b#f"),
            "http://a/?keep=a+b&code=c&state=s+t#f"
        );
        assert_eq!(
            set("http://a/?code=1&z=1&code=2"),
            "http://a/?code=c&z=1&state=s+t"
        );
        assert_eq!(
            set("com.example.app:/cb"),
            "com.example.app:/cb?code=c&state=s+t"
        );
    }

    #[test]
    fn a_bare_host_is_not_a_redirect_uri() {
        assert!(
            check("localhost:3000")
                .unwrap_err()
                .starts_with("not a URL")
        );
        assert!(check("callback").is_err());
        assert!(check("com.example.app:/cb").is_ok());
    }

    proptest::proptest! {
        #[test]
        fn what_is_added_to_a_uri_arrives_as_it_was(query in "[ -~]{0,20}", state in ".{1,40}") {
            for base in ["https://a.example/cb", "http://localhost:3000", "com.example.app:/cb"] {
                let set = with_params(&format!("{base}?{query}"), &[("code", "c"), ("state", &state)]);
                let url = Url::parse(&set.unwrap()).unwrap();
                let arrived: Vec<_> = url.query_pairs().filter(|(name, _)| name == "state").collect();
                proptest::prop_assert_eq!(arrived.len(), 1);
                proptest::prop_assert_eq!(&arrived[0].1, &state);
            }
        }
    }
}
