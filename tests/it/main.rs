//! The front door: a real listening server, and what it answers.

mod support;
