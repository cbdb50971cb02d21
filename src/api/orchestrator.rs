//! Authentication of the orchestrator's callers, and the scopes that workflows and blobs require.

use std::sync::Arc;

use super::caller::{self, App};
use super::orchestrator_error::OrchestratorError;
use crate::http::context::RequestContext;
use crate::model::refusal_cause::RefusalCause;
use crate::model::user::User;
use crate::protocol::scope::Scope;

/// Scopes of which one is required.
pub(super) struct RequiredScope {
    any_of: &'static [Scope],
    names: &'static str,
}

/// Required to submit and change workflows, and to upload.
pub(super) const WRITE: RequiredScope = RequiredScope {
    any_of: &[Scope::AI_SERVICES_WRITE],
    names: "AIServicesWrite",
};

/// Required to read. That either scope suffices is our choice.
pub(super) const READ: RequiredScope = RequiredScope {
    any_of: &[Scope::AI_SERVICES_READ, Scope::AI_SERVICES_WRITE],
    names: "AIServicesRead or AIServicesWrite",
};

/// Authenticates the user and the app of an access token with the required scope.
pub(super) fn authenticate(
    context: &RequestContext,
    required: &RequiredScope,
) -> Result<(Arc<User>, App), OrchestratorError> {
    let found = caller::authenticate_orchestrator(context);
    let (user, app) = found.ok_or(OrchestratorError::Unauthorized)?;
    if required.any_of.iter().any(|scope| app.scope.covers(*scope)) {
        Ok((user, app))
    } else {
        let lacking = required.any_of.first().copied().unwrap_or(Scope::USER_READ);
        let cause = RefusalCause::insufficient_scope(lacking, app.scope);
        context.notes.cause(cause);
        Err(OrchestratorError::insufficient_scope(
            required.names,
            context.rules(),
        ))
    }
}
