//! What is measured: the ways to decode and to encode, that of most services first.

use std::error::Error;
use std::hint::black_box;

use crate::record::{Record, View};

pub type Outcome<T> = Result<T, Box<dyn Error>>;

/// One way to do the work on the whole dataset.
pub struct Case<'a> {
    pub name: &'static str,
    pub work: &'static str,
    pub run: Box<dyn FnMut() -> Outcome<()> + 'a>,
}

pub const PARSE: &str = "parse MessagePack";
pub const ENCODE: &str = "encode JSON";
pub const DOUBLE: &str = "write a double";

/// All cases; each has been found to do the same as the first of its work.
pub fn prepared<'a>(encoded: &'a [&'a [u8]], records: &'a [Record]) -> Outcome<Vec<Case<'a>>> {
    let mut cases = Vec::new();
    for (name, decode) in decodings() {
        let (mut owned, mut views) = (Vec::new(), Vec::new());
        decode(encoded, &mut owned, &mut views)?;
        let seen: Vec<Record> = views.iter().map(Record::from).collect();
        if owned.as_slice() != records && seen != records {
            return Err(format!("{name}: decodes something else").into());
        }
        let run = move || decode(encoded, &mut owned, &mut views);
        cases.push(Case {
            name,
            work: PARSE,
            run: Box::new(run),
        });
    }
    let body = serde_json::to_vec(records)?;
    for (name, encode) in encodings() {
        let mut buffer = Vec::new();
        encode(records, &mut buffer)?;
        if buffer != body {
            return Err(format!("{name}: encodes something else").into());
        }
        let run = move || encode(records, &mut buffer);
        cases.push(Case {
            name,
            work: ENCODE,
            run: Box::new(run),
        });
    }
    for (name, text, all) in doubles() {
        for record in records {
            if text(record.created_at) != serde_json::to_string(&record.created_at)? {
                return Err(format!("{name}: writes something else").into());
            }
        }
        let run = move || {
            all(records);
            Ok(())
        };
        cases.push(Case {
            name,
            work: DOUBLE,
            run: Box::new(run),
        });
    }
    Ok(cases)
}

/// Decodes into one of the vectors, which keep their memory from one run to the next unless the function puts a new one there.
type Decode = for<'a> fn(&'a [&'a [u8]], &mut Vec<Record>, &mut Vec<View<'a>>) -> Outcome<()>;

fn decodings() -> [(&'static str, Decode); 5] {
    [
        ("rmp-serde, owned", |encoded, owned, _| {
            *owned = encoded
                .iter()
                .map(|item| rmp_serde::from_slice(item))
                .collect::<Result<_, _>>()?;
            Ok(())
        }),
        ("rmp-serde, owned, one vector", |encoded, owned, _| {
            fill(owned, encoded, |item| Ok(rmp_serde::from_slice(item)?))
        }),
        ("rmp-serde, borrowed &str", |encoded, _, views| {
            *views = encoded
                .iter()
                .map(|item| rmp_serde::from_slice(item))
                .collect::<Result<_, _>>()?;
            Ok(())
        }),
        (
            "rmp-serde, borrowed &str, one vector",
            |encoded, _, views| fill(views, encoded, |item| Ok(rmp_serde::from_slice(item)?)),
        ),
        (
            "rmp by hand, borrowed &str, one vector",
            |encoded, _, views| fill(views, encoded, |item| Ok(View::decode(item)?)),
        ),
    ]
}

fn fill<'a, T>(
    into: &mut Vec<T>,
    encoded: &'a [&'a [u8]],
    decode: impl Fn(&'a [u8]) -> Outcome<T>,
) -> Outcome<()> {
    into.clear();
    for item in encoded {
        into.push(decode(item)?);
    }
    Ok(())
}

/// Encodes into the buffer, which keeps its memory from one run to the next unless the function puts a new one there.
type Encode = fn(&[Record], &mut Vec<u8>) -> Outcome<()>;

fn encodings() -> [(&'static str, Encode); 5] {
    [
        ("serde_json", |records, buffer| {
            *buffer = serde_json::to_vec(records)?;
            Ok(())
        }),
        ("serde_json, one buffer", |records, buffer| {
            buffer.clear();
            Ok(serde_json::to_writer(buffer, records)?)
        }),
        ("simd-json, one buffer", |records, buffer| {
            buffer.clear();
            Ok(simd_json::serde::to_writer(buffer, records)?)
        }),
        ("sonic-rs", |records, buffer| {
            *buffer = sonic_rs::to_vec(records)?;
            Ok(())
        }),
        ("sonic-rs, one buffer", |records, buffer| {
            buffer.clear();
            Ok(sonic_rs::to_writer(buffer, records)?)
        }),
    ]
}

/// What one double becomes, and the work: the doubles of all records.
type Double = (&'static str, fn(f64) -> String, fn(&[Record]));

fn doubles() -> [Double; 2] {
    [
        (
            "ryu",
            |value| ryu::Buffer::new().format_finite(value).to_owned(),
            |records| {
                for record in records {
                    black_box(ryu::Buffer::new().format_finite(record.created_at));
                }
            },
        ),
        (
            "zmij",
            |value| zmij::Buffer::new().format_finite(value).to_owned(),
            |records| {
                for record in records {
                    black_box(zmij::Buffer::new().format_finite(record.created_at));
                }
            },
        ),
    ]
}
