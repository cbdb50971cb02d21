//! Lookup of a credential of any kind, in any sandbox, so that the cause of a refusal can be named.

use std::sync::Arc;

use super::handle::Store;
use super::sandbox_data::SandboxData;
use crate::model::refusal_cause::CredentialKind;
use crate::model::token::TokenKind;
use crate::protocol::ids::ClientId;
use crate::protocol::secret::SecretHash;
use crate::protocol::time::Timestamp;

/// The most sandboxes that are searched for a credential: any caller may send an unknown one.
const MAX_SEARCHED: usize = 1000;

/// A credential that is stored, expired or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredCredential {
    pub(crate) kind: CredentialKind,
    pub(crate) client_id: ClientId,
    pub(crate) expires_at: Timestamp,
}

impl SandboxData {
    /// The credential with this hash.
    pub(crate) fn find_credential(&self, hash: &SecretHash) -> Option<StoredCredential> {
        let tables = self.read();
        if let Some(token) = tables.tokens.get(hash) {
            return Some(StoredCredential {
                kind: match token.kind {
                    TokenKind::Access => CredentialKind::AccessToken,
                    TokenKind::Refresh => CredentialKind::RefreshToken,
                },
                client_id: token.user_and_client.client_id.clone(),
                expires_at: token.expires_at,
            });
        }
        if let Some(stored) = tables.codes.get(hash) {
            return Some(StoredCredential {
                kind: CredentialKind::AuthorizationCode,
                client_id: stored.code.client_id.clone(),
                expires_at: stored.code.expires_at,
            });
        }
        let (kind, device) = match tables.devices.of_user_code(hash) {
            Some((_, device)) => (CredentialKind::UserCode, device),
            None => (CredentialKind::DeviceCode, tables.devices.get(hash)?),
        };
        Some(StoredCredential {
            kind,
            client_id: device.grant.client_id.clone(),
            expires_at: device.grant.expires_at,
        })
    }
}

impl Store {
    /// The name of another sandbox in whose data the credential is. Data that an earlier run has written, and no request has
    /// used since, is not searched.
    pub(crate) fn other_sandbox_with_credential(
        &self,
        hash: &SecretHash,
        own: &SandboxData,
    ) -> Option<String> {
        // The lock of the index is released before those of the data are taken: other calls take them in the other order.
        let sandboxes: Vec<(String, Arc<SandboxData>)> = {
            let index = self.sandbox_index();
            let records = index.sandboxes.iter().take(MAX_SEARCHED);
            records
                .map(|(name, record)| (name.clone(), Arc::clone(&record.row.data)))
                .collect()
        };
        let mut others = sandboxes.into_iter();
        let found = others
            .find(|(_, data)| data.key() != own.key() && data.find_credential(hash).is_some());
        found.map(|(name, _)| name)
    }
}
