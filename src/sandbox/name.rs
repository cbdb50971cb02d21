//! The names of sandboxes, which are a segment of paths.

/// The sandbox without a prefix in its path.
pub(crate) const DEFAULT: &str = "default";

const MAX_NAME_BYTES: usize = 64;

/// Whether this is a valid name: at most 64 letters, digits, `-`, `_` and `.`, at least one of them a letter or a digit.
pub(crate) fn is_name(name: &str) -> bool {
    (1..=MAX_NAME_BYTES).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        // Browsers take `.` and `..` out of a path.
        && name.bytes().any(|byte| byte.is_ascii_alphanumeric())
}
