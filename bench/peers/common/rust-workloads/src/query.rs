use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use crate::digest::Digest;

const DEFAULT_N: i64 = 1_000_000;
const MAX_N: i64 = 100_000_000;
const SEEDS: RangeInclusive<i64> = 0..=(1 << 31) - 1;
const REPETITIONS: RangeInclusive<i64> = 1..=8;
const WAITS_MS: RangeInclusive<i64> = 0..=60_000;
const DEFAULT_WAIT_MS: i64 = 100;
const IN_ARRAY: RangeInclusive<i64> = 0..=1000;

/// Why a query is refused.
#[derive(Debug, PartialEq)]
pub struct BadQuery(pub(crate) String);

impl fmt::Display for BadQuery {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for BadQuery {}

#[derive(Debug, PartialEq)]
pub struct LoopArguments {
    pub n: i64,
    pub seed: i64,
}

/// What a record route that answers with a number is asked for.
#[derive(Debug, PartialEq)]
pub struct RecordArguments {
    pub count: usize,
    pub digest: Option<Digest>,
}

/// Refuses every parameter.
pub fn no_parameters(query: &str) -> Result<(), BadQuery> {
    numbers(query, []).map(|_| ())
}

/// The parameter count, or `records`, which is also the most it may be.
pub fn count(query: &str, records: usize) -> Result<usize, BadQuery> {
    let [count] = numbers(query, [("count", counts(records)?)])?;
    Ok(count.map_or(records, |count| count as usize))
}

/// The parameters count, or `records`, and digest with its seed, if there is one.
pub fn record_arguments(query: &str, records: usize) -> Result<RecordArguments, BadQuery> {
    let known = [
        ("count", counts(records)?),
        ("digest", REPETITIONS),
        ("seed", SEEDS),
    ];
    let [count, repetitions, seed] = numbers(query, known)?;
    if seed.is_some() && repetitions.is_none() {
        let text = "seed is a parameter of this path with digest alone";
        return Err(BadQuery(text.to_owned()));
    }
    Ok(RecordArguments {
        count: count.map_or(records, |count| count as usize),
        digest: repetitions.map(|repetitions| Digest {
            repetitions,
            seed: seed.unwrap_or(0),
        }),
    })
}

fn counts(records: usize) -> Result<RangeInclusive<i64>, BadQuery> {
    let limit = i64::try_from(records).map_err(|error| BadQuery(error.to_string()))?;
    Ok(0..=limit)
}

/// The parameters n and seed, or their defaults.
pub fn loop_arguments(query: &str) -> Result<LoopArguments, BadQuery> {
    let [n, seed] = numbers(query, [("n", 0..=MAX_N), ("seed", SEEDS)])?;
    Ok(LoopArguments {
        n: n.unwrap_or(DEFAULT_N),
        seed: seed.unwrap_or(0),
    })
}

/// The parameter ms of /wait, or its default.
pub fn wait_argument(query: &str) -> Result<Duration, BadQuery> {
    let [ms] = numbers(query, [("ms", WAITS_MS)])?;
    Ok(Duration::from_millis(ms.unwrap_or(DEFAULT_WAIT_MS) as u64))
}

/// How many records the body of POST /validate has to hold, in an array; None: it is a record.
pub fn validate_count(query: &str) -> Result<Option<usize>, BadQuery> {
    let [count] = numbers(query, [("count", IN_ARRAY)])?;
    Ok(count.map(|count| count as usize))
}

/// The number that a segment of a path is. One that is too large for an usize is the largest.
pub fn position(segment: &str) -> Result<usize, BadQuery> {
    if segment.is_empty() || !segment.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(BadQuery(format!("{segment:?} is no number")));
    }
    Ok(segment.parse().unwrap_or(usize::MAX))
}

/// Parses a query; `known` are the parameters' names with what they may be.
pub(crate) fn numbers<const N: usize>(
    query: &str,
    known: [(&str, RangeInclusive<i64>); N],
) -> Result<[Option<i64>; N], BadQuery> {
    let mut given = [None; N];
    for (name, text) in form_urlencoded::parse(query.as_bytes()) {
        let Some(index) = known.iter().position(|(known_name, _)| *known_name == name) else {
            return Err(BadQuery(format!(
                "{name:?} is not a parameter of this path"
            )));
        };
        let allowed = &known[index].1;
        // str::parse alone would take a plus sign.
        let digits_only = text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse::<i64>();
        let Some(number) = number
            .ok()
            .filter(|number| digits_only && allowed.contains(number))
        else {
            return Err(BadQuery(format!(
                "{name} must be a number from {} to {}",
                allowed.start(),
                allowed.end()
            )));
        };
        if given[index].replace(number).is_some() {
            return Err(BadQuery(format!("{name} is given more than once")));
        }
    }
    Ok(given)
}

#[cfg(test)]
mod tests {
    use super::{Digest, record_arguments};
    use super::{LoopArguments, RecordArguments, count, loop_arguments, no_parameters};
    use super::{position, validate_count, wait_argument};

    #[test]
    fn good_queries() {
        for (query, want) in [
            ("", 10),
            ("count=0", 0),
            ("count=10", 10),
            ("coun%74=%37", 7),
        ] {
            assert_eq!(count(query, 10), Ok(want), "{query}");
        }
        assert_eq!(
            loop_arguments("seed=5"),
            Ok(LoopArguments {
                n: 1_000_000,
                seed: 5
            })
        );
        assert_eq!(no_parameters(""), Ok(()));
    }

    #[test]
    fn digests() {
        for (query, count, digest) in [
            ("", 10, None),
            ("count=7", 7, None),
            ("digest=8", 10, Some((8, 0))),
            ("digest=1&seed=2147483647", 10, Some((1, 2_147_483_647))),
            ("seed=5&count=0&digest=2", 0, Some((2, 5))),
            ("dige%73t=%31", 10, Some((1, 0))),
        ] {
            let digest = digest.map(|(repetitions, seed)| Digest { repetitions, seed });
            let want = RecordArguments { count, digest };
            assert_eq!(record_arguments(query, 10), Ok(want), "{query}");
        }
        for query in [
            "digest",
            "digest=",
            "digest=0",
            "digest=9",
            "digest=-1",
            "digest=1&digest=1",
            "digest=1&seed=",
            "digest=1&seed=2147483648",
            "digest=1&seed=1&seed=1",
            "digest=1&n=1",
            "digest=1&count=11",
            "seed=1",
            "seed=0&count=1",
        ] {
            assert!(record_arguments(query, 10).is_err(), "{query}");
            assert!(count(query, 10).is_err(), "{query}");
        }
    }

    #[test]
    fn faulty_queries() {
        for query in [
            "count",
            "count=",
            "count=-1",
            "count=%2B1",
            "count=+1",
            "count=11",
            "count=1&count=1",
            "n=1",
            "count=%zz",
            "count=1;count=2",
            "count=1&x=1",
            "count=99999999999999999999",
        ] {
            assert!(count(query, 10).is_err(), "{query}");
        }
        assert!(loop_arguments("n=100000001").is_err());
        assert!(loop_arguments("seed=2147483648").is_err());
        assert!(no_parameters("x=1").is_err());
    }

    #[test]
    fn queries_of_the_three_more_routes() {
        for (query, ms) in [("", 100), ("ms=0", 0), ("ms=60000", 60_000), ("ms=007", 7)] {
            assert_eq!(
                wait_argument(query).map(|time| time.as_millis()),
                Ok(ms),
                "{query}"
            );
        }
        for (query, count) in [("", None), ("count=0", Some(0)), ("count=1000", Some(1000))] {
            assert_eq!(validate_count(query), Ok(count), "{query}");
        }
        for query in [
            "ms=",
            "ms=-1",
            "ms=60001",
            "ms=1&ms=1",
            "ms=1.0",
            "count=1001",
            "count=-1",
            "count=",
            "x=1",
        ] {
            assert!(wait_argument(query).is_err(), "{query}");
            assert!(validate_count(query).is_err(), "{query}");
        }
    }

    #[test]
    fn positions() {
        for (segment, want) in [("0", 0), ("007", 7), ("99999999999999999999", usize::MAX)] {
            assert_eq!(position(segment), Ok(want), "{segment}");
        }
        for segment in ["", "-1", "+1", "1.5", "0x1", "abc", "²", "1\0"] {
            assert!(position(segment).is_err(), "{segment}");
        }
    }
}
