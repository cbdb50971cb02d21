//! Errors of request bodies that could not be read completely.

use std::error::Error;
use std::fmt;
use std::time::Duration;

/// The body did not end in time.
#[derive(Debug)]
pub(crate) struct TooSlow(pub(crate) Duration);

impl fmt::Display for TooSlow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the body took longer than {:?}", self.0)
    }
}

impl Error for TooSlow {}

/// Memory limit for all request bodies together while they arrive.
pub(crate) const MAX_BODY_MEMORY_BYTES: usize = 64 * 1024 * 1024;

/// The bodies of other requests occupied all memory for bodies for this long.
#[derive(Debug)]
pub(crate) struct NoMemory(pub(crate) Duration);

impl fmt::Display for NoMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the bodies of other requests used {MAX_BODY_MEMORY_BYTES} bytes of memory for {:?}",
            self.0
        )
    }
}

impl Error for NoMemory {}

/// The reason that a body could not be read completely.
#[derive(Debug)]
pub(crate) enum BodyError<'a> {
    TooSlow(&'a TooSlow),
    NoMemory(&'a NoMemory),
    /// The client ended it early, or it is malformed.
    Broken,
    TooLong,
}

impl<'a> BodyError<'a> {
    /// The cause of an error of [`axum::body::to_bytes`].
    pub(crate) fn new(error: &'a axum::Error) -> Self {
        let first: &(dyn Error + 'static) = error;
        let causes = || std::iter::successors(Some(first), |error| <dyn Error>::source(*error));
        if let Some(busy) = causes().find_map(|error| error.downcast_ref()) {
            return Self::NoMemory(busy);
        }
        match causes().find_map(|error| error.downcast_ref()) {
            Some(late) => Self::TooSlow(late),
            None if causes().any(<dyn Error>::is::<hyper::Error>) => Self::Broken,
            None => Self::TooLong,
        }
    }
}
