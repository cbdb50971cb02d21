//! Origins: scheme, host and port of a URL.

use url::Url;

/// The origin of an `http` or `https` URL without path, query, fragment and credentials.
pub(crate) fn parse_origin(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    let anonymous = url.username().is_empty() && url.password().is_none();
    (matches!(url.scheme(), "http" | "https") && bare && anonymous)
        .then(|| url.origin().ascii_serialization())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_bare_origin_is_parsed() {
        assert_eq!(
            parse_origin("http://LocalHost:80"),
            Some("http://localhost".to_owned())
        );
        for more in [
            "http://a/b",
            "http://u@a",
            "ftp://a",
            "http://a?b",
            "http://",
        ] {
            assert_eq!(parse_origin(more), None, "{more}");
        }
    }
}
