//! The text that stands for a secret.

/// What is shown in place of a secret.
pub(crate) const REDACTED: &str = "[redacted]";
