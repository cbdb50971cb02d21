//! The characters that parameters may have: the grammars of RFC 6749 appendix A, as the deployed server checks them.

/// Printable ASCII and space (`VSCHAR`).
pub(crate) fn is_vschar(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| (0x20..=0x7e).contains(&byte))
}

/// Letters, digits, `-`, `.` and `_` (`name-char`).
pub(crate) fn is_name_char(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
}

/// Printable ASCII and space, but neither quote nor backslash (`NQSCHAR`): the characters of a scope.
pub(crate) fn is_scope_text(text: &str) -> bool {
    is_vschar(text) && !text.bytes().any(|byte| matches!(byte, b'"' | b'\\'))
}

/// Whether a text starts like a URI: a scheme of two characters or more, and a colon.
pub(crate) fn has_scheme(text: &str) -> bool {
    text.split_once(':').is_some_and(|(scheme, _)| {
        scheme.len() >= 2
            && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"+.-".contains(&byte))
    })
}
