//! What one decision costs: `cargo bench` in this folder.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use doorward_bench::{casbin, cedar, rego, scenario};

fn authorize(criterion: &mut Criterion) {
    for scenario in scenario::all() {
        let mut group = criterion.benchmark_group(scenario.name);
        group.warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2)).sample_size(50);
        let acl = scenario.acl();
        let expected = scenario.expected;
        let (subject, object) = (&scenario.subject, scenario.object(&acl));
        assert_eq!(subject.allows(scenario.action, &object), expected);
        group.bench_function("doorward allows", |b| {
            b.iter(|| black_box(subject).allows(black_box(scenario.action), black_box(&object)));
        });
        group.bench_function("doorward decide", |b| {
            b.iter(|| black_box(subject).decide(black_box(scenario.action), black_box(&object)));
        });
        let cedar = cedar::Peer::new(&scenario);
        assert_eq!(cedar.decide(), expected);
        group.bench_function("cedar", |b| b.iter(|| black_box(&cedar).decide()));
        let mut rego = rego::Peer::new(&scenario);
        assert!(rego.decide() == expected && rego.interpret() == expected);
        group.bench_function("regorus vm", |b| b.iter(|| black_box(&mut rego).decide()));
        group.bench_function("regorus interpreter", |b| b.iter(|| black_box(&mut rego).interpret()));
        let casbin = casbin::Peer::new(&scenario);
        assert_eq!(casbin.decide(), expected);
        group.bench_function("casbin", |b| b.iter(|| black_box(&casbin).decide()));
        group.finish();
    }
}

fn build(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("build a subject");
    group.warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2)).sample_size(50);
    group.bench_function("1 organization", |b| b.iter(scenario::member));
    group.bench_function("20 organizations", |b| b.iter(scenario::traveller));
    group.finish();
}

criterion_group!(benches, authorize, build);
criterion_main!(benches);
