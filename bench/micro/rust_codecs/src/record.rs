//! The record: with its own texts, and as a view of the bytes that it was decoded from.

use std::fmt::Debug;

use rmp::decode::{self, Bytes};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Record {
    pub id: i64,
    pub name: String,
    pub description: String,
    pub r#type: String,
    pub count: i64,
    pub created_at: f64,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct View<'a> {
    pub id: i64,
    pub name: &'a str,
    pub description: &'a str,
    pub r#type: &'a str,
    pub count: i64,
    pub created_at: f64,
}

impl From<&View<'_>> for Record {
    fn from(view: &View<'_>) -> Self {
        Self {
            id: view.id,
            name: view.name.to_owned(),
            description: view.description.to_owned(),
            r#type: view.r#type.to_owned(),
            count: view.count,
            created_at: view.created_at,
        }
    }
}

impl<'a> View<'a> {
    /// Decodes one record, its fields in any order, without serde, as rust-hyper does. A field that is not there stays 0 or empty.
    pub fn decode(encoded: &'a [u8]) -> Result<Self, String> {
        let mut rest = Bytes::new(encoded);
        let mut view = Self::default();
        for _ in 0..decode::read_map_len(&mut rest).map_err(damaged)? {
            match text(&mut rest)? {
                b"id" => view.id = decode::read_int(&mut rest).map_err(damaged)?,
                b"name" => view.name = utf8(text(&mut rest)?)?,
                b"description" => view.description = utf8(text(&mut rest)?)?,
                b"type" => view.r#type = utf8(text(&mut rest)?)?,
                b"count" => view.count = decode::read_int(&mut rest).map_err(damaged)?,
                b"created_at" => view.created_at = decode::read_f64(&mut rest).map_err(damaged)?,
                other => return Err(format!("unknown field {}", String::from_utf8_lossy(other))),
            }
        }
        Ok(view)
    }
}

/// The bytes of a MessagePack string. What has to be UTF-8 goes through `utf8`; the name of a field is compared with what is.
fn text<'a>(rest: &mut Bytes<'a>) -> Result<&'a [u8], String> {
    let length = decode::read_str_len(rest).map_err(damaged)? as usize;
    let (text, after) = rest
        .remaining_slice()
        .split_at_checked(length)
        .ok_or("a text is longer than its record")?;
    *rest = Bytes::new(after);
    Ok(text)
}

fn utf8(text: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(text).map_err(|error| error.to_string())
}

/// rmp gives its errors while it reads `Bytes` no text for people.
fn damaged(error: impl Debug) -> String {
    format!("{error:?}")
}
