//! The memory that the faults of all sandboxes share.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::faults::Fault;
use super::journal::size_in_bytes;
use crate::model::user::UserRef;

/// The memory that the faults of all sandboxes occupy, in bytes.
#[derive(Debug, Default, Clone)]
pub(crate) struct FaultMemory(Arc<AtomicUsize>);

impl FaultMemory {
    /// Counts these bytes until the returned value is dropped.
    pub(super) fn charge(&self, bytes: usize) -> FaultCharge {
        self.0.fetch_add(bytes, Ordering::Relaxed);
        FaultCharge {
            memory: self.clone(),
            bytes,
        }
    }

    pub(super) fn used(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// The bytes of one fault, counted for as long as this lives.
#[derive(Debug)]
pub(super) struct FaultCharge {
    memory: FaultMemory,
    pub(super) bytes: usize,
}

impl Drop for FaultCharge {
    fn drop(&mut self) {
        self.memory.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl Fault {
    /// An estimate of the memory that it occupies.
    pub(super) fn size_in_bytes(&self) -> usize {
        let effect = &self.effect;
        let user = self.user.as_ref().and_then(UserRef::as_username);
        let texts = [&self.client_id, &effect.error, &effect.error_description];
        let texts = texts.into_iter().flatten().map(String::len);
        let body = effect.body.as_ref().map_or(0, size_in_bytes);
        let headers = effect.headers.iter();
        let headers = headers.map(|(name, value)| name.len() + size_in_bytes(value));
        size_of::<Self>()
            + user.map_or(0, str::len)
            + texts.sum::<usize>()
            + body
            + headers.sum::<usize>()
    }
}
