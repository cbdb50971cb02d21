//! The shapes of abuse, in the order in which they run.

use std::pin::Pin;
use std::sync::Arc;

use crate::attacks::{bodies, connections, costly, faults, http2, journal, rows};
use crate::client::Target;

type Attack = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

/// One way to abuse the server.
pub(crate) struct Shape {
    pub(crate) name: &'static str,
    /// What is sent, and what it attacks.
    pub(crate) attacks: &'static str,
    /// Further options of the program.
    pub(crate) options: &'static [&'static str],
    pub(crate) serves_tls: bool,
    /// The journal is full before the attack begins.
    pub(crate) fills_journal: bool,
    /// Errors: the server does not do what it must do even under this attack.
    pub(crate) run: fn(Arc<Target>) -> Attack,
}

/// A shape against the program as it starts without options.
const fn shape(name: &'static str, attacks: &'static str, run: fn(Arc<Target>) -> Attack) -> Shape {
    Shape {
        name,
        attacks,
        options: &[],
        serves_tls: false,
        fills_journal: false,
        run,
    }
}

pub(crate) const SHAPES: &[Shape] = &[
    shape(
        "calm",
        "no attack: what the innocent client gets from this machine",
        |target| Box::pin(connections::calm(target)),
    ),
    shape(
        "json-nodes",
        "JSON bodies of 170,000 empty arrays to /token, and of 49,990: a parsed node takes many times its two bytes",
        |target| Box::pin(bodies::many_nodes(target)),
    ),
    shape(
        "json-nodes-refused",
        "the same to an unknown path, to MCP and, cross-site, to the control API: read before they are refused?",
        |target| Box::pin(bodies::refused_nodes(target)),
    ),
    shape(
        "journal-unfolded",
        "JSON bodies of 7.7 kB, then one reader of the journal: entries grow when they are parsed",
        |target| Box::pin(journal::unfolded(target)),
    ),
    shape(
        "journals",
        "one large body for each of many sandboxes: a bound for each journal is none for all of them",
        |target| Box::pin(journal::of_many_sandboxes(target)),
    ),
    shape(
        "fault-body",
        "calls that a fault answers with 500 kB: the journal stores the fault and the answer of each call",
        |target| Box::pin(faults::large_body(target)),
    ),
    Shape {
        fills_journal: true,
        ..shape(
            "advice",
            "200 parallel advice calls on a full journal: processor time, and a copy of the journal for each",
            |target| Box::pin(journal::advice(target)),
        )
    },
    Shape {
        fills_journal: true,
        ..shape(
            "long-polls",
            "50 long polls for more exchanges than will ever come: each call wakes all of them",
            |target| Box::pin(journal::long_polls(target)),
        )
    },
    Shape {
        fills_journal: true,
        ..shape(
            "http2-unread",
            "100 requests for the full journal on one HTTP/2 connection, and no answer read",
            |target| Box::pin(http2::unread(target)),
        )
    },
    shape(
        "refused-sandboxes",
        "refused cross-site requests that name a new sandbox each: is there room left for the owner's?",
        |target| Box::pin(rows::refused_sandboxes(target)),
    ),
    shape(
        "hang-ups",
        "callers with bodies of 500 kB who hang up while a fault delays the answer",
        |target| Box::pin(faults::hang_ups(target)),
    ),
    shape(
        "http2-frames",
        "8 HTTP/2 connections that send PING, PRIORITY, WINDOW_UPDATE or unknown frames, and no request",
        |target| Box::pin(http2::frames_only(target)),
    ),
    shape(
        "rate-limit-keys",
        "X-Forwarded-For values of 60 kB, each a new key of a rate limit",
        |target| Box::pin(rows::rate_limit_keys(target)),
    ),
    Shape {
        serves_tls: true,
        ..shape(
            "server-names",
            "TLS handshakes with a new server name each: a key and a certificate for each",
            |target| Box::pin(connections::server_names(target)),
        )
    },
    shape(
        "login-names",
        "cross-site POST /login with a new user name each: users, sessions and a long sign-in page",
        |target| Box::pin(rows::login_names(target)),
    ),
    shape(
        "snapshots",
        "snapshots without end of a sandbox with 1,000 tokens: each is a copy",
        |target| Box::pin(rows::snapshots(target)),
    ),
    shape(
        "slow-callers",
        "2,000 connections with half a head or half a body, and nothing more (slowloris)",
        |target| Box::pin(connections::slow_callers(target)),
    ),
    shape(
        "large-heads",
        "3,900 connections that send 120 kB of a head, and nothing more",
        |target| Box::pin(connections::large_heads(target)),
    ),
    shape(
        "http2-unfinished",
        "500 HTTP/2 connections with 100 requests each whose bodies do not end",
        |target| Box::pin(http2::unfinished(target)),
    ),
    shape(
        "unread-lists",
        "60 connections that ask for a list of 2,500 users of 8 kB, and read nothing",
        |target| Box::pin(rows::unread_lists(target)),
    ),
    shape(
        "http2-resets",
        "HTTP/2 streams that are opened and reset at once (rapid reset, CVE-2023-44487)",
        |target| Box::pin(http2::resets(target)),
    ),
    Shape {
        options: &["--unknown-clients", "register"],
        ..shape(
            "rows",
            "device codes, authorization codes, sessions and registered clients without end",
            |target| Box::pin(rows::of_every_kind(target)),
        )
    },
    shape(
        "wide-input",
        "deep and wide JSON to every control call, forms of 100,000 pairs, multipart of 10,000 parts",
        |target| Box::pin(bodies::wide_input(target)),
    ),
    Shape {
        fills_journal: true,
        ..shape(
            "http1-unread",
            "200 connections that ask for the full journal, and read nothing",
            |target| Box::pin(connections::unread(target)),
        )
    },
    shape(
        "half-bodies",
        "1,000 connections that send 400 kB of a body of 500 kB, and nothing more",
        |target| Box::pin(connections::half_bodies(target)),
    ),
    shape(
        "event-streams",
        "500 listeners to the dashboard's events who read nothing, while requests come",
        |target| Box::pin(journal::event_streams(target)),
    ),
    shape(
        "workflow-steps",
        "workflows of 120,000 empty steps, free of charge: each step is stored, and answered with a picture",
        |target| Box::pin(costly::workflow_steps(target)),
    ),
    shape(
        "budgets",
        "orders under a consent with 5,000 rollover budgets whose cron expression never fires",
        |target| Box::pin(costly::budgets(target)),
    ),
    Shape {
        fills_journal: true,
        ..shape(
            "expectations",
            "30,000 expectations to verify against a full journal in one call",
            |target| Box::pin(costly::expectations(target)),
        )
    },
    shape(
        "nonces",
        "authorization codes with a nonce of 500 kB each",
        |target| Box::pin(costly::nonces(target)),
    ),
    Shape {
        options: &["--unknown-clients", "register"],
        ..shape(
            "client-ids",
            "unknown client ids of 255 bytes, each of which registers a client, and of 30 kB",
            |target| Box::pin(costly::client_ids(target)),
        )
    },
    shape(
        "control-rows",
        "users, faults and seeds of 480 kB each by control calls: each call is small enough, all are not",
        |target| Box::pin(rows::of_the_control_api(target)),
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_has_a_name_of_its_own() {
        let mut names: Vec<&str> = SHAPES.iter().map(|shape| shape.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), SHAPES.len());
    }
}
