use std::fmt;

const DEFAULT_N: i64 = 1_000_000;
const MAX_N: i64 = 100_000_000;
const MAX_SEED: i64 = (1 << 31) - 1;

/// Why a query is refused.
#[derive(Debug, PartialEq)]
pub struct BadQuery(String);

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

/// Refuses every parameter.
pub fn no_parameters(query: &str) -> Result<(), BadQuery> {
    numbers(query, []).map(|_| ())
}

/// The parameter count, or `records`, which is also the most it may be.
pub fn count(query: &str, records: usize) -> Result<usize, BadQuery> {
    let limit = i64::try_from(records).map_err(|error| BadQuery(error.to_string()))?;
    let [count] = numbers(query, [("count", limit)])?;
    Ok(count.map_or(records, |count| count as usize))
}

/// The parameters n and seed, or their defaults.
pub fn loop_arguments(query: &str) -> Result<LoopArguments, BadQuery> {
    let [n, seed] = numbers(query, [("n", MAX_N), ("seed", MAX_SEED)])?;
    Ok(LoopArguments {
        n: n.unwrap_or(DEFAULT_N),
        seed: seed.unwrap_or(0),
    })
}

/// Parses a query; `known` are the parameters' names with their largest values.
fn numbers<const N: usize>(
    query: &str,
    known: [(&str, i64); N],
) -> Result<[Option<i64>; N], BadQuery> {
    let mut given = [None; N];
    for (name, text) in form_urlencoded::parse(query.as_bytes()) {
        let Some(index) = known.iter().position(|(known_name, _)| *known_name == name) else {
            return Err(BadQuery(format!(
                "{name:?} is not a parameter of this path"
            )));
        };
        let limit = known[index].1;
        // str::parse alone would take a plus sign.
        let digits_only = text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse::<i64>();
        let Some(number) = number.ok().filter(|number| digits_only && *number <= limit) else {
            return Err(BadQuery(format!(
                "{name} must be a number from 0 to {limit}"
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
    use super::{LoopArguments, count, loop_arguments, no_parameters};

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
}
