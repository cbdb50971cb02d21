//! Redirect URIs: how they match, which can be registered, and the parameters that are added to them.

use url::{Host, Url};

/// How a redirect URI is compared with the registered ones (difference `redirect-uri-match`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Matching {
    /// Character for character.
    Exact,
    /// Exact, or loopback to loopback with the same scheme and path. Looser than RFC 8252 §7.3: host name, query and
    /// fragment may differ, too.
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
    civitai_loopback_url(given).is_some_and(|given| {
        registered
            .iter()
            .filter_map(|known| civitai_loopback_url(known))
            .any(|known| known.scheme() == given.scheme() && known.path() == given.path())
    })
}

/// Whether this is a web page's URL on the machine itself, as [`is_loopback_host`] defines it.
pub(crate) fn is_loopback(text: &str) -> bool {
    let url = Url::parse(text).ok().filter(is_web);
    url.is_some_and(|url| url.host().is_some_and(|host| is_loopback_host(&host)))
}

fn is_web(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
}

/// Whether the host is the machine itself: 127.0.0.0/8, also mapped to IPv6, `::1`, and `localhost` with every name below
/// it (RFC 6761 §6.3).
pub(crate) fn is_loopback_host<S: AsRef<str>>(host: &Host<S>) -> bool {
    match host {
        Host::Domain(name) => {
            let name = name.as_ref();
            let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
            name == "localhost" || name.ends_with(".localhost")
        }
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => {
            let mapped = address.to_ipv4_mapped();
            address.is_loopback() || mapped.is_some_and(|address| address.is_loopback())
        }
    }
}

/// The URL if its host is one of the three that Civitai treats as loopback (difference `redirect-uri-match`), as recorded.
fn civitai_loopback_url(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let is_loopback = match url.host()? {
        Host::Domain(name) => name == "localhost",
        Host::Ipv4(address) => address == std::net::Ipv4Addr::LOCALHOST,
        Host::Ipv6(address) => address == std::net::Ipv6Addr::LOCALHOST,
    };
    is_loopback.then_some(url)
}

/// A redirect to one of these runs a script or opens a document in the browser: no app listens there.
const NO_APP_LISTENS: [&str; 5] = ["javascript", "data", "vbscript", "blob", "file"];

/// Whether this can be registered: any absolute URI (RFC 3986 §4.3), also one without an authority such as
/// `urn:ietf:wg:oauth:2.0:oob`. Native apps have schemes of their own (RFC 8252 §7.1). Errors: the rule it breaks, for the
/// person who wrote it.
pub(crate) fn check(text: &str) -> Result<(), String> {
    match Url::parse(text) {
        Ok(url) if NO_APP_LISTENS.contains(&url.scheme()) => Err(format!(
            "{text:?} has the scheme {scheme}:, which opens in the browser itself; write an https or http URL, or the scheme \
             of a native app",
            scheme = url.scheme()
        )),
        Ok(url) if url.cannot_be_a_base() && is_host_and_port(text) => Err(format!(
            "not a URL: {text:?} lacks a scheme such as http://"
        )),
        Ok(url) if url.cannot_be_a_base() && url.path().is_empty() => {
            Err(format!("not a URL: {text:?} has nothing after its scheme"))
        }
        Ok(_) => Ok(()),
        Err(error) => Err(format!("not a URL: {text:?} ({error})")),
    }
}

/// Whether the text is `localhost:3000` or `app.example:8080/cb`: by the grammar a URI whose scheme is the host, and
/// never meant as one.
fn is_host_and_port(text: &str) -> bool {
    let after = text.split_once(':').map_or("", |(_, after)| after);
    let end = after.find(['/', '?', '#']).unwrap_or(after.len());
    after[..end].parse::<u16>().is_ok()
}

/// Whether an app can be registered with it on the account page: if `strict`, https only, or http on this machine (difference
/// `registration-rules`). Errors: the rule it breaks.
pub(crate) fn check_registration(text: &str, strict: bool) -> Result<(), String> {
    check(text)?;
    let is_https = Url::parse(text).is_ok_and(|url| url.scheme() == "https");
    // The documented rule names hosts, so the recorded ones count here.
    let is_local = civitai_loopback_url(text).is_some_and(|url| is_web(&url));
    if strict && !is_https && !is_local {
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
/// ones come last, and the whole query is serialized again – what `URLSearchParams.set` does.
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

/// The origins of these URIs, for a client that registered none of its own. Only pages have one that a browser sends. Source:
/// civitai/civitai, `oauth-client.schema.ts`.
pub(crate) fn origins(uris: &[String]) -> Vec<String> {
    let mut origins = Vec::new();
    let urls = uris.iter().filter_map(|uri| Url::parse(uri).ok());
    for url in urls.filter(is_web) {
        let text = url.origin().ascii_serialization();
        if !origins.contains(&text) {
            origins.push(text);
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
        for wrong in [
            "callback",
            "",
            "app.example:8080/cb",
            "localhost:3000?x",
            "urn:",
            "/cb",
            "http://",
        ] {
            assert!(check(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn any_absolute_uri_can_be_registered() {
        for uri in [
            "urn:ietf:wg:oauth:2.0:oob",
            "urn:ietf:wg:oauth:2.0:oob:auto",
            "com.example.app:/cb",
            "com.example.app:callback",
            "myapp://callback",
            "https://app.example/cb",
        ] {
            assert_eq!(check(uri), Ok(()), "{uri}");
        }
        assert_eq!(
            with_params("urn:ietf:wg:oauth:2.0:oob", &[("code", "c")]).as_deref(),
            Some("urn:ietf:wg:oauth:2.0:oob?code=c")
        );
    }

    #[test]
    fn loopback_is_every_name_and_address_of_the_machine() {
        for host in [
            "localhost",
            "LOCALHOST",
            "localhost.",
            "app.localhost",
            "a.b.LocalHost.",
            "127.0.0.1",
            "127.0.0.2",
            "127.255.255.254",
            "127.1",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:127.9.9.9]",
        ] {
            assert!(is_loopback(&format!("http://{host}:8080/cb")), "{host}");
        }
        for host in [
            "localhost.example",
            "notlocalhost",
            "localhost..",
            "128.0.0.1",
            "0.0.0.0",
            "10.0.0.1",
            "192.168.0.1",
            "[::2]",
            "[::]",
            "[::127.0.0.1]",
            "[::ffff:10.0.0.1]",
            "127.0.0.1.example",
        ] {
            assert!(!is_loopback(&format!("http://{host}:8080/cb")), "{host}");
        }
        assert!(!is_loopback("urn:localhost") && !is_loopback("http://app.example/localhost"));
    }

    #[test]
    fn the_difference_keeps_the_three_recorded_hosts() {
        let registered = ["http://localhost/cb".to_owned()];
        for (given, is_match) in [
            ("http://localhost:1/cb", true),
            ("http://127.0.0.1:1/cb", true),
            ("http://[::1]:1/cb", true),
            ("http://app.localhost/cb", false),
            ("http://127.0.0.2/cb", false),
            ("http://[::ffff:127.0.0.1]/cb", false),
            ("http://localhost./cb", false),
        ] {
            let found = matches(&registered, given, Matching::LoopbackAware);
            assert_eq!(found, is_match, "{given}");
        }
    }

    #[test]
    fn schemes_that_open_in_the_browser_are_refused_and_those_of_native_apps_are_not() {
        for wrong in [
            "javascript:alert(1)",
            "javascript://localhost/%0aalert(1)",
            "JavaScript://app.example/cb",
            " javascript:alert(1)",
            "java\tscript:alert(1)",
            "data:text/html,x",
            "vbscript:x",
            "blob:https://app.example/1",
            "file:///etc/passwd",
        ] {
            assert!(
                check(wrong).unwrap_err().contains("has the scheme"),
                "{wrong}"
            );
            assert!(!is_loopback(wrong), "{wrong}");
        }
        for native in ["myapp://cb", "com.example.app:/cb", "myapp://localhost/cb"] {
            assert!(check(native).is_ok() && check_registration(native, false).is_ok());
            assert!(check_registration(native, true).is_err(), "{native}");
        }
        for (page, documented) in [
            ("https://app.example/cb", true),
            ("HTTPS://app.example/cb", true),
            ("http://localhost:3000/cb", true),
            ("http://[::1]/cb", true),
            ("http://app.example/cb", false),
            ("ftp://app.example/cb", false),
            ("ftp://localhost/cb", false),
        ] {
            assert_eq!(check_registration(page, true).is_ok(), documented, "{page}");
            assert!(check_registration(page, false).is_ok(), "{page}");
        }
        let uris = ["ftp://app.example/cb", "https://app.example/cb"].map(str::to_owned);
        assert_eq!(origins(&uris), ["https://app.example"]);
    }

    proptest::proptest! {
        #[test]
        fn parameters_added_to_a_uri_arrive_unchanged(query in "[ -~]{0,20}", state in ".{1,40}") {
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
