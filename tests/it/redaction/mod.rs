//! Tests of redaction: no secret is shown in the journal, an error, a page or the log.

mod leaks;
mod mcp_tools;
mod misplaced_secrets;
mod readable_values;
mod request_positions;
