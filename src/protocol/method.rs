//! HTTP methods, as filters of the journal name them.

string_enum! {
    /// A method of HTTP (RFC 9110 §9, RFC 5789). Read in any case.
    HttpMethod, "method", str::to_ascii_uppercase, {
        Connect "CONNECT"
        Delete "DELETE"
        Get "GET"
        Head "HEAD"
        Options "OPTIONS"
        Patch "PATCH"
        Post "POST"
        Put "PUT"
        Trace "TRACE"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted() {
        assert!(HttpMethod::ALL.is_sorted_by_key(|method| method.name()));
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_closest() {
        assert_eq!("post".parse(), Ok(HttpMethod::Post));
        let wrong = "pst".parse::<HttpMethod>().unwrap_err();
        insta::assert_snapshot!(wrong, @r#"no method "pst"; did you mean "POST"?"#);
        let wrong = "x".parse::<HttpMethod>().unwrap_err();
        insta::assert_snapshot!(wrong, @r#"no method "x"; choose among CONNECT, DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT, TRACE"#);
    }
}
