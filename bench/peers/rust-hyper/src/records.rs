//! Records as views of the bytes that they were decoded from: none of their texts is copied.

use std::cell::RefCell;
use std::fmt::{Debug, Display};
use std::path::Path;

use restmark_workloads::{Dataset, DatasetError, Digest, Record, RecordArguments};
use rmp::decode::{self, Bytes};
use serde::Serialize;

use crate::Fault;

#[derive(Clone, Copy, Default, Serialize)]
pub struct View<'a> {
    id: i64,
    name: &'a str,
    description: &'a str,
    r#type: &'a str,
    count: i64,
    created_at: f64,
}

/// What a worker's requests use one after the other. It keeps its size, so that none of them asks for memory.
#[derive(Default)]
struct Scratch {
    views: Vec<View<'static>>,
    json: Vec<u8>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// The dataset, which stays as long as the process does.
pub struct Records {
    pub dataset: &'static Dataset,
    views: Vec<View<'static>>,
}

impl Records {
    pub fn load(path: &Path) -> Result<Self, DatasetError> {
        let dataset: &'static Dataset = Box::leak(Box::new(Dataset::load(path)?));
        let mut views = Vec::with_capacity(dataset.encoded().len());
        decode_all(dataset.encoded(), &mut views)?;
        Ok(Self { dataset, views })
    }

    pub fn len(&self) -> usize {
        self.views.len()
    }

    /// /parse-msgpack: how many records there are when they are decoded, or their digest.
    pub fn parse(&self, asked: &RecordArguments) -> Result<usize, Fault> {
        SCRATCH.with_borrow_mut(|scratch| {
            decode_all(&self.dataset.encoded()[..asked.count], &mut scratch.views)?;
            // Nobody reads the records; without this the compiler would be free not to make them.
            let views = std::hint::black_box(&scratch.views);
            Ok(match &asked.digest {
                None => views.len(),
                Some(digest) => of_decoded(digest, views),
            })
        })
    }

    /// /encode-json: the length of the JSON of the first records, or its digest.
    pub fn encoded_number(&self, asked: &RecordArguments) -> Result<usize, Fault> {
        let views = &self.views[..asked.count];
        SCRATCH.with_borrow_mut(|scratch| {
            let Some(digest) = &asked.digest else {
                encode_into(views, &mut scratch.json)?;
                return Ok(scratch.json.len());
            };
            of_encoded(digest, views, &mut scratch.json)
        })
    }

    /// The JSON of the first records.
    pub fn encode(&self, count: usize) -> Result<Vec<u8>, Fault> {
        Ok(sonic_rs::to_vec(&self.views[..count])?)
    }

    /// The JSON of the record at a position, if there is one.
    pub fn encode_one(&self, position: usize) -> Option<Result<Vec<u8>, Fault>> {
        let view = self.views.get(position)?;
        Some(sonic_rs::to_vec(view).map_err(Fault::from))
    }
}

fn decode_all<'a>(encoded: &'a [Vec<u8>], into: &mut Vec<View<'a>>) -> Result<(), DatasetError> {
    into.clear();
    for item in encoded {
        into.push(View::decode(item)?);
    }
    Ok(())
}

fn encode_into(views: &[View<'_>], json: &mut Vec<u8>) -> Result<(), Fault> {
    json.clear();
    Ok(sonic_rs::to_writer(json, views)?)
}

impl<'a> View<'a> {
    /// Decodes one record, its fields in any order. That all are there has been checked when the dataset was loaded.
    fn decode(encoded: &'a [u8]) -> Result<Self, DatasetError> {
        let mut rest = Bytes::new(encoded);
        let mut view = Self::default();
        for _ in 0..decode::read_map_len(&mut rest).map_err(damaged)? {
            match text(&mut rest)? {
                b"id" => view.id = decode::read_int(&mut rest).map_err(damaged)?,
                b"name" => view.name = utf8(text(&mut rest)?)?,
                b"description" => view.description = utf8(text(&mut rest)?)?,
                b"type" => view.r#type = utf8(text(&mut rest)?)?,
                b"count" => view.count = decode::read_int(&mut rest).map_err(damaged)?,
                b"created_at" => view.created_at = double(&mut rest)?,
                other => {
                    let name = String::from_utf8_lossy(other);
                    return Err(fault(format!("{name} is not a field of a record")));
                }
            }
        }
        Ok(view)
    }

    fn owned(&self) -> Record {
        Record {
            id: self.id,
            name: self.name.to_owned(),
            description: self.description.to_owned(),
            r#type: self.r#type.to_owned(),
            count: self.count,
            created_at: self.created_at,
        }
    }
}

impl<'a> From<&'a Record> for View<'a> {
    fn from(record: &'a Record) -> Self {
        Self {
            id: record.id,
            name: &record.name,
            description: &record.description,
            r#type: &record.r#type,
            count: record.count,
            created_at: record.created_at,
        }
    }
}

/// The bytes of a MessagePack string. What has to be UTF-8 goes through `utf8`; the name of a field is compared with what is.
fn text<'a>(rest: &mut Bytes<'a>) -> Result<&'a [u8], DatasetError> {
    let length = decode::read_str_len(rest).map_err(damaged)? as usize;
    let (text, after) = rest
        .remaining_slice()
        .split_at_checked(length)
        .ok_or_else(|| fault("a text is longer than its record"))?;
    *rest = Bytes::new(after);
    Ok(text)
}

fn utf8(text: &[u8]) -> Result<&str, DatasetError> {
    std::str::from_utf8(text).map_err(fault)
}

/// A float of 32 or of 64 bits.
fn double(rest: &mut Bytes<'_>) -> Result<f64, DatasetError> {
    match rest.remaining_slice().first() {
        Some(0xca) => decode::read_f32(rest).map(f64::from).map_err(damaged),
        _ => decode::read_f64(rest).map_err(damaged),
    }
}

/// rmp gives its errors while it reads `Bytes` no text for people.
fn damaged(error: impl Debug) -> DatasetError {
    fault(format_args!("{error:?}"))
}

fn fault(error: impl Display) -> DatasetError {
    DatasetError::new(error)
}

/// What verification asks for instead of a count or a length: the digests need not be fast, and are made of records that own their texts.
fn of_decoded(digest: &Digest, views: &[View<'_>]) -> usize {
    let records: Vec<Record> = views.iter().map(View::owned).collect();
    digest.of_decoded(&records) as usize
}

fn of_encoded(digest: &Digest, views: &[View<'_>], json: &mut Vec<u8>) -> Result<usize, Fault> {
    let records: Vec<Record> = views.iter().map(View::owned).collect();
    let encode = |shifted: &[Record]| {
        let views: Vec<View<'_>> = shifted.iter().map(View::from).collect();
        encode_into(&views, json)?;
        Ok::<_, Fault>(json.clone())
    };
    Ok(digest.of_encoded(&records, encode)? as usize)
}
