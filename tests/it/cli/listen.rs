//! Listen addresses of the program: both loopback addresses, several addresses, and network addresses.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};

use civitai_oauth_mock::{Certificate, Config, McpListen, Server};

use crate::support::{Program, SandboxClient, TempDir};

fn answers(address: SocketAddr) -> bool {
    TcpStream::connect(address).is_ok()
}

/// Whether this machine has IPv6. CI machines must have it.
fn has_v6() -> bool {
    let has_v6 = TcpListener::bind("[::1]:0").is_ok();
    if !has_v6 {
        let skipped = "[::1] cannot be listened on: tests of IPv6 are not run";
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{skipped}");
        eprintln!("NOT RUN: {skipped}");
    }
    has_v6
}

fn config() -> Config {
    let mut config = Config::default();
    config.both_loopbacks = true;
    config
}

#[tokio::test]
async fn the_default_includes_the_other_loopback_address() {
    if !has_v6() {
        return;
    }
    let mut config = config();
    let any_port: SocketAddr = "127.0.0.1:0".parse().unwrap();
    config.mcp_listen = vec![McpListen::At(any_port)];
    config.legacy_listen = Some(any_port);
    config.tls = Some((any_port, Certificate::Generated { ca_file: None }));
    let server = Server::start(config).await.unwrap();
    for address in [server.legacy_address(), server.tls_address()] {
        let port = address.unwrap().port();
        assert!(answers((Ipv6Addr::LOCALHOST, port).into()));
    }
    for addresses in [server.addresses(), server.mcp_addresses()] {
        let [v4, v6] = addresses else {
            panic!("both are listened on: {addresses:?}");
        };
        assert_eq!(
            (v4.port(), v6.ip()),
            (v6.port(), Ipv6Addr::LOCALHOST.into())
        );
    }
    let sandbox = SandboxClient::at(format!("http://{}", server.addresses()[1]));
    assert_eq!(sandbox.get("/_mock/settings").await.status, 200);
    server.stop().await;
}

#[tokio::test]
async fn occupied_second_loopback_address_is_skipped() {
    if !has_v6() {
        return;
    }
    // A port that is free on one address and taken on the other.
    let mut config = config();
    let taken = loop {
        let taken = TcpListener::bind("[::1]:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        let listen = SocketAddr::from(([127, 0, 0, 1], port));
        if TcpListener::bind(listen).is_ok() {
            config.listen = listen;
            break taken;
        }
    };
    let server = Server::start(config).await.unwrap();
    assert_eq!(server.addresses(), [server.address()]);
    server.stop().await;
    drop(taken);
}

/// A port that is free at this address with port 0.
fn free_port(address: &str) -> u16 {
    let taken = TcpListener::bind(address).and_then(|taken| taken.local_addr());
    taken.expect("the system has a free port").port()
}

fn v4(port: u16) -> SocketAddr {
    (Ipv4Addr::UNSPECIFIED, port).into()
}

fn v6(port: u16) -> SocketAddr {
    (Ipv6Addr::UNSPECIFIED, port).into()
}

fn listen_on(config: &mut Config, first: SocketAddr, second: SocketAddr) {
    config.listen = first;
    config.also_listen = vec![second];
}

/// Starts the program with both addresses at this port.
type TestRequest = fn(&mut Config, u16);

#[tokio::test]
async fn every_ipv4_and_ipv6_address_share_a_port_in_either_order() {
    if !has_v6() {
        return;
    }
    let cases: [(&str, TestRequest); 6] = [
        ("IPv4 first", |config, port| {
            listen_on(config, v4(port), v6(port));
        }),
        ("IPv6 first", |config, port| {
            listen_on(config, v6(port), v4(port));
        }),
        ("legacy", |config, port| {
            config.listen = v6(port);
            config.legacy_listen = Some(v4(port));
        }),
        ("TLS", |config, port| {
            config.listen = v6(port);
            config.tls = Some((v4(port), Certificate::Generated { ca_file: None }));
        }),
        ("MCP", |config, port| {
            config.listen = v6(port);
            config.mcp_listen = vec![McpListen::At(v4(port))];
        }),
        ("MCP if free", |config, port| {
            config.mcp_listen = vec![McpListen::IfFree(v6(port)), McpListen::IfFree(v4(port))];
        }),
    ];
    for (case, ask) in cases {
        let (mut config, port) = (Config::default(), free_port("[::]:0"));
        ask(&mut config, port);
        let server = Server::start(config).await;
        let server = server.unwrap_or_else(|error| panic!("{case}: {error}"));
        for ip in ["127.0.0.1", "[::1]"] {
            assert!(
                answers(format!("{ip}:{port}").parse().unwrap()),
                "{case}: {ip}"
            );
        }
        server.stop().await;
    }
    let mut config = Config::default();
    listen_on(&mut config, v6(0), v4(0));
    let server = Server::start(config).await.unwrap();
    let ports: Vec<u16> = server.addresses().iter().map(SocketAddr::port).collect();
    assert_eq!(ports, [server.address().port(); 2]);
    server.stop().await;
}

#[test]
fn a_repeated_address_is_listened_on_once() {
    let port = free_port("127.0.0.1:0");
    let listen = format!("127.0.0.1:{port}");
    let program = Program::serve(&mut Program::command(&[
        "--listen", &listen, "--listen", &listen,
    ]));
    assert!(answers(program.address()));
    assert!(!program.announced.join("\n").contains("also listening"));
}

#[test]
fn several_addresses_are_listened_on_at_one_port() {
    if !has_v6() {
        return;
    }
    let folder = TempDir::new();
    let file = folder.write("mock.toml", "listen = [\"127.0.0.1:0\", \"[::1]:0\"]\n");
    let by_file = ["--config", file.to_str().unwrap()];
    let by_flags = ["--listen", "127.0.0.1:0", "--listen", "[::1]:0"];
    let mut by_variable = Program::command(&[]);
    by_variable.env("CIVITAI_MOCK_LISTEN", "127.0.0.1:0,[::1]:0");
    for mut command in [
        Program::command(&by_file),
        Program::command(&by_flags),
        by_variable,
    ] {
        let program = Program::serve(&mut command);
        let last = program.announced.last().unwrap();
        let other = last
            .split_once("also listening on ")
            .expect("it is announced")
            .1;
        let other: SocketAddr = other.split(' ').next().unwrap().parse().unwrap();
        assert!(answers(program.address()) && answers(other));
        assert_eq!(other.port(), program.port());
    }
}

#[test]
fn network_address_without_control_token_is_a_warning() {
    for (listen, warns) in [
        (&["--listen", "0.0.0.0:0"][..], true),
        (
            &["--listen", "127.0.0.1:0", "--mcp-listen", "0.0.0.0:0"],
            true,
        ),
        (
            &["--listen", "0.0.0.0:0", "--control-token", "s3cret"],
            false,
        ),
        (&["--listen", "127.0.0.1:0"], false),
    ] {
        let mut command = Program::command(listen);
        command.env_remove("CIVITAI_MOCK_MCP_LISTEN");
        if !listen.contains(&"--mcp-listen") {
            command.env("CIVITAI_MOCK_MCP_LISTEN", "none");
        }
        let program = Program::serve(&mut command);
        let announced = program.announced.join("\n");
        let printed = program.stop();
        let warned = printed.contains("is reachable from the network")
            && printed.contains("--control-token");
        assert_eq!(warned, warns, "{listen:?}: {printed}");
        assert!(
            !announced.contains("http://0.0.0.0")
                || announced.starts_with("listening on http://0.0.0.0"),
            "{announced}"
        );
    }
}

#[test]
fn a_healthcheck_asks_the_first_of_several_addresses() {
    let program = Program::serve(&mut Program::command(&["--listen", "127.0.0.1:0"]));
    let mut command = Program::command(&["healthcheck"]);
    command.env(
        "CIVITAI_MOCK_LISTEN",
        format!("{},[::1]:1", program.address()),
    );
    assert_eq!(command.output().unwrap().status.code(), Some(0));
}
