//! The client of the demo data, whose secret is public.

use std::sync::Arc;

use crate::http::context::RequestContext;
use crate::model::client::Client;
use crate::protocol::secret::Secret;
use crate::seed::SeedFile;

/// The first client of the demo data that still has its secret.
pub(super) fn demo_client(context: &RequestContext) -> Option<(Arc<Client>, Secret)> {
    let demo = SeedFile::demo().load().ok()?;
    demo.secrets.into_iter().find_map(|(id, secret)| {
        let client = context.sandbox.data().find_client(id.as_str())?;
        client
            .owns_secret(Some(&secret))
            .then_some((client, secret))
    })
}
