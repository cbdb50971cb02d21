//! When is a table looked through for what is past its life? What is over is known for a while, since there is something
//! to say of it; but a server that goes on for months, or is asked by nobody in particular, keeps no more than twice of
//! what is of use.

use super::draft::Draft;
use super::statement::Statement;
use crate::protocol::time::Timestamp;

/// A table of so many rows is never looked through: no test that looks for what is over misses it.
const FEW: usize = if cfg!(test) { 64 } else { 4096 };

/// How large a table may become before it is looked through.
#[derive(Debug, Clone)]
pub(super) struct Growth(usize);

impl Default for Growth {
    fn default() -> Self {
        Self(FEW)
    }
}

impl Growth {
    /// Whether it is time. Each row is looked at a few times in all, however many there are.
    pub(super) fn is_due(&self, rows: usize) -> bool {
        rows > self.0
    }

    /// Of so many rows, so many are left. Where some are gone, the file is told by `sql`, which removes the rows of a world –
    /// its first value – that ended before a moment, its second.
    pub(super) fn looked_through(
        &mut self,
        (before, left): (usize, usize),
        (sql, moment): (&'static str, Timestamp),
        draft: &mut Draft<'_>,
    ) {
        self.0 = FEW.max(left * 2);
        if left < before {
            draft.note(|world| Statement::new(sql).bind(world).bind(moment));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Store;
    use super::super::refused::World;
    use super::*;
    use crate::model::device::{DeviceGrant, Verdict};
    use crate::model::token::{Token, TokenKind};
    use crate::protocol::ids::{ClientId, UserId};
    use crate::protocol::scope::Scope;
    use crate::protocol::secret::Secret;

    const DAY: i64 = 24 * 60 * 60 * 1000;

    /// Begins device flows and gives tokens, each of them, at a moment; all are over within a minute.
    async fn go_on(world: &World, numbers: std::ops::Range<usize>, now: Timestamp) {
        let (client_id, expires_at) = (ClientId("cli".to_owned()), Timestamp(now.0 + 60_000));
        for number in numbers {
            let hash = |what: &str| Secret::new(format!("{what} {number}")).hash();
            let grant = DeviceGrant {
                client_id: client_id.clone(),
                scope: Scope::default(),
                verdict: Verdict::Pending,
                expires_at,
            };
            let hashes = (&hash("device"), &hash("user"));
            let (store, rows) = (&world.store, &world.rows);
            store.insert_device(rows, hashes, grant, now).await.unwrap();
            let token = Token {
                hash: hash("token"),
                kind: TokenKind::Access,
                client_id: client_id.clone(),
                user_id: UserId(1),
                scope: Scope::default(),
                issued_at: now,
                expires_at,
            };
            store.insert_tokens(rows, &[token]).await.unwrap();
        }
    }

    /// Devices and tokens, in memory and, after the next start, in the file.
    async fn kept(world: World) -> [(usize, usize); 2] {
        let count = |rows: &super::super::Rows| {
            let tables = rows.read();
            (tables.devices.len(), tables.tokens.len())
        };
        let in_memory = count(&world.rows);
        world.store.close().await;
        let store = Store::open(&world.database).await.unwrap();
        let row = store.find_sandbox("x").await.unwrap().unwrap();
        let in_file = count(&row.world);
        store.close().await;
        [in_memory, in_file]
    }

    #[tokio::test]
    async fn what_is_over_goes_once_there_is_much_of_it() {
        let world = World::new("growth").await;
        go_on(&world, 0..FEW, Timestamp(0)).await;
        // One more of each, the day after: a device flow is nothing then, a token something to speak of.
        go_on(&world, FEW..FEW + 1, Timestamp(DAY)).await;
        go_on(&world, FEW + 1..2 * FEW, Timestamp(DAY)).await;
        go_on(&world, 2 * FEW..2 * FEW + 3, Timestamp(31 * DAY)).await;
        assert_eq!(kept(world).await, [(3, FEW + 3), (3, FEW + 3)]);
    }

    #[tokio::test]
    async fn what_is_over_stays_while_there_is_little_of_it() {
        let world = World::new("little").await;
        go_on(&world, 0..FEW - 1, Timestamp(0)).await;
        go_on(&world, FEW - 1..FEW, Timestamp(100 * DAY)).await;
        assert_eq!(kept(world).await, [(FEW, FEW), (FEW, FEW)]);
    }
}
