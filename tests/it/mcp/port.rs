//! The program's MCP port: the default, and an occupied port.

use std::net::TcpListener;
use std::process::{Command, Output};

use insta::assert_snapshot;

use crate::support::Program;

/// The program without an option for the address of MCP.
fn without_mcp_listen(listen: &str) -> Command {
    let mut command = Program::command(&["--listen", listen]);
    command.env_remove("CIVITAI_MOCK_MCP_LISTEN");
    command
}

#[test]
fn default_port_is_9090_and_may_be_occupied() {
    // An address of this machine that no other program uses, so that its ports are free.
    let [.., high, low] = std::process::id().to_be_bytes();
    let address = format!("127.{high}.{low}.90");
    let program = Program::serve(&mut without_mcp_listen(&format!("{address}:0")));
    let announced = program.announced.join("\n");
    assert!(
        announced.contains(&format!("http://{address}:9090")),
        "{announced}"
    );

    let other = Program::serve(&mut without_mcp_listen(&format!("{address}:0")));
    let announced = other.announced.join("\n");
    assert!(!announced.contains(":9090"), "{announced}");
    let output = other.stop().replace(&address, "<address>");
    // The main port has MCP too, so that this is no warning.
    assert!(!output.contains("cannot listen"), "{output}");
}

#[test]
fn occupied_explicit_port_is_an_error() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = listener.local_addr().unwrap().to_string();
    let by_flag = Program::output(&["--listen", "127.0.0.1:0", "--mcp-listen", &taken]);
    let by_environment = Program::command(&["--listen", "127.0.0.1:0"])
        .env("CIVITAI_MOCK_MCP_LISTEN", &taken)
        .output()
        .unwrap();
    let error = |output: &Output| {
        assert!(!output.status.success());
        String::from_utf8_lossy(&output.stderr).replace(&taken, "(taken)")
    };
    assert_snapshot!(error(&by_flag).trim_end(), @"civitai-oauth-mock: cannot listen on (taken): Address already in use (os error 98); choose another with --mcp-listen (port 0 selects a free one)");
    assert_eq!(error(&by_environment), error(&by_flag));
    let output = Program::output(&["--mcp-listen", "nowhere"]);
    assert_snapshot!(String::from_utf8_lossy(&output.stderr).lines().next().unwrap_or_default(), @r#"error: invalid value 'nowhere' for '--mcp-listen <ADDRESS|none>': "nowhere" is not an address: write an IP address and a port, for example 127.0.0.1:8080, or "none""#);
}
