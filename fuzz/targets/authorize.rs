//! Fuzzes `/authorize`: every request is answered, and no redirect leads to an unregistered site.

#![no_main]

use civitai_oauth_mock::Contract;
use fuzzing::{AUTHORIZE, Mock, is_sane};
use libfuzzer_sys::{Corpus, fuzz_target};
use url::{Host, Url};

thread_local! {
    static MOCKS: [Mock; 2] = [Mock::start(Contract::Documented), Mock::start(Contract::Live)];
}

/// The demo clients accept redirect URIs of this machine alone.
fn is_here(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => {
            let name = name.strip_suffix('.').unwrap_or(name).to_lowercase();
            name == "localhost" || name.ends_with(".localhost")
        }
        Host::Ipv4(address) => address.octets()[0] == 127,
        Host::Ipv6(address) => address.to_canonical().is_loopback(),
    }
}

fuzz_target!(|input: &[u8]| -> Corpus {
    MOCKS.with(|mocks| {
        for mock in mocks {
            let Some(answer) = mock.ask(AUTHORIZE, input) else {
                return Corpus::Reject;
            };
            is_sane(&answer);
            if let Some(there) = answer.headers.get("location") {
                let there = there.to_str().expect("a Location is ASCII");
                let base = Url::parse("http://localhost").expect("a URL");
                let there = base.join(there).expect("a Location is a URL");
                let is_here = there.host().is_some_and(|host| is_here(&host));
                assert!(is_here, "sent away to {there}");
            }
        }
        Corpus::Keep
    })
});
