//! The record: with its own texts, and as a view of the bytes that it was decoded from.

use rmp::decode::{self, DecodeStringError};
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
    /// Decodes one record, its fields in any order, without serde. A field that is not there stays 0 or empty.
    pub fn decode(mut rest: &'a [u8]) -> Result<Self, String> {
        let mut view = Self::default();
        for _ in 0..decode::read_map_len(&mut rest).map_err(|error| error.to_string())? {
            match text(&mut rest)? {
                "id" => view.id = integer(&mut rest)?,
                "name" => view.name = text(&mut rest)?,
                "description" => view.description = text(&mut rest)?,
                "type" => view.r#type = text(&mut rest)?,
                "count" => view.count = integer(&mut rest)?,
                "created_at" => {
                    view.created_at =
                        decode::read_f64(&mut rest).map_err(|error| error.to_string())?;
                }
                other => return Err(format!("unknown field {other}")),
            }
        }
        Ok(view)
    }
}

fn integer(rest: &mut &[u8]) -> Result<i64, String> {
    decode::read_int(rest).map_err(|error| error.to_string())
}

fn text<'a>(rest: &mut &'a [u8]) -> Result<&'a str, String> {
    let (text, after) = decode::read_str_from_slice(*rest)
        .map_err(|error: DecodeStringError<'_, _>| error.to_string())?;
    *rest = after;
    Ok(text)
}
