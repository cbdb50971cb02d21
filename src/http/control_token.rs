//! The token of `--control-token`, and the cookie of a browser that has shown it.

use crate::protocol::secret::{Secret, SecretHash};
use crate::sandbox::entropy::Entropy;

/// The token of `--control-token`.
#[derive(Debug)]
pub(crate) struct ControlToken {
    hash: SecretHash,
    /// The value of the cookie: of this run alone, and nothing of the token is in it. Other servers of this machine are
    /// sent it too, since cookies know no ports.
    cookie: Secret,
}

impl ControlToken {
    pub(crate) fn of(token: &Secret) -> Self {
        Self {
            hash: token.hash(),
            // Not by --entropy-seed: that would foretell it.
            cookie: Entropy::new(None, "", 0).cookie(),
        }
    }

    pub(crate) fn is(&self, given: &str) -> bool {
        self.hash.matches(given)
    }

    pub(crate) fn is_cookie(&self, given: &str) -> bool {
        self.cookie.hash().matches(given)
    }

    pub(crate) fn cookie(&self) -> &str {
        self.cookie.reveal()
    }
}
