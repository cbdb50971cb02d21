//! The token of `--control-token`, and the cookie of a browser that has presented it.

use crate::protocol::secret::{Secret, SecretHash};
use crate::sandbox::entropy::Entropy;

/// The token of `--control-token`.
#[derive(Debug)]
pub(crate) struct ControlToken {
    hash: SecretHash,
    /// The value of the cookie. It is generated for each run and not derived from the token, because browsers also send
    /// it to other servers on this machine: cookies ignore ports.
    cookie: Secret,
}

impl ControlToken {
    pub(crate) fn new(token: &Secret) -> Self {
        Self {
            hash: token.hash(),
            // Not derived from --entropy-seed, which would make it predictable.
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
