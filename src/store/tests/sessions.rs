//! Tests of the bound on sessions.

use super::support::TestStore;
use crate::protocol::ids::UserId;
use crate::protocol::secret::Secret;
use crate::protocol::time::Timestamp;
use crate::store::NewSession;

#[tokio::test]
async fn number_of_sessions_is_bounded() {
    let test = TestStore::new("sessions").await;
    let begin = async |number: i64, most: usize| {
        let session = NewSession {
            hash: Secret::new(number.to_string()).hash(),
            user: UserId(1),
            now: Timestamp(number),
            expires_at: Timestamp(number + 1000),
        };
        test.data.insert_session(session, most).await
    };
    for number in 0..3 {
        begin(number, 3).await.unwrap();
    }
    let full = begin(3, 3).await.unwrap_err();
    assert_eq!(
        full.to_string(),
        "the limit of 3 sessions in this sandbox is reached"
    );
    assert_eq!(test.data.list_sessions(None).len(), 3);
    begin(3, 4).await.unwrap();
    assert_eq!(test.data.list_sessions(None).len(), 4);
    // All of them have expired by then.
    begin(2000, 3).await.unwrap();
    assert_eq!(test.data.list_sessions(None).len(), 1);
}
