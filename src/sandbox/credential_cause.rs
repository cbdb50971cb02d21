//! The cause of the refusal of a credential: what the data, the journal and the other sandboxes know of it.

use super::handle::Sandbox;
use super::journal::CredentialAction;
use crate::model::refusal_cause::{CredentialKind, RefusalCause, RequestRef};
use crate::protocol::ids::ClientId;
use crate::protocol::secret::SecretHash;

/// A credential that was refused.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RefusedCredential<'a> {
    /// The kind that the endpoint expects.
    pub(crate) kind: CredentialKind,
    pub(crate) hash: SecretHash,
    /// The client that presented it, if the endpoint compares it.
    pub(crate) client: Option<&'a ClientId>,
}

impl RefusedCredential<'_> {
    /// An access token, which any client may present.
    pub(crate) fn access_token(hash: SecretHash) -> Self {
        Self {
            kind: CredentialKind::AccessToken,
            hash,
            client: None,
        }
    }
}

impl Sandbox {
    /// The reason that the credential cannot be used.
    pub(crate) fn cause_of_refusal(&self, refused: RefusedCredential<'_>) -> RefusalCause {
        let RefusedCredential { kind, hash, client } = refused;
        let life = self.journal.credential_life(&hash);
        let last = |wanted: CredentialAction| -> Option<RequestRef> {
            life.iter()
                .find(|(_, action)| *action == wanted)
                .map(|(request, _)| *request)
        };
        let issued = last(CredentialAction::Issued);
        if let Some(stored) = self.data().find_credential(&hash) {
            if stored.kind != kind {
                let (credential, sent) = (kind, stored.kind);
                return RefusalCause::CredentialOfOtherKind { credential, sent };
            }
            if client.is_some_and(|client| *client != stored.client_id) {
                return RefusalCause::CredentialOfOtherClient {
                    credential: kind,
                    issued,
                    issued_to: self.client_name(&stored.client_id),
                };
            }
            if stored.expires_at < self.now() {
                return RefusalCause::CredentialExpired {
                    credential: kind,
                    issued,
                    expired_at: stored.expires_at,
                };
            }
        }
        if let Some(used) = last(CredentialAction::Used) {
            return RefusalCause::CredentialUsed {
                credential: kind,
                issued,
                used,
            };
        }
        if let Some(revoked) = last(CredentialAction::Revoked) {
            return RefusalCause::CredentialRevoked {
                credential: kind,
                issued,
                revoked,
            };
        }
        if issued.is_some() {
            return RefusalCause::CredentialGone {
                credential: kind,
                issued,
            };
        }
        match self.store.other_sandbox_with_credential(&hash, self.data()) {
            Some(sandbox) => RefusalCause::CredentialOfOtherSandbox {
                credential: kind,
                sandbox,
            },
            None => RefusalCause::CredentialUnknown { credential: kind },
        }
    }

    /// The name of a client, or its id if it was deleted.
    fn client_name(&self, id: &ClientId) -> String {
        let known = self.data().find_client(id.as_str());
        known.map_or_else(|| id.to_string(), |client| client.name.clone())
    }
}
