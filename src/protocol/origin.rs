//! Origins: scheme, host and port of a URL.

use url::Url;

/// The origin of an `http` or `https` URL without path, query, fragment and credentials. Its host has only characters of
/// names and addresses: the URL standard permits others, but origins are pasted into shell commands.
pub(crate) fn parse_origin(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    let anonymous = url.username().is_empty() && url.password().is_none();
    let is_plain = |host: &str| {
        let is_name_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
        host.bytes().all(is_name_byte)
    };
    (matches!(url.scheme(), "http" | "https") && bare && anonymous)
        .then(|| url.origin().ascii_serialization())
        .filter(|_| url.host_str().is_some_and(is_plain))
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
        assert_eq!(
            parse_origin("http://my_mock.bücher.example:8080"),
            Some("http://my_mock.xn--bcher-kva.example:8080".to_owned())
        );
        for more in [
            "http://a/b",
            "http://u@a",
            "ftp://a",
            "http://a?b",
            "http://",
            "http://a$(id)",
            "http://a;b",
            "http://`a`",
        ] {
            assert_eq!(parse_origin(more), None, "{more}");
        }
    }
}
