//! The command `pkce`: a verifier and its challenge (RFC 7636).

use clap::Args;
use serde_json::json;

use super::output::Output;
use super::text;
use crate::sandbox::entropy::Entropy;

/// Generate a PKCE verifier and its S256 challenge.
#[derive(Debug, Args)]
pub(super) struct PkceOptions {
    #[command(flatten)]
    output: Output,
}

pub(super) fn run(options: &PkceOptions) -> anyhow::Result<()> {
    let verifier = Entropy::new(None, "pkce", 0).verifier();
    let pair = json!({
        "code_verifier": verifier.reveal(),
        "code_challenge": verifier.challenge().0,
        "code_challenge_method": "S256",
    });
    options.output.print(&pair, || Ok(text::pairs(&pair)))
}
