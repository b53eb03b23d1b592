//! The measuring half of bench/micro/rust-codecs: rust-codecs DATASET, and rust-codecs-mimalloc DATASET.
//!
//! Measures one round. Prints JSON: the cases with µs of CPU time for 1000 records.

mod cases;
mod record;

use std::time::{Duration, Instant};

use cases::{Case, Outcome};
use record::Record;
use rustix::time::{ClockId, clock_gettime};
use serde::Serialize;

/// Of one case in one round.
const SLICE: Duration = Duration::from_millis(8);
/// Runs that tell how many fit into a slice.
const CALIBRATED: u32 = 5;

#[derive(Serialize)]
struct Figure {
    work: &'static str,
    name: &'static str,
    us: f64,
}

/// Measures one round of all cases, in an order shuffled anew.
pub fn run() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, path] = arguments.as_slice() else {
        return Err("usage: rust-codecs DATASET".into());
    };
    let file = std::fs::read(path)?;
    let encoded = split(&file)?;
    let records: Vec<Record> = encoded
        .iter()
        .map(|item| rmp_serde::from_slice(item))
        .collect::<Result<_, _>>()?;
    let mut turns: Vec<_> = cases::prepared(&encoded, &records)?
        .into_iter()
        .enumerate()
        .collect();
    fastrand::shuffle(&mut turns);
    let mut figures = Vec::new();
    for (number, mut case) in turns {
        let times = repetitions(&mut case)?;
        let began = cpu_time()?;
        for _ in 0..times {
            (case.run)()?;
        }
        let used = cpu_time()? - began;
        let us = used.as_secs_f64() * 1e6 / f64::from(times) * 1000.0 / records.len() as f64;
        figures.push((
            number,
            Figure {
                work: case.work,
                name: case.name,
                us,
            },
        ));
    }
    figures.sort_by_key(|(number, _)| *number);
    let figures: Vec<Figure> = figures.into_iter().map(|(_, figure)| figure).collect();
    println!("{}", serde_json::to_string(&figures)?);
    Ok(())
}

fn repetitions(case: &mut Case<'_>) -> Outcome<u32> {
    let began = Instant::now();
    for _ in 0..CALIBRATED {
        (case.run)()?;
    }
    let fitting = SLICE.as_nanos() * u128::from(CALIBRATED) / began.elapsed().as_nanos().max(1);
    Ok(u32::try_from(fitting)?.max(1))
}

/// The CPU time of this process so far.
fn cpu_time() -> Outcome<Duration> {
    Ok(clock_gettime(ClockId::ProcessCPUTime).try_into()?)
}

/// The elements of a dataset file, which is an array of bin elements.
fn split(file: &[u8]) -> Outcome<Vec<&[u8]>> {
    let mut rest = file;
    let size = rmp::decode::read_array_len(&mut rest)?;
    let mut encoded = Vec::new();
    for _ in 0..size {
        let length = rmp::decode::read_bin_len(&mut rest)? as usize;
        let (item, after) = rest
            .split_at_checked(length)
            .ok_or("the dataset ends too early")?;
        encoded.push(item);
        rest = after;
    }
    Ok(encoded)
}
