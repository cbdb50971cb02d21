//! Consents by control call: what users have agreed to without a page.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Outcome, Whose};
use crate::invalid::{self, Invalid};
use crate::model::buzz::BuzzLimit;
use crate::model::consent::Consent;
use crate::model::user::UserRef;
use crate::protocol::scope::Scope;
use crate::sandbox::Sandbox;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Agreed {
    user: UserRef,
    client_id: String,
    scope: Scope,
    /// As `buzz_limit` at consent has it, but JSON rather than JSON text.
    #[serde(default)]
    buzz_limit: Value,
}

impl Sandbox {
    /// The consents, of a user or a client or all.
    pub(crate) async fn list_consents(&self, whose: Whose) -> Outcome<Value> {
        let whose = self.resolve_whose(whose).await?;
        let found = self
            .store
            .list_consents(self.world(), whose.as_key())
            .await?;
        let shown: Vec<Value> = found
            .into_iter()
            .map(|(user, client, consent, at)| {
                json!({
                    "user": user,
                    "client_id": client,
                    "scope": consent.scope.to_string(),
                    "buzz_limit": consent.buzz_limit,
                    "updated_at": at.to_string(),
                })
            })
            .collect();
        Ok(json!({ "consents": shown }))
    }

    /// Remembers a consent, in place of the one before.
    pub(crate) async fn put_consent(&self, input: Value) -> Outcome<Value> {
        let agreed: Agreed = invalid::from_object(input)?;
        let user = self.user(&agreed.user, "user").await?;
        let client = self.client_named(&agreed.client_id).await?;
        let buzz_limit = BuzzLimit::parse(&agreed.buzz_limit.to_string()).map_err(|why| {
            let why = why.description.unwrap_or_default();
            Invalid::new("buzz_limit", format!("{}: {why}", agreed.buzz_limit)).with_hint(
                "for example [{\"type\":\"sliding\",\"limit\":5000,\"window\":\"day\",\"unit\":1}]",
            )
        })?;
        let consent = Consent {
            scope: agreed.scope.with_user_read(),
            buzz_limit,
        };
        let parties = (user.id, &client.id);
        self.store
            .put_consent(self.world(), parties, &consent, self.now())
            .await?;
        Ok(json!({
            "user": user.id,
            "client_id": client.id,
            "scope": consent.scope.to_string(),
            "buzz_limit": consent.buzz_limit,
        }))
    }

    /// Forgets the consents of a user or a client, or all.
    pub(crate) async fn delete_consents(&self, whose: Whose) -> Outcome<Value> {
        let whose = self.resolve_whose(whose).await?;
        let deleted = self
            .store
            .delete_consents(self.world(), whose.as_key())
            .await?;
        Ok(json!({ "deleted": deleted }))
    }
}
