//! HTTP/2 connections that no HTTP/2 library would make.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use harness::now;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::journal::WHOLE_JOURNAL;
use crate::client::{FEW, TOKEN, Target};
use crate::frames::{
    CANCEL, PING, PRIORITY, RST_STREAM, UNKNOWN, WINDOW_UPDATE, frame, get, preface,
    unfinished_post,
};

/// How much is sent in one go, in bytes.
const BATCH: usize = 64 * 1024;

/// A connection whose server reads nothing for so long is given up.
const PATIENCE: Duration = Duration::from_secs(2);

/// Before a connection that the server has closed is opened again.
const PAUSE: Duration = Duration::from_millis(10);

pub(crate) async fn unread(target: Arc<Target>) -> Result<(), String> {
    let mut bytes = preface();
    for stream in (1..200).step_by(2) {
        bytes.extend(get(stream, WHOLE_JOURNAL));
        target.count("requests", 1);
    }
    let streams = target.hold(&bytes).await.into_iter().collect();
    let time = Duration::from_secs(target.either(10, 2));
    target.keep(streams, time).await;
    Ok(())
}

pub(crate) async fn unfinished(target: Arc<Target>) -> Result<(), String> {
    let mut requests = Vec::new();
    for stream in (1..200).step_by(2) {
        requests.extend(unfinished_post(stream, TOKEN));
    }
    let mut senders = Vec::new();
    for _ in 0..target.either(500, 60) {
        let Ok(mut sender) = open(&target).await else {
            continue;
        };
        if send(&mut sender, &requests).await.is_ok() {
            target.count("requests", 100);
            senders.push(sender);
        }
    }
    sleep(Duration::from_secs(target.either(8, 2))).await;
    drop(senders);
    Ok(())
}

pub(crate) async fn frames_only(target: Arc<Target>) -> Result<(), String> {
    let kinds = [
        frame(PING, 0, 0, &[0; 8]),
        frame(PRIORITY, 0, 1, &[0, 0, 0, 0, 1]),
        frame(WINDOW_UPDATE, 0, 0, &1_u32.to_be_bytes()),
        frame(UNKNOWN, 0, 0, &[0; 8]),
    ];
    let end = now() + Duration::from_secs(target.either(10, 2));
    let mut connections = JoinSet::new();
    for at in 0..8 {
        let one = kinds[at % kinds.len()].clone();
        let frames = BATCH / one.len();
        let batch = one.repeat(frames);
        let target = Arc::clone(&target);
        connections.spawn(async move {
            while now() < end {
                if let Ok(mut sender) = open(&target).await {
                    while now() < end && send(&mut sender, &batch).await.is_ok() {
                        target.count("frames", frames);
                        tokio::task::yield_now().await;
                    }
                }
                sleep(PAUSE).await;
            }
        });
    }
    while connections.join_next().await.is_some() {}
    Ok(())
}

pub(crate) async fn resets(target: Arc<Target>) -> Result<(), String> {
    let each = target.either(25_000, 5_000);
    let mut connections = JoinSet::new();
    for _ in 0..FEW {
        let target = Arc::clone(&target);
        connections.spawn(async move {
            let mut left = each;
            while left > 0 && target.goes_on() {
                left = reset_streams(&target, left).await;
                sleep(PAUSE).await;
            }
        });
    }
    while connections.join_next().await.is_some() {}
    Ok(())
}

/// Opens and resets streams on one connection until the server closes it. Returns how many are left to do.
async fn reset_streams(target: &Target, mut left: u32) -> u32 {
    let Ok(mut sender) = open(target).await else {
        return left;
    };
    let mut stream = 1;
    while left > 0 {
        let many = left.min(100);
        let mut batch = Vec::new();
        for _ in 0..many {
            batch.extend(get(stream, "/api/health"));
            batch.extend(frame(RST_STREAM, 0, stream, &CANCEL));
            stream += 2;
        }
        left -= many;
        target.count("streams", many as usize);
        if send(&mut sender, &batch).await.is_err() {
            return left;
        }
    }
    0
}

/// A connection whose answers are read and thrown away.
async fn open(target: &Target) -> io::Result<OwnedWriteHalf> {
    let stream = TcpStream::connect(target.address).await?;
    let (mut answers, mut sender) = stream.into_split();
    tokio::spawn(async move {
        let mut buffer = vec![0; BATCH];
        while matches!(answers.read(&mut buffer).await, Ok(1..)) {}
    });
    sender.write_all(&preface()).await?;
    target.count("connections", 1);
    Ok(sender)
}

async fn send(sender: &mut OwnedWriteHalf, bytes: &[u8]) -> io::Result<()> {
    match timeout(PATIENCE, sender.write_all(bytes)).await {
        Ok(written) => written,
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    }
}
