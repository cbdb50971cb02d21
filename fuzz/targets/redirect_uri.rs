//! Fuzzes redirect URIs: nothing matches wrongly, and added parameters arrive unchanged.

#![no_main]

use civitai_oauth_mock::internals;
use libfuzzer_sys::fuzz_target;
use url::Url;

fuzz_target!(|text: &str| {
    let mut lines = text.lines();
    let given = lines.next().unwrap_or_default();
    let registered: Vec<String> = lines.map(str::to_owned).collect();

    let exact = internals::redirect_uri_matches(&registered, given, false);
    let loopback_aware = internals::redirect_uri_matches(&registered, given, true);
    assert_eq!(exact, registered.iter().any(|known| known == given));
    assert!(loopback_aware || !exact);
    if loopback_aware && !exact {
        let host = Url::parse(given)
            .expect("a URL")
            .host_str()
            .map(str::to_owned);
        let host = host.unwrap_or_default();
        assert!(["localhost", "127.0.0.1", "[::1]"].contains(&host.as_str()));
    }

    let strict = internals::check_registration(given, true);
    let lax = internals::check_registration(given, false);
    assert!(lax.is_ok() || strict.is_err(), "{strict:?} {lax:?}");

    let params = [("code", "a b&=#"), ("state", text)];
    let Some(there) = internals::redirect_uri_with_params(given, &params) else {
        return;
    };
    let (before, after) = (
        Url::parse(given).expect("a URL"),
        Url::parse(&there).expect("a URL"),
    );
    assert_eq!(
        before.origin().ascii_serialization(),
        after.origin().ascii_serialization()
    );
    assert_eq!(before.fragment(), after.fragment());
    for (name, value) in params {
        let found: Vec<_> = after
            .query_pairs()
            .filter(|(known, _)| known == name)
            .collect();
        assert_eq!(found.len(), 1, "{there}");
        assert_eq!(found[0].1, value, "{there}");
    }
});
