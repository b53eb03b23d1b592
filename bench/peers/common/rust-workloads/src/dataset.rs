use std::fmt;
use std::path::Path;

use rmpv::Value;
use serde::{Deserialize, Serialize};

use crate::query::{self, BadQuery, RecordArguments};

const FIELDS: [&str; 6] = ["id", "name", "description", "type", "count", "created_at"];

#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Record {
    pub id: i64,
    pub name: String,
    pub description: String,
    pub r#type: String,
    pub count: i64,
    pub created_at: f64,
}

/// Why a dataset file can not be used.
#[derive(Debug)]
pub struct DatasetError(String);

impl DatasetError {
    pub fn new(fault: impl fmt::Display) -> Self {
        Self(fault.to_string())
    }
}

impl fmt::Display for DatasetError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for DatasetError {}

/// The records, encoded and decoded.
pub struct Dataset {
    encoded: Vec<Vec<u8>>,
    records: Vec<Record>,
}

impl Dataset {
    /// Reads a file with one MessagePack array of bin elements, each one a map with exactly the fields of a record.
    pub fn load(path: &Path) -> Result<Self, DatasetError> {
        let fault = |text: String| DatasetError(format!("{}: {text}", path.display()));
        let file = std::fs::read(path).map_err(|error| fault(error.to_string()))?;
        let encoded = split(&file).map_err(fault)?;
        for (number, item) in encoded.iter().enumerate() {
            check_record(item).map_err(|text| fault(format!("record {number}: {text}")))?;
        }
        let records = decode(&encoded).map_err(|error| fault(error.to_string()))?;
        Ok(Self { encoded, records })
    }

    /// The number of records that the query asks for: its parameter count, or all.
    pub fn count(&self, query: &str) -> Result<usize, BadQuery> {
        query::count(query, self.records.len())
    }

    /// What the query of /parse-msgpack or /encode-json asks for: a count, or all, and a digest instead of the number.
    pub fn arguments(&self, query: &str) -> Result<RecordArguments, BadQuery> {
        query::record_arguments(query, self.records.len())
    }

    /// Whether `count` records are all there are.
    pub fn is_all(&self, count: usize) -> bool {
        count == self.records.len()
    }

    /// /parse-msgpack: decodes the first records from their bytes and returns how many there were, or their digest.
    pub fn parse(&self, asked: &RecordArguments) -> Result<usize, rmp_serde::decode::Error> {
        let records = decode(&self.encoded[..asked.count])?;
        if let Some(digest) = &asked.digest {
            return Ok(digest.of_decoded(&records) as usize);
        }
        // Nobody reads the texts; without this the compiler would be free not to make them.
        Ok(std::hint::black_box(records).len())
    }

    /// /encode-json: the length of the JSON of the first records, or its digest.
    pub fn encoded_number(&self, asked: &RecordArguments) -> Result<usize, serde_json::Error> {
        match &asked.digest {
            Some(digest) => Ok(digest.of_encoded(&self.records[..asked.count], to_json)? as usize),
            None => Ok(self.encode(asked.count)?.len()),
        }
    }

    /// The first `count` records as one JSON array.
    pub fn encode(&self, count: usize) -> Result<Vec<u8>, serde_json::Error> {
        to_json(&self.records[..count])
    }

    /// The JSON of the record at a position, if there is one.
    pub fn encode_one(&self, position: usize) -> Option<Result<Vec<u8>, serde_json::Error>> {
        self.records.get(position).map(serde_json::to_vec)
    }

    /// What the records were decoded from.
    pub fn encoded(&self) -> &[Vec<u8>] {
        &self.encoded
    }

    /// The JSON of all records.
    pub fn full_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        self.encode(self.records.len())
    }
}

fn to_json(records: &[Record]) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(records)
}

/// The records of their MessagePack bytes.
pub fn decode<Item: AsRef<[u8]>>(
    encoded: &[Item],
) -> Result<Vec<Record>, rmp_serde::decode::Error> {
    encoded
        .iter()
        .map(|item| rmp_serde::from_slice(item.as_ref()))
        .collect()
}

/// Decodes `data`, which must hold exactly one value.
fn decode_whole(mut data: &[u8]) -> Result<Value, String> {
    let value = rmpv::decode::read_value(&mut data).map_err(|error| error.to_string())?;
    if data.is_empty() {
        Ok(value)
    } else {
        Err(format!("{} bytes follow the value", data.len()))
    }
}

fn split(file: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    let wrong = || "must be a MessagePack array of bin elements".to_owned();
    let Value::Array(items) = decode_whole(file)? else {
        return Err(wrong());
    };
    items
        .into_iter()
        .map(|item| match item {
            Value::Binary(bytes) => Ok(bytes),
            _ => Err(wrong()),
        })
        .collect()
}

/// serde alone would take an integer for a double and ignore unknown fields.
fn check_record(item: &[u8]) -> Result<(), String> {
    let Value::Map(pairs) = decode_whole(item)? else {
        return Err("must be a map".to_owned());
    };
    if pairs.len() != FIELDS.len() {
        return Err(format!("must have exactly the keys {}", FIELDS.join(", ")));
    }
    for name in FIELDS {
        let found = pairs.iter().find(|(key, _)| key.as_str() == Some(name));
        let Some((_, value)) = found else {
            return Err(format!("{name} is missing"));
        };
        let (good, wanted) = match name {
            "id" | "count" => (value.as_i64().is_some(), "an integer of 64 bits, signed"),
            "created_at" => (
                matches!(value, Value::F32(_) | Value::F64(_))
                    && value.as_f64().is_some_and(f64::is_finite),
                "a finite floating-point number",
            ),
            _ => (value.as_str().is_some(), "a UTF-8 string"),
        };
        if !good {
            return Err(format!("{name} must be {wanted}, not {value}"));
        }
    }
    Ok(())
}
