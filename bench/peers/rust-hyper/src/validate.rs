//! POST /validate: texts of the body are borrowed where no escape stands in them.

use std::borrow::Cow;

use restmark_workloads::{BadBody, Incoming, Object};
use serde::{Deserialize, Serialize};

/// serde would own a `Cow` by itself, and can be told to borrow it only where it is a field.
#[derive(Deserialize, Serialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl AsRef<str> for Text<'_> {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

type Borrowed<'a> = Object<Incoming<Text<'a>>>;

/// The JSON of the record that is the body, or, with a count, of as many records in an array.
pub fn validate(body: &[u8], count: Option<usize>) -> Result<Vec<u8>, BadBody> {
    // A body that is refused is parsed once more, by what can tell the reason: right ones need not pay for that.
    right(body, count).map_or_else(|| restmark_workloads::validate(body, count), Ok)
}

fn right(body: &[u8], count: Option<usize>) -> Option<Vec<u8>> {
    let fits = |record: &Borrowed<'_>| record.0.misfit().is_none();
    match count {
        None => {
            let record = sonic_rs::from_slice(body).ok().filter(fits)?;
            sonic_rs::to_vec(&record).ok()
        }
        Some(count) => {
            let records: Vec<Borrowed<'_>> = sonic_rs::from_slice(body).ok()?;
            if records.len() != count || !records.iter().all(fits) {
                return None;
            }
            sonic_rs::to_vec(&records).ok()
        }
    }
}
