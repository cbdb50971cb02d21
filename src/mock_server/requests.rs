//! Faults, and the requests that the app has sent, from a Rust test.

use std::sync::Arc;

use super::MockError;
use super::sandbox::MockSandbox;
use crate::control::{
    Advice, AppliedPreset, Change, Expectations, Fault, FaultView, NewPresetFault, RequestDetail,
    RequestList, RequestQuery, Severity,
};

impl MockSandbox {
    /// Adds a fault. Errors: it can never apply, its effects contradict each other, or its client or user does not exist.
    pub async fn add_fault(&self, fault: Fault) -> Result<FaultView, MockError> {
        self.open().await?.add_fault(fault)
    }

    /// Adds a fault by the name of a preset. Errors: as for [`MockSandbox::add_fault`].
    ///
    /// ```
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use civitai_oauth_mock::MockServer;
    /// use civitai_oauth_mock::control::Preset;
    ///
    /// let server = MockServer::start().await;
    /// server.add_fault_preset(Preset::TokenEndpointDown).await?;
    /// server.add_fault_preset(Preset::ConsentDenied.times(1)).await?;
    /// assert_eq!(server.faults().await?.len(), 2);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn add_fault_preset(
        &self,
        preset: impl Into<NewPresetFault>,
    ) -> Result<AppliedPreset, MockError> {
        let preset = preset.into();
        self.open().await?.add_fault_preset(preset).await
    }

    /// The faults, and how often each has applied.
    pub async fn faults(&self) -> Result<Vec<FaultView>, MockError> {
        Ok(self.open().await?.list_faults().faults)
    }

    /// One fault, and how often it has applied. Errors: no fault has this id.
    pub async fn fault(&self, id: u64) -> Result<FaultView, MockError> {
        self.open().await?.read_fault(&id.to_string())
    }

    /// Deletes one fault. Errors: no fault has this id.
    pub async fn delete_fault(&self, id: u64) -> Result<(), MockError> {
        self.open().await?.delete_fault(&id.to_string())
    }

    /// Deletes all faults.
    pub async fn delete_faults(&self) -> Result<(), MockError> {
        self.open().await?.delete_faults();
        Ok(())
    }

    /// The requests of apps and their responses, oldest first. Errors: the filter can never match.
    ///
    /// ```
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use civitai_oauth_mock::MockServer;
    /// use civitai_oauth_mock::control::{Endpoint, Filter, RequestQuery};
    ///
    /// let server = MockServer::start().await;
    /// let all = server.requests(RequestQuery::any()).await?;
    /// let refused = server.requests(Filter::endpoint(Endpoint::Token).status(400)).await?;
    /// assert_eq!((all.counters.total, refused.requests.len()), (0, 0));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn requests(&self, asked: impl Into<RequestQuery>) -> Result<RequestList, MockError> {
        let asked = asked.into();
        self.open().await?.list_requests(asked).await
    }

    /// One request of the journal, with the requests that issued and used its codes and tokens. Errors: no request has the
    /// id, or it was removed to make room.
    ///
    /// ```
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use civitai_oauth_mock::MockServer;
    /// let server = MockServer::start().await;
    /// let missing = server.request(1).await;
    /// assert_eq!(missing.unwrap_err().to_string(), "id: no request 1: the newest is 0; GET /_mock/requests lists the requests");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn request(&self, id: u64) -> Result<RequestDetail, MockError> {
        self.open().await?.request(id, false)
    }

    /// The newest 200 changes of clock, faults and settings since the sandbox was opened or reset, oldest first. Each has the
    /// id of the request after which it was made.
    ///
    /// ```
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use std::time::Duration;
    /// # use civitai_oauth_mock::MockServer;
    /// let server = MockServer::start().await;
    /// server.advance_clock(Duration::from_secs(7200)).await?;
    /// let changes = server.changes().await?;
    /// assert_eq!(changes[0].message, "Clock moved 2 h ahead");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn changes(&self) -> Result<Vec<Change>, MockError> {
        Ok(self.open().await?.list_changes().changes)
    }

    /// Deletes all requests from the journal. Ids continue.
    pub async fn delete_requests(&self) -> Result<(), MockError> {
        self.open().await?.delete_requests();
        Ok(())
    }

    /// Checks the journal against expectations. Errors: [`MockError::Mismatch`] lists the differences; an
    /// expectation that can never match, or that no number meets.
    ///
    /// ```
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use civitai_oauth_mock::MockServer;
    /// use civitai_oauth_mock::control::{Endpoint, Expect};
    ///
    /// let server = MockServer::start().await;
    /// server.verify(Expect::endpoint(Endpoint::Token).never()).await?;
    /// let wrong = server.verify([Expect::endpoint(Endpoint::Token).refresh_token()]).await;
    /// assert_eq!(
    ///     wrong.unwrap_err().to_string(),
    ///     "[0] token refresh_token: expected at least 1, found 0"
    /// );
    /// # Ok(())
    /// # }
    /// ```
    pub async fn verify(&self, expected: impl Into<Expectations>) -> Result<(), MockError> {
        let expected = expected.into();
        self.open().await?.verify(expected).await?;
        Ok(())
    }

    /// Mistakes of apps that the journal shows and that fail in production, the most severe first.
    ///
    /// ```
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use civitai_oauth_mock::MockServer;
    /// use civitai_oauth_mock::control::Severity;
    ///
    /// let server = MockServer::start().await;
    /// // … let the app at server.base_url() do its work, then:
    /// let advice = server.advice().await?;
    /// for finding in advice.at_least(Severity::Warning) {
    ///     println!("{finding}");
    /// }
    /// assert!(advice.findings.is_empty());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn advice(&self) -> Result<Advice, MockError> {
        let advice = self.open().await?.advice(None).await?;
        Ok(Arc::unwrap_or_clone(advice))
    }

    /// Asserts that no finding is an error or a warning. Hints are suspicions and do not count; [`MockSandbox::advice`] has them
    /// too.
    ///
    /// # Panics
    ///
    /// If there is an error or a warning. The message describes each finding, its reason and the fix.
    ///
    /// ```
    /// # #[tokio::main]
    /// # async fn main() {
    /// # use civitai_oauth_mock::MockServer;
    /// let server = MockServer::start().await;
    /// // … let the app at server.base_url() do its work, then:
    /// server.assert_no_advice().await;
    /// # }
    /// ```
    pub async fn assert_no_advice(&self) {
        let advice = self.advice().await.expect("the journal can be read");
        let found: Vec<String> = advice
            .at_least(Severity::Warning)
            .map(ToString::to_string)
            .collect();
        assert!(
            found.is_empty(),
            "mistakes that fail in production:\n\n{}\n",
            found.join("\n\n")
        );
    }
}
