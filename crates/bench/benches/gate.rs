//! What every request to a route pays that needs a licence: `cargo bench --bench gate` in this folder. At most 50 ns.

use criterion::{Criterion, criterion_group, criterion_main};
use doorward_domain::Instant;
use doorward_domain::entitlements::{Feature, Features, Gate, Verdict};
use std::hint::black_box;

fn gate(criterion: &mut Criterion) {
    let (gate, now) = (Gate::new(Features::NONE), Instant::UNIX_EPOCH);
    gate.set(Features::NONE.with(Feature::Scim), true, Instant::from_unix_timestamp(1_000_000).ok());
    for (name, feature, verdict) in
        [("open", Feature::Scim, Verdict::Open), ("closed", Feature::CustomRoles, Verdict::Closed)]
    {
        assert_eq!(gate.check(feature, now), verdict);
        criterion.bench_function(&format!("a gate that is {name}"), |b| {
            b.iter(|| black_box(&gate).check(black_box(feature), black_box(now)));
        });
    }
    criterion.bench_function("whether there are warnings", |b| {
        b.iter(|| !black_box(&gate).is_stale(black_box(now)) && black_box(&gate).warns());
    });
}

criterion_group!(benches, gate);
criterion_main!(benches);
