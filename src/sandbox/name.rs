//! The names of sandboxes, which are a segment of paths.

/// The sandbox without a prefix in its path.
pub(crate) const DEFAULT: &str = "default";

const MAX_NAME_BYTES: usize = 64;

/// The hint of errors of [`check`].
pub(crate) const HINT: &str = "use at most 64 letters, digits, - _ .";

/// Checks a name: at most 64 letters, digits, `-`, `_` and `.`, at least one of them a letter or a digit. Errors: what is
/// wrong with it.
pub(crate) fn check(name: &str) -> Result<(), String> {
    let is_allowed = |char: char| char.is_ascii_alphanumeric() || "-_.".contains(char);
    if name.is_empty() {
        return Err("it is empty".to_owned());
    }
    if let Some(other) = name.chars().find(|char| !is_allowed(*char)) {
        return Err(format!("it contains {other:?}"));
    }
    if name.len() > MAX_NAME_BYTES {
        return Err(format!("it has {} characters", name.len()));
    }
    // Browsers take `.` and `..` out of a path.
    if !name.bytes().any(|byte| byte.is_ascii_alphanumeric()) {
        return Err("it has no letter or digit".to_owned());
    }
    Ok(())
}
