//! Tests of the bounds of tables, and of the purge of expired data.

use super::support::TestStore;
use crate::model::code::AuthorizationCode;
use crate::model::consent::Consent;
use crate::model::device::{DeviceGrant, UserDecision};
use crate::model::token::{Token, TokenKind};
use crate::protocol::ids::{ClientId, UserId};
use crate::protocol::pkce::Challenge;
use crate::protocol::scope::Scope;
use crate::protocol::secret::{Secret, SecretHash};
use crate::protocol::time::Timestamp;
use crate::store::purge::MIN_ROWS;
use crate::store::tables::codes::MAX_CODES;
use crate::store::tables::consents::MAX_CONSENTS;
use crate::store::tables::devices::MAX_DEVICES;
use crate::store::tables::tokens::MAX_TOKENS;
use crate::store::{NewDevice, NewSession, SandboxData, Store, StoreError, UserClientFilter};

const DAY: i64 = 24 * 60 * 60 * 1000;

/// Inserts a device authorization and a token for each number; they expire within a minute.
async fn insert_all(test: &TestStore, numbers: std::ops::Range<usize>, now: Timestamp) {
    let (client_id, expires_at) = (ClientId("cli".to_owned()), Timestamp(now.0 + 60_000));
    for number in numbers {
        let hash = |what: &str| Secret::new(format!("{what} {number}")).hash();
        let grant = DeviceGrant {
            client_id: client_id.clone(),
            scope: Scope::default(),
            decision: UserDecision::Pending,
            expires_at,
        };
        let device = NewDevice {
            device_code: hash("device"),
            user_code: hash("user"),
            grant,
            now,
        };
        let data = &test.data;
        data.insert_device(device).await.unwrap();
        let token = Token {
            hash: hash("token"),
            kind: TokenKind::Access,
            client_id: client_id.clone(),
            user_id: UserId(1),
            scope: Scope::default(),
            issued_at: now,
            expires_at,
        };
        data.insert_tokens(&[token]).await.unwrap();
    }
}

/// The numbers of devices and tokens in memory and, after the next start, in the file.
async fn counts(test: TestStore) -> [(usize, usize); 2] {
    let count = |data: &SandboxData| {
        let tables = data.read();
        (tables.devices.len(), tables.tokens.len())
    };
    let in_memory = count(&test.data);
    test.store.close().await;
    let store = Store::open(&test.database).await.unwrap();
    let row = store.find_sandbox("x").await.unwrap().unwrap();
    let in_file = count(&row.data);
    store.close().await;
    [in_memory, in_file]
}

#[tokio::test]
async fn expired_rows_are_purged_above_the_threshold() {
    let test = TestStore::new("purge_threshold").await;
    insert_all(&test, 0..MIN_ROWS, Timestamp(0)).await;
    // One more of each a day later: expired device codes are purged, expired tokens are retained for 30 days.
    insert_all(&test, MIN_ROWS..MIN_ROWS + 1, Timestamp(DAY)).await;
    insert_all(&test, MIN_ROWS + 1..2 * MIN_ROWS, Timestamp(DAY)).await;
    insert_all(&test, 2 * MIN_ROWS..2 * MIN_ROWS + 3, Timestamp(31 * DAY)).await;
    assert_eq!(counts(test).await, [(3, MIN_ROWS + 3), (3, MIN_ROWS + 3)]);
}

fn hash(number: i64) -> SecretHash {
    Secret::new(number.to_string()).hash()
}

fn token(number: i64, kind: TokenKind, now: Timestamp) -> Token {
    Token {
        hash: hash(number),
        kind,
        client_id: ClientId("cli".to_owned()),
        user_id: UserId(1),
        scope: Scope::default(),
        issued_at: now,
        expires_at: Timestamp(now.0 + 60_000),
    }
}

fn code(now: Timestamp) -> AuthorizationCode {
    let end = Timestamp(now.0 + 60_000);
    AuthorizationCode {
        client_id: ClientId("cli".to_owned()),
        user_id: UserId(1),
        scope: Scope::default(),
        redirect_uri: String::new(),
        challenge: Challenge(String::new()),
        nonce: None,
        issued_at: now,
        expires_at: end,
        retained_until: end,
    }
}

const SESSIONS: usize = 50;

/// Stores one row of a kind, which expires a minute later.
pub(super) async fn insert(
    data: &SandboxData,
    kind: &str,
    number: i64,
    now: Timestamp,
) -> Result<(), StoreError> {
    let client_id = ClientId("cli".to_owned());
    let expires_at = Timestamp(now.0 + 60_000);
    match kind {
        "codes" => data.insert_code(&hash(number), code(now)).await,
        "tokens" => {
            let kinds = [(1, TokenKind::Access), (2, TokenKind::Refresh)];
            let issued = kinds.map(|(odd, kind)| token(2 * number + odd, kind, now));
            data.insert_tokens(&issued).await
        }
        "device codes" => {
            let grant = DeviceGrant {
                client_id,
                scope: Scope::default(),
                decision: UserDecision::Pending,
                expires_at,
            };
            let device = NewDevice {
                device_code: hash(number),
                user_code: hash(-number),
                grant,
                now,
            };
            data.insert_device(device).await
        }
        "sessions" => {
            let session = NewSession {
                hash: hash(number),
                user: UserId(1),
                now,
                expires_at,
            };
            data.insert_session(session, SESSIONS).await
        }
        _ => {
            let consent = Consent {
                scope: Scope::default(),
                buzz_limit: None,
            };
            data.put_consent(UserId(number), &client_id, &consent, now)
                .await
        }
    }
}

#[tokio::test]
async fn full_table_rejects_rows_until_some_have_expired() {
    for (kind, most, each) in [
        ("codes", MAX_CODES, 1),
        ("tokens", MAX_TOKENS, 2),
        ("device codes", MAX_DEVICES, 1),
        ("sessions", SESSIONS, 1),
        ("consents", MAX_CONSENTS, 1),
    ] {
        let (_, data) = TestStore::in_memory().await;
        let insert = |number, now| insert(&data, kind, number, Timestamp(now));
        let calls = i64::try_from(most / each).unwrap();
        for number in 1..=calls {
            insert(number, 0).await.unwrap();
        }
        for now in [0, 1, 5000] {
            let full = insert(calls + 1, now).await.unwrap_err();
            assert_eq!(
                full.to_string(),
                format!("the limit of {most} {kind} in this sandbox is reached")
            );
        }
        let (number, now) = match kind {
            // A consent does not expire, but replaces the one before.
            "consents" => (calls, 0),
            _ => (calls + 1, 60_001),
        };
        insert(number, now).await.unwrap();
    }
}

#[tokio::test]
async fn grant_without_room_for_its_tokens_stays_usable() {
    let (_, data) = TestStore::in_memory().await;
    let now = Timestamp(0);
    for number in 1..=i64::try_from(MAX_TOKENS / 2).unwrap() {
        insert(&data, "tokens", number, now).await.unwrap();
    }
    insert(&data, "codes", -1, now).await.unwrap();
    insert(&data, "device codes", -2, now).await.unwrap();
    let issued = [TokenKind::Access, TokenKind::Refresh].map(|kind| token(-3, kind, now));
    let client = ClientId("cli".to_owned());
    let issue = |_: &AuthorizationCode| Ok::<_, ()>(issued.clone());
    let redeemed = data.redeem_code(&hash(-1), &client, now, issue).await;
    let claimed = data.claim_device(&hash(-2), &issued).await;
    // The refresh token of the first pair.
    let rotated = data.rotate_tokens(&hash(4), &issued).await;
    assert!(redeemed.is_err() && claimed.is_err() && rotated.is_err());
    assert_eq!(data.list_codes(UserClientFilter::default()).len(), 1);
    assert!(data.find_device(&hash(-2), now).is_some());
    assert!(data.find_token(&hash(4)).is_some());
}

#[tokio::test]
async fn expired_rows_are_retained_below_the_threshold() {
    let test = TestStore::new("little").await;
    insert_all(&test, 0..MIN_ROWS - 1, Timestamp(0)).await;
    insert_all(&test, MIN_ROWS - 1..MIN_ROWS, Timestamp(100 * DAY)).await;
    assert_eq!(
        counts(test).await,
        [(MIN_ROWS, MIN_ROWS), (MIN_ROWS, MIN_ROWS)]
    );
}
