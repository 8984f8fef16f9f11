//! Inputs of every wrong kind, on each layer of the wire: nothing panics, every session ends, and memory does not grow.
//!
//! Inputs are made of a corpus (`corpus.txt`, and the calls of the message tests) by random damage, the same for the same seed. One whose
//! outcome was not seen before is kept, and damaged further, so that later ones get deeper. `cargo xtask fuzz wire` runs it for long;
//! without `DOORWARD_FUZZ_INPUTS` it is short.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails, in its helpers too")]

#[path = "../messages/corpus.rs"]
mod corpus;
mod memory;
mod mutate;
mod seeds;
mod targets;

use mutate::Mutator;
use seeds::{Seed, seeds};
use std::collections::HashSet;
use std::fmt::Write as _;
use std::time::Instant;
use targets::{Layer, Targets};

/// Inputs without `DOORWARD_FUZZ_INPUTS`.
const SHORT: u64 = 20_000;
/// So many inputs with an outcome of their own are kept for each layer.
const KEPT: usize = 1_000;
/// Memory may differ by so much between the first tenth of a run and its end, in KiB: allocators are not tidy.
const SLACK: u64 = 24 * 1024;
/// What is measured after fewer inputs is the warming up.
const WARM: u64 = 100_000;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Says which input it was when a run panics.
struct Culprit<'a> {
    layer: Layer,
    number: u64,
    bytes: &'a [u8],
}

impl Drop for Culprit<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("input {} to {:?}: {}", self.number, self.layer, seeds::hex(self.bytes));
        }
    }
}

fn put(targets: &Targets, layer: Layer, number: u64, bytes: &[u8]) -> u64 {
    let _culprit = Culprit { layer, number, bytes };
    targets.run(layer, bytes, number)
}

#[test]
fn every_seed_comes_to_an_end() {
    let (targets, seeds) = (Targets::new(), seeds());
    for layer in Layer::ALL {
        assert!(seeds.iter().any(|seed| seed.layer == layer), "there is no seed for {layer:?}");
    }
    for (number, seed) in (0..).zip(&seeds) {
        let _outcome = put(&targets, seed.layer, number, &seed.bytes);
    }
}

#[test]
fn damaged_inputs_come_to_an_end_and_leave_nothing_behind() {
    let inputs = number("DOORWARD_FUZZ_INPUTS").unwrap_or(SHORT);
    let seed = number("DOORWARD_FUZZ_SEED").unwrap_or(0);
    let targets = Targets::new();
    let mut mutator = Mutator::new(seed);
    let mut known = HashSet::new();
    let mut pools = Layer::ALL.map(|layer| {
        let all: Vec<Seed> = seeds().into_iter().filter(|seed| seed.layer == layer).collect();
        (layer, all)
    });
    let (begun, mut first, mut counts) = (Instant::now(), None, [0_u64; Layer::ALL.len()]);
    for number in 0..inputs {
        if first.is_none() && number >= (inputs / 10).min(WARM) {
            first = Some(memory::resident());
        }
        let which = usize::try_from(number).unwrap() % pools.len();
        let (layer, pool) = &mut pools[which];
        let bytes = mutator.damaged(pool);
        let outcome = put(&targets, *layer, number, &bytes);
        counts[which] += 1;
        if known.len() < KEPT * Layer::ALL.len() && known.insert((which, outcome)) {
            pool.push(Seed { layer: *layer, bytes });
        }
        if (number + 1) % 1_000_000 == 0 {
            let now = memory::resident().unwrap_or(0);
            eprintln!(
                "{} inputs, {} outcomes, {now} KiB, {:.0} s",
                number + 1,
                known.len(),
                begun.elapsed().as_secs_f64()
            );
        }
    }
    let first = first.flatten();
    let last = memory::resident();
    let each = Layer::ALL.iter().zip(counts).fold(String::new(), |mut text, (layer, count)| {
        write!(text, " {layer:?} {count},").unwrap();
        text
    });
    eprintln!(
        "{inputs} inputs (seed {seed}):{each} {} outcomes, {:.1} s; resident {first:?} KiB after the first tenth, {last:?} at the end",
        known.len(),
        begun.elapsed().as_secs_f64()
    );
    for layer in Layer::ALL {
        assert!(known.iter().any(|(which, _)| Layer::ALL[*which] == layer));
    }
    if let (Some(first), Some(last)) = (first, last) {
        assert!(last < first + SLACK, "memory has grown from {first} to {last} KiB");
    }
}

/// Writes the seeds of the corpus that are made by program, and the shortest inputs that were found, if it is told where to.
#[test]
fn the_corpus_is_written_where_it_is_asked_for() {
    let Ok(file) = std::env::var("DOORWARD_FUZZ_CORPUS") else { return };
    let inputs = number("DOORWARD_FUZZ_INPUTS").unwrap_or(SHORT);
    let (targets, mut mutator) = (Targets::new(), Mutator::new(1));
    let mut text = String::new();
    for layer in Layer::ALL {
        let mut pool: Vec<Seed> = seeds().into_iter().filter(|seed| seed.layer == layer).collect();
        let mut found: Vec<(u64, Vec<u8>)> = Vec::new();
        for number in 0..inputs {
            let bytes = mutator.damaged(&pool);
            let outcome = put(&targets, layer, number, &bytes);
            match found.iter_mut().find(|(known, _)| *known == outcome) {
                Some((_, shortest)) if shortest.len() <= bytes.len() => {}
                Some((_, shortest)) => *shortest = bytes,
                None => {
                    pool.push(Seed { layer, bytes: bytes.clone() });
                    found.push((outcome, bytes));
                }
            }
        }
        found.sort_by_key(|(_, bytes)| bytes.len());
        for (_, bytes) in found.iter().filter(|(_, bytes)| !bytes.is_empty() && bytes.len() <= 200).take(60) {
            writeln!(text, "{} {}", layer.name(), seeds::hex(bytes)).unwrap();
        }
    }
    std::fs::write(file, text).unwrap();
}
