//! A fault as requests share it, and the part of it that the journal stores.

use std::sync::Arc;

use axum::body::Bytes;
use serde_json::Value;

use super::fault::{Effect, Fault};
use crate::model::user::UserRef;
use crate::sandbox::journal::{JsonSizeLimit, cut};
use crate::sandbox::used_bytes::{CountedBytes, UsedBytes};

/// A fault that is active. Requests share it, whatever the size of its body.
#[derive(Debug)]
pub(crate) struct ActiveFault {
    pub(crate) id: u64,
    pub(crate) definition: Fault,
    /// The body that it answers with.
    pub(crate) body: Option<Bytes>,
    pub(crate) recorded: Arc<RecordedFault>,
    pub(super) charge: CountedBytes,
}

/// What the journal stores of a fault, as it may be removed: its definition, with a long body, long headers and long texts cut.
#[derive(Debug)]
pub(crate) struct RecordedFault {
    pub(crate) id: u64,
    pub(crate) definition: Fault,
    size: usize,
}

impl ActiveFault {
    pub(super) fn new(id: u64, definition: Fault, memory: &UsedBytes) -> Self {
        let body = definition.effect.body.as_ref().map(|body| match body {
            Value::String(text) => Bytes::from(text.clone()),
            other => other.to_string().into(),
        });
        let recorded = RecordedFault::new(id, &definition);
        let size = size_of::<Self>()
            + definition.size_in_bytes()
            + body.as_ref().map_or(0, Bytes::len)
            + recorded.size_in_bytes();
        Self {
            id,
            body,
            recorded: Arc::new(recorded),
            definition,
            charge: memory.charge(size),
        }
    }
}

/// What is stored of a fault's body and of its headers, and of each of its texts.
const MAX_RECORDED: JsonSizeLimit = JsonSizeLimit {
    nodes: 30,
    bytes: 600,
};
const MAX_RECORDED_TEXT_BYTES: usize = 200;

impl RecordedFault {
    fn new(id: u64, fault: &Fault) -> Self {
        let text = |text: &Option<String>| {
            let text = text.as_deref()?;
            Some(cut(text, MAX_RECORDED_TEXT_BYTES).into_owned())
        };
        let effect = &fault.effect;
        let definition = Fault {
            client_id: text(&fault.client_id),
            user: fault.user.as_ref().map(|user| match user {
                UserRef::Id(id) => UserRef::Id(*id),
                UserRef::Name(name) => {
                    UserRef::Name(cut(name, MAX_RECORDED_TEXT_BYTES).into_owned())
                }
            }),
            effect: Effect {
                error: text(&effect.error),
                error_description: text(&effect.error_description),
                body: effect
                    .body
                    .as_ref()
                    .map(|body| { MAX_RECORDED }.value(body)),
                headers: { MAX_RECORDED }.object(&effect.headers),
                ..*effect
            },
            ..*fault
        };
        Self {
            id,
            size: size_of::<Self>() + definition.size_in_bytes(),
            definition,
        }
    }

    /// The memory that it occupies.
    pub(crate) fn size_in_bytes(&self) -> usize {
        self.size
    }
}
