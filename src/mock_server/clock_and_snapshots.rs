//! Reset, settings, clock and snapshots of a sandbox, from a Rust test.

use std::time::Duration;

use super::MockError;
use super::sandbox::MockSandbox;
use crate::control::{
    AdvanceClock, ClockView, ContractView, FreezeClock, SetClock, Settings, SettingsPatch,
    Snapshot, Timestamp,
};
use crate::protocol::duration::SignedDuration;

impl MockSandbox {
    /// Back to the seed and the start-up settings: rows, clock, settings, faults and journal.
    pub async fn reset(&self) -> Result<(), MockError> {
        Ok(self.open().await?.reset().await?)
    }

    /// How it behaves.
    pub async fn settings(&self) -> Result<Settings, MockError> {
        Ok((*self.open().await?.settings()).clone())
    }

    /// Changes some settings and returns all of them. Errors: `login` names no user.
    pub async fn update_settings(&self, settings: SettingsPatch) -> Result<Settings, MockError> {
        self.open().await?.update_settings(settings)
    }

    /// The contract in force, difference by difference.
    pub async fn contract(&self) -> Result<ContractView, MockError> {
        Ok(self.open().await?.show_contract())
    }

    /// The clock: its time, and whether it is frozen.
    pub async fn clock(&self) -> Result<ClockView, MockError> {
        Ok(self.open().await?.show_clock())
    }

    /// The time of the sandbox.
    pub async fn now(&self) -> Result<Timestamp, MockError> {
        Ok(self.clock().await?.now)
    }

    /// Advances the clock. Errors: that leads beyond the year 9999.
    pub async fn advance_clock(&self, by: Duration) -> Result<ClockView, MockError> {
        let by = AdvanceClock::from(SignedDuration::from_std(by));
        self.open().await?.advance_clock(by).await
    }

    /// Moves the clock back. Errors: that leads before the year 1.
    pub async fn rewind_clock(&self, by: Duration) -> Result<ClockView, MockError> {
        let by = AdvanceClock::from(SignedDuration(-SignedDuration::from_std(by).0));
        self.open().await?.advance_clock(by).await
    }

    /// Freezes the clock at its current time.
    pub async fn freeze_clock(&self) -> Result<ClockView, MockError> {
        self.open()
            .await?
            .freeze_clock(FreezeClock { at: None })
            .await
    }

    /// Freezes the clock at a moment. Errors: it is not within the years 1 to 9999.
    ///
    /// ```
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use civitai_oauth_mock::MockServer;
    /// # use civitai_oauth_mock::control::Timestamp;
    /// let server = MockServer::start().await;
    /// server.freeze_clock_at("2026-01-31T12:00:00Z".parse::<Timestamp>()?).await?;
    /// assert_eq!(server.now().await?.to_string(), "2026-01-31T12:00:00Z");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn freeze_clock_at(&self, at: impl Into<Timestamp>) -> Result<ClockView, MockError> {
        let at = Some(at.into());
        self.open().await?.freeze_clock(FreezeClock { at }).await
    }

    /// Resumes a frozen clock from its time.
    pub async fn resume_clock(&self) -> Result<ClockView, MockError> {
        self.open().await?.resume_clock().await
    }

    /// Sets the clock to a moment; a frozen clock stays frozen. Errors: it is not within the years 1 to 9999.
    pub async fn set_clock(&self, at: impl Into<Timestamp>) -> Result<ClockView, MockError> {
        let at = at.into();
        self.open().await?.set_clock(SetClock { at }).await
    }

    /// Takes a snapshot of rows, clock, settings and faults, in place of one of the same name. Errors: that is not a name
    /// (letters, digits, `-`, `_` and `.`, 64 at the most).
    pub async fn take_snapshot(&self, name: &str) -> Result<Snapshot, MockError> {
        self.open().await?.take_snapshot(name).await
    }

    /// The snapshots, by name.
    pub async fn snapshots(&self) -> Result<Vec<Snapshot>, MockError> {
        Ok(self.open().await?.list_snapshots().snapshots)
    }

    /// One snapshot. Errors: no snapshot has this name.
    pub async fn snapshot(&self, name: &str) -> Result<Snapshot, MockError> {
        self.open().await?.read_snapshot(name)
    }

    /// Restores a snapshot, which can be restored again. The journal is not restored. Errors: no snapshot has this name.
    pub async fn restore_snapshot(&self, name: &str) -> Result<(), MockError> {
        self.open().await?.restore_snapshot(name).await
    }

    /// Deletes a snapshot. Errors: no snapshot has this name.
    pub async fn delete_snapshot(&self, name: &str) -> Result<(), MockError> {
        self.open().await?.delete_snapshot(name).await
    }
}
