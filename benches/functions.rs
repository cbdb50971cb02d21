//! Benchmarks of parsing requests. The whole server is measured by `load`.

use std::hint::black_box;

use civitai_oauth_mock::internals;
use civitai_oauth_mock::{ContractRules, Scope};
use criterion::{Criterion, criterion_group, criterion_main};

const AUTHORIZE: &[u8] = b"response_type=code&client_id=dec0de00-0000-4000-8000-000000000001\
    &redirect_uri=http%3A%2F%2Flocalhost%3A3000%2Fcallback&scope=114689&state=xyz\
    &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";
const REDEEM: &[u8] = b"client_id=dec0de00-0000-4000-8000-000000000001\
    &client_secret=dec0de5ec2e7dec0de5ec2e7dec0de5ec2e7dec0de5ec2e7&grant_type=authorization_code\
    &code=bb53c0f6c6cca0f914d34875a9e32208a361b202d1aece07939e8e8aebeb5902\
    &redirect_uri=http%3A%2F%2Flocalhost%3A3000%2Fcallback\
    &code_verifier=dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const REDEEM_JSON: &[u8] =
    br#"{"client_id":"dec0de00-0000-4000-8000-000000000001","grant_type":"refresh_token",
    "client_secret":"dec0de5ec2e7dec0de5ec2e7dec0de5ec2e7dec0de5ec2e7",
    "refresh_token":"civitai_efca8d9c0e065a7403a1f12be2520314fb62"}"#;

fn requests(criterion: &mut Criterion) {
    let rules = ContractRules::default();
    let mut group = criterion.benchmark_group("request");
    group.bench_function("parameters of a form", |bencher| {
        bencher.iter(|| internals::reserialize_form(black_box(REDEEM)));
    });
    group.bench_function("parameters of JSON", |bencher| {
        bencher.iter(|| internals::reserialize_json(black_box(REDEEM_JSON)));
    });
    assert_eq!(
        internals::parse_authorize_request(AUTHORIZE, &rules),
        Some(Scope::AI_SERVICES)
    );
    group.bench_function("authorize", |bencher| {
        bencher.iter(|| internals::parse_authorize_request(black_box(AUTHORIZE), &rules));
    });
    assert!(internals::is_token_request(None, REDEEM, &rules));
    group.bench_function("token", |bencher| {
        bencher.iter(|| internals::is_token_request(None, black_box(REDEEM), &rules));
    });
    let new_tokens =
        br#"{"client_id":"my-app","user":"ada","scope":"AI Services","expires_in":60}"#;
    assert_eq!(internals::count_accepting_control_calls(new_tokens), 1);
    group.bench_function("a control call, read as ten kinds", |bencher| {
        bencher.iter(|| internals::count_accepting_control_calls(black_box(new_tokens)));
    });
    group.finish();
}

criterion_group!(all, requests);
criterion_main!(all);
