//! POST /validate: a JSON body is parsed, checked by the schema and encoded again.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::error::Category;

/// The largest body that is taken, in bytes.
pub const MAX_BODY: usize = 1 << 20;

/// A record as a body has it; `Text` is a string, owned or borrowed.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Incoming<Text> {
    pub id: i64,
    pub name: Text,
    pub description: Text,
    pub r#type: Text,
    pub count: i64,
    pub created_at: f64,
}

impl<Text: AsRef<str>> Incoming<Text> {
    /// The name of the first field whose value does not fit.
    pub fn misfit(&self) -> Option<&'static str> {
        let fits = [
            ("name", has_characters(self.name.as_ref(), 1, 100)),
            (
                "description",
                has_characters(self.description.as_ref(), 0, 1000),
            ),
            ("type", matches!(self.r#type.as_ref(), "U" | "G" | "S")),
            ("count", (0..=1_000_000).contains(&self.count)),
            (
                "created_at",
                (0.0..=4_102_444_800.0).contains(&self.created_at),
            ),
        ];
        fits.into_iter()
            .find(|(_, fits)| !fits)
            .map(|(name, _)| name)
    }
}

fn has_characters(text: &str, least: usize, most: usize) -> bool {
    // No text has more characters than bytes.
    text.len() >= least && (text.len() <= most || text.chars().count() <= most)
}

/// A struct that stands in the JSON as an object. serde alone takes an array of the fields' values as well.
#[derive(Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
            type Value = Object<T>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }

        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

/// Why a body is refused.
#[derive(Debug, PartialEq)]
pub enum BadBody {
    /// It is no JSON.
    Syntax(String),
    /// It is JSON, but not what the schema says. The text names the field whose fault it is.
    Unfit(String),
}

impl fmt::Display for BadBody {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Syntax(text) | Self::Unfit(text)) = self;
        formatter.write_str(text)
    }
}

impl std::error::Error for BadBody {}

/// The JSON of the record that is the body, or, with a count, of as many records in an array.
pub fn validate(body: &[u8], count: Option<usize>) -> Result<Vec<u8>, BadBody> {
    let unfit = |text: String| Err(BadBody::Unfit(text));
    let Some(count) = count else {
        let record: Object<Incoming<String>> = parse(body)?;
        return match record.0.misfit() {
            Some(name) => unfit(format!("{name} does not fit")),
            None => to_json(&record),
        };
    };
    let records: Vec<Object<Incoming<String>>> = parse(body)?;
    if records.len() != count {
        return unfit(format!("{} records in place of {count}", records.len()));
    }
    for (number, record) in records.iter().enumerate() {
        if let Some(name) = record.0.misfit() {
            return unfit(format!("[{number}].{name} does not fit"));
        }
    }
    to_json(&records)
}

fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, BadBody> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let syntax = |error: serde_json::Error| BadBody::Syntax(error.to_string());
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        match error.into_inner() {
            inner if inner.classify() == Category::Data => BadBody::Unfit(described(&path, &inner)),
            inner => syntax(inner),
        }
    })?;
    deserializer.end().map_err(syntax)?;
    Ok(value)
}

/// What does not fit, and where. serde tells of all the fields there are when one is unknown; that says nothing of the fault.
fn described(path: &str, error: &serde_json::Error) -> String {
    let text = error.to_string();
    let fault = text.split(", expected one of").next().unwrap_or_default();
    format!("{path}: {fault}")
}

fn to_json<T: Serialize>(value: &T) -> Result<Vec<u8>, BadBody> {
    serde_json::to_vec(value).map_err(|error| BadBody::Unfit(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::{BadBody, validate};

    const RIGHT: &str =
        r#"{"id":-9,"name":"é\n","description":"","type":"U","count":0,"created_at":5.25}"#;

    fn refusal(body: &str, count: Option<usize>) -> BadBody {
        validate(body.as_bytes(), count).expect_err(body)
    }

    #[test]
    fn right_bodies_come_back() {
        let spelled = r#" {"created_at": 525e-2, "count":0,"n\u0061me":"\u00e9\n","type":"U","description":"","id":-9}"#;
        assert_eq!(
            validate(spelled.as_bytes(), None).unwrap(),
            RIGHT.as_bytes()
        );
        let many = format!("[{spelled},{spelled}]");
        let answer = format!("[{RIGHT},{RIGHT}]");
        assert_eq!(
            validate(many.as_bytes(), Some(2)).unwrap(),
            answer.as_bytes()
        );
        assert_eq!(validate(b" [] ", Some(0)).unwrap(), b"[]");
    }

    #[test]
    fn a_field_at_fault_is_named_and_not_all_are() {
        let long = "é".repeat(101);
        for (field, from, to) in [
            ("id", "-9", "9223372036854775808"),
            ("id", r#""id""#, r#""ID""#),
            ("name", r#""é\n""#, r#""""#),
            ("name", r"é\n", long.as_str()),
            ("name", r#""é\n""#, "7"),
            ("type", r#""U""#, r#"{"U":null}"#),
            ("type", r#""U""#, r#""u""#),
            ("count", "0,", "1000001,"),
            ("count", r#""count":0,"#, ""),
            ("created_at", "5.25", "true"),
            ("created_at", "5.25", "-0.5"),
            ("colour", r#""id""#, r#""colour":1,"id""#),
        ] {
            let body = RIGHT.replace(from, to);
            for (body, count) in [(body.clone(), None), (format!("[{RIGHT},{body}]"), Some(2))] {
                let refused = refusal(&body, count);
                let BadBody::Unfit(text) = &refused else {
                    panic!("{refused:?}")
                };
                let field = if to.contains("ID") { "ID" } else { field };
                assert!(text.contains(field), "{text}");
                assert!(
                    !(text.contains("description") && text.contains("created_at")),
                    "{text}"
                );
            }
        }
    }

    #[test]
    fn what_is_no_object_or_not_as_many_is_unfit() {
        let array = r#"[-9,"é","","U",0,5.25]"#;
        for (body, count) in [
            (array.to_owned(), None),
            (format!("[{array}]"), Some(1)),
            (format!("[{RIGHT}]"), None),
            (format!("[{RIGHT}]"), Some(2)),
            (RIGHT.to_owned(), Some(1)),
            ("null".to_owned(), None),
            ("null".to_owned(), Some(0)),
        ] {
            assert!(matches!(refusal(&body, count), BadBody::Unfit(_)), "{body}");
        }
    }

    #[test]
    fn no_json_is_told_apart() {
        for body in [
            "",
            " ",
            "{",
            &RIGHT[..RIGHT.len() - 1],
            &format!("{RIGHT}x"),
            &RIGHT.replace("5.25", "1e400"),
        ] {
            assert!(matches!(refusal(body, None), BadBody::Syntax(_)), "{body}");
        }
        let no_utf8 = [RIGHT.split_once('é').unwrap().0.as_bytes(), b"\xff\"}"].concat();
        assert!(validate(&no_utf8, None).is_err());
    }
}
