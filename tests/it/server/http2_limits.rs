//! Limits of an HTTP/2 connection: frames that are no requests, answers that the client does not read, and requests
//! that it resets. The frames are written by hand; no client library sends them.

use std::time::Duration;

use civitai_oauth_mock::{Config, Contract};
use insta::assert_snapshot;
use serde_json::json;

use crate::support::frames::{
    ACK, CONTINUATION, DATA, END_STREAM, Frame, Frames, GOAWAY, HEADERS, INITIAL_WINDOW, PING,
    PRIORITY, RST_STREAM, SETTINGS, WINDOW_UPDATE,
};
use crate::support::{
    Program, RawConnection, SandboxClient, Stopwatch, TestServer, config, statuses,
};

/// Long enough to be answered on a busy machine, short enough to wait for.
const SHORT: Duration = Duration::from_millis(400);

/// A connection that is not closed by then is never closed.
const PATIENCE: Duration = Duration::from_secs(20);

async fn mock(change: impl FnOnce(&mut Config)) -> TestServer {
    let mut config = config(Contract::Documented);
    change(&mut config);
    TestServer::start(config).await
}

/// A connection on which one request has been answered.
async fn connection(mock: &TestServer) -> Frames {
    let mut frames = Frames::connect(mock.server().address(), &[]).await;
    frames.send(&Frame::get(1, "/api/health")).await;
    assert!(frames.is_ok(1).await);
    frames
}

/// Frames that ask for nothing.
fn idle_frames() -> [(&'static str, Frame); 6] {
    [
        ("PING acks", Frame::new(PING, ACK, 0, [0; 8])),
        ("PING", Frame::new(PING, 0, 0, [0; 8])),
        ("SETTINGS", Frame::new(SETTINGS, 0, 0, [])),
        ("PRIORITY", Frame::new(PRIORITY, 0, 3, [0, 0, 0, 1, 7])),
        (
            "WINDOW_UPDATE",
            Frame::new(WINDOW_UPDATE, 0, 0, [0, 0, 0, 1]),
        ),
        ("unknown frames", Frame::new(0xfa, 0, 0, [0; 8])),
    ]
}

#[tokio::test]
async fn connection_without_a_request_is_closed_despite_frames() {
    let mock = mock(|config| config.head_timeout = SHORT).await;
    for (name, frame) in idle_frames() {
        let mut frames = connection(&mock).await;
        let many = frame.bytes().repeat(1000);
        assert!(frames.flood(&many, PATIENCE).await, "{name}");
        assert_eq!(mock.get("/api/health").await.status, 200, "after {name}");
    }
}

#[tokio::test]
async fn connection_that_only_answers_pings_is_closed_with_goaway() {
    let mock = mock(|config| config.head_timeout = SHORT).await;
    let mut frames = connection(&mock).await;
    let rest = frames.rest().await;
    assert!(rest.iter().any(|frame| frame.kind == GOAWAY), "{rest:?}");
}

#[tokio::test]
async fn connection_is_not_closed_while_a_request_is_open() {
    let mock = mock(|config| config.head_timeout = SHORT).await;
    let mut frames = connection(&mock).await;
    let wait = SHORT * 4;
    let path = format!("/_mock/requests?wait={}ms&count=9", wait.as_millis());
    frames.send(&Frame::get(3, &path)).await;
    assert!(frames.is_ok(3).await);
    frames.send(&Frame::get(5, "/api/health")).await;
    assert!(frames.is_ok(5).await, "and another follows it");
}

/// Processor time that a process has taken, in clock ticks of 10 ms.
#[cfg(target_os = "linux")]
fn ticks(program: &Program) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", program.id())).expect("it runs");
    let (_, fields) = stat.rsplit_once(')').expect("a name in parentheses");
    // utime and stime are fields 14 and 15; the name is field 2.
    let fields = fields.split_whitespace().skip(11).take(2);
    fields
        .map(|ticks| ticks.parse::<u64>().expect("a number"))
        .sum()
}

/// A flood takes processor time from the server only as far as it reads it, whatever else is open.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn flood_of_control_frames_takes_little_processor_time() {
    let program = Program::serve(&mut Program::command(&["--listen", "127.0.0.1:0"]));
    let mut open = Vec::new();
    for (_, frame) in idle_frames() {
        let mut frames = Frames::connect(program.address(), &[]).await;
        let wait = Frame::get(1, "/_mock/requests?wait=60s&count=9");
        assert!(frames.send(&wait).await);
        open.push((frames, frame.bytes().repeat(1000)));
    }
    let before = ticks(&program);
    let began = Stopwatch::start();
    let mut floods = tokio::task::JoinSet::new();
    for (mut frames, many) in open {
        floods.spawn(async move {
            frames.flood(&many, Duration::from_secs(3)).await;
            frames
        });
    }
    floods.join_all().await;
    let most = u64::try_from(began.elapsed().as_millis()).expect("a short time") / 10 / 3;
    let taken = ticks(&program) - before;

    assert!(taken < most, "{taken} ticks of 10 ms, more than {most}");
}

/// Six thousand frames take about five seconds: a thousand at once, the others at their pace.
#[tokio::test]
async fn control_frames_beyond_the_allowance_are_read_later() {
    let mock = mock(|_| {}).await;
    let mut frames = connection(&mock).await;
    let began = Stopwatch::start();
    // In batches, so that neither side waits for the other to read.
    for _ in 0..60 {
        for _ in 0..100 {
            frames.send(&Frame::new(PING, 0, 0, [1; 8])).await;
        }
        let mut received = 0;
        while received < 100 {
            let frame = frames.next().await.expect("it goes on");
            received += i32::from(frame.kind == PING && frame.flags == ACK);
        }
    }
    let took = began.elapsed();
    let expected = Duration::from_secs(3)..Duration::from_secs(30);
    assert!(expected.contains(&took), "{took:?}");
}

#[tokio::test]
async fn unexpected_frames_are_not_logged_one_by_one() {
    let program = Program::serve(&mut Program::command(&["--listen", "127.0.0.1:0"]));
    let mut frames = Frames::connect(program.address(), &[]).await;
    for _ in 0..50 {
        frames.send(&Frame::new(PING, ACK, 0, [0; 8])).await;
    }
    frames.send(&Frame::get(1, "/api/health")).await;
    assert!(frames.is_ok(1).await);
    drop(frames);
    assert_eq!(program.stop(), "");
}

#[tokio::test]
async fn burst_of_control_frames_delays_the_next_request_only() {
    let mock = mock(|_| {}).await;
    let mut frames = connection(&mock).await;
    for _ in 0..1500 {
        frames.send(&Frame::new(PING, ACK, 0, [0; 8])).await;
    }
    frames.send(&Frame::get(3, "/api/health")).await;
    assert!(frames.is_ok(3).await);
}

#[tokio::test]
async fn client_that_reads_nothing_of_an_answer_is_disconnected() {
    let mock = mock(|config| config.body_timeout = SHORT).await;
    let mut frames = Frames::connect(mock.server().address(), &[(INITIAL_WINDOW, 0)]).await;
    frames.send(&Frame::get(1, "/api/health")).await;
    assert!(frames.is_ok(1).await);
    // It answers every PING meanwhile.
    frames.rest().await;
}

#[cfg(target_os = "linux")]
fn resident_mb(program: &Program) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", program.id()));
    let status = status.expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let size = line.and_then(|line| line.trim().strip_suffix(" kB"));
    size.and_then(|size| size.trim().parse::<u64>().ok())
        .expect("a size")
        / 1024
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn unread_answers_of_a_connection_take_bounded_memory() {
    let program = Program::serve(&mut Program::command(&["--listen", "127.0.0.1:0"]));
    let mock = SandboxClient::at(program.base());
    for name in 0..214 {
        let client = json!({ "name": name.to_string(), "description": "x".repeat(15_000) });
        let made = mock.control("POST", "/clients", client).await;
        assert!(made["id"].is_string(), "{made}");
    }
    let before = resident_mb(&program);
    let mut frames = Frames::connect(program.address(), &[(INITIAL_WINDOW, 0)]).await;
    for at in 0..100 {
        frames.send(&Frame::get(2 * at + 1, "/_mock/clients")).await;
    }
    let mut answers = 0;
    let mut heads = Vec::new();
    // The requests above are read meanwhile, as far as the connection reads them.
    for _ in 0..50 {
        assert_eq!(mock.get("/api/health").await.status, 200);
    }
    while answers < 2 {
        let frame = frames.next().await.expect("it goes on");
        if frame.kind == HEADERS {
            answers += 1;
            heads.push(frame.stream);
        }
    }
    for _ in 0..200 {
        assert_eq!(mock.get("/api/health").await.status, 200);
    }
    let grown = resident_mb(&program).saturating_sub(before);
    assert!(grown < 100, "100 answers of 3.2 MB take {grown} MB");

    // Once the client reads, all of them come.
    for at in 0..100 {
        let window = 10_000_000_u32.to_be_bytes();
        frames
            .send(&Frame::new(WINDOW_UPDATE, 0, 2 * at + 1, window))
            .await;
    }
    frames
        .send(&Frame::new(
            WINDOW_UPDATE,
            0,
            0,
            1_000_000_000_u32.to_be_bytes(),
        ))
        .await;
    let mut ended = 0;
    while ended < 100 {
        let frame = frames.next().await.expect("it goes on");
        if frame.kind == HEADERS {
            heads.push(frame.stream);
        }
        if frame.kind == DATA && frame.flags & END_STREAM != 0 {
            ended += 1;
        }
    }
    assert_eq!(heads.len(), 100);
}

/// The status of a GET by HTTP/1 and by HTTP/2; `closed` if the connection ends without one.
async fn statuses_of(mock: &TestServer, path: &str, headers: &[(&str, &str)]) -> String {
    let address = mock.server().address();
    let lines: Vec<String> = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    let lines = lines.concat();
    let mut line = RawConnection::to(address).await;
    line.send(format!(
        "GET {path} HTTP/1.1\r\nConnection: close\r\n{lines}\r\n"
    ))
    .await;
    let received = line.read_to_close().await;
    let first = statuses(&received)
        .first()
        .map_or("closed", |status| status)
        .to_owned();

    let mut frames = Frames::connect(address, &[]).await;
    let head = headers
        .iter()
        .fold(Frame::get(1, path), |head, (name, value)| {
            head.with(name, value)
        });
    for frame in head.in_pieces() {
        frames.send(&frame).await;
    }
    let second = frames
        .status(1)
        .await
        .map_or("closed".to_owned(), |status| status.to_string());
    format!("{first} {second}")
}

#[tokio::test]
async fn too_long_heads_are_answered_alike_by_both_protocols() {
    let mock = mock(|_| {}).await;
    let mut table = String::new();
    let path = |length: usize| format!("/{}", "x".repeat(length - 1));
    for length in [32 * 1024, 32 * 1024 + 1, 60_000, 70_000, 140_000] {
        let statuses = statuses_of(&mock, &path(length), &[]).await;
        table += &format!("a target of {length} bytes: {statuses}\n");
    }
    for length in [60_000, 70_000, 140_000] {
        let value = "x".repeat(length);
        let statuses = statuses_of(&mock, "/api/health", &[("x-long", &value)]).await;
        table += &format!("a header of {length} bytes: {statuses}\n");
    }
    // HTTP/1 has `Connection` too.
    for count in [99, 101] {
        let statuses = statuses_of(&mock, "/api/health", &vec![("x-many", "x"); count]).await;
        table += &format!("{count} headers: {statuses}\n");
    }
    assert_snapshot!(table, @r"
    a target of 32768 bytes: 404 404
    a target of 32769 bytes: 414 414
    a target of 60000 bytes: 414 414
    a target of 70000 bytes: 414 431
    a target of 140000 bytes: 431 closed
    a header of 60000 bytes: 200 200
    a header of 70000 bytes: 200 431
    a header of 140000 bytes: 431 closed
    99 headers: 200 200
    101 headers: 431 431
    ");
}

#[tokio::test]
async fn head_that_does_not_end_is_given_up() {
    let mock = mock(|config| config.head_timeout = SHORT).await;
    let half = |stream| {
        Frame::new(
            HEADERS,
            END_STREAM,
            stream,
            Frame::get(stream, "/api/health").payload,
        )
    };
    let more = Frame::new(CONTINUATION, 0, 3, []);
    let mut frames = connection(&mock).await;
    frames.send(&half(3)).await;
    frames.rest().await;
    let mut frames = connection(&mock).await;
    frames.send(&half(3)).await;
    assert!(frames.flood(&more.bytes().repeat(1000), PATIENCE).await);
    assert_eq!(mock.get("/api/health").await.status, 200);
}

#[tokio::test]
async fn connection_whose_requests_are_reset_at_once_is_answered_further() {
    let mock = mock(|_| {}).await;
    let mut frames = connection(&mock).await;
    for at in 1..2000 {
        let stream = 2 * at + 1;
        frames.send(&Frame::get(stream, "/api/health")).await;
        frames
            .send(&Frame::new(RST_STREAM, 0, stream, [0, 0, 0, 8]))
            .await;
        if at % 10 == 0 {
            // Its answer comes after what came before it.
            frames.send(&Frame::new(PING, 0, 0, [1; 8])).await;
            while frames
                .next()
                .await
                .is_some_and(|frame| frame.kind != PING || frame.flags != ACK)
            {}
        }
    }
    frames.send(&Frame::get(9999, "/api/health")).await;
    assert!(frames.is_ok(9999).await);
}

#[tokio::test]
async fn requests_of_all_connections_are_at_most_two_thousand_at_once() {
    let mock = mock(|_| {}).await;
    let mut unfinished = Vec::new();
    for _ in 0..20 {
        let mut frames = connection(&mock).await;
        for at in 1..=100 {
            let path = "/api/auth/oauth/token";
            frames
                .send(&Frame::request(2 * at + 1, 0, "POST", path))
                .await;
        }
        unfinished.push(frames);
    }
    let mut stream = 1;
    let mut last = Frames::connect(mock.server().address(), &[]).await;
    let mut health = async || {
        stream += 2;
        last.send(&Frame::get(stream, "/api/health")).await;
        last.status(stream).await
    };
    let began = Stopwatch::start();
    // The server reads the requests of the other connections meanwhile.
    while health().await != Some(503) {
        assert!(began.elapsed() < PATIENCE, "no request was refused");
    }
    assert_eq!(mock.get("/api/health").await.status, 200, "by HTTP/1");
    unfinished.pop();
    while health().await != Some(200) {
        assert!(began.elapsed() < PATIENCE, "no request was admitted again");
    }
}
