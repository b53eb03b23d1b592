//! The queries of the routes that ask a database.

use percent_encoding::percent_decode_str;

use crate::query::{BadQuery, numbers};

const MOST_IDS: usize = 100;
const MOST_BYTES: usize = 64;
const DEFAULT_LIMIT: i64 = 50;
const MOST_ROWS: i64 = 100;

/// The parameter id, which has to be there: a row's key.
pub fn one_id(query: &str) -> Result<i64, BadQuery> {
    let [id] = numbers(query, [("id", 0..=i64::MAX)])?;
    id.ok_or_else(|| bad("id is missing"))
}

/// The parameter ids, which has to be there: rows' keys with commas between, in their order.
pub fn many_ids(query: &str) -> Result<Vec<i64>, BadQuery> {
    let [ids] = texts(query, ["ids"])?;
    let ids = ids.ok_or_else(|| bad("ids is missing"))?;
    let words = ids.split(',');
    if words.clone().count() > MOST_IDS {
        return Err(bad(&format!("ids must be at most {MOST_IDS} numbers")));
    }
    words.map(number).collect()
}

/// The parameters q, a category that has to be there, and limit, the most rows that are wanted.
pub fn search(query: &str) -> Result<(String, i64), BadQuery> {
    let [category, limit] = texts(query, ["q", "limit"])?;
    let category = category.ok_or_else(|| bad("q is missing"))?;
    // No text of PostgreSQL holds U+0000.
    if category.is_empty() || category.len() > MOST_BYTES || category.contains('\0') {
        return Err(bad(&format!(
            "q must be 1 to {MOST_BYTES} bytes of UTF-8 without U+0000"
        )));
    }
    let limit = limit.map_or(Ok(DEFAULT_LIMIT), |text| number(&text))?;
    if !(1..=MOST_ROWS).contains(&limit) {
        return Err(bad(&format!("limit must be 1 to {MOST_ROWS}")));
    }
    Ok((category, limit))
}

fn bad(text: &str) -> BadQuery {
    BadQuery(text.to_owned())
}

fn number(text: &str) -> Result<i64, BadQuery> {
    // str::parse alone would take a plus sign.
    let digits_only = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|_| digits_only);
    number.ok_or_else(|| bad(&format!("{text:?} is no number of 63 bits")))
}

/// The values of these parameters; others, and one that is given twice, are refused, and so is what is no UTF-8.
fn texts<const N: usize>(query: &str, known: [&str; N]) -> Result<[Option<String>; N], BadQuery> {
    // The parser below puts U+FFFD for it.
    if percent_decode_str(query).decode_utf8().is_err() {
        return Err(bad("the query is no UTF-8"));
    }
    let mut given = [const { None }; N];
    for (name, text) in form_urlencoded::parse(query.as_bytes()) {
        let Some(index) = known.iter().position(|known| *known == name) else {
            return Err(bad(&format!("{name:?} is not a parameter of this path")));
        };
        if given[index].replace(text.into_owned()).is_some() {
            return Err(bad(&format!("{name} is given more than once")));
        }
    }
    Ok(given)
}

#[cfg(test)]
mod tests {
    use super::{many_ids, one_id, search};

    #[test]
    fn one() {
        for (query, want) in [
            ("id=0", 0),
            ("i%64=007", 7),
            ("id=9223372036854775807", i64::MAX),
        ] {
            assert_eq!(one_id(query), Ok(want), "{query}");
        }
        for query in [
            "",
            "id=",
            "id=-1",
            "id=%2B1",
            "id=1&id=1",
            "id=1&x=1",
            "id=9223372036854775808",
        ] {
            assert!(one_id(query).is_err(), "{query}");
        }
    }

    #[test]
    fn many() {
        let hundred = format!("ids={}1", "1,".repeat(99));
        assert_eq!(many_ids("ids=3,1%2C3"), Ok(vec![3, 1, 3]));
        assert_eq!(many_ids(&hundred).map(|ids| ids.len()), Ok(100));
        let too_many = format!("{hundred},1");
        for query in [
            "",
            "ids=",
            "ids=1,",
            "ids=,1",
            "ids=1,,2",
            "ids=+1",
            "ids=-1",
            "ids=1&ids=2",
            "ids=1&x=1",
            &too_many,
        ] {
            assert!(many_ids(query).is_err(), "{query}");
        }
    }

    #[test]
    fn searches() {
        for (query, category, limit) in [
            ("q=c07", "c07", 50),
            ("limit=1&q=%27%3B", "';", 1),
            ("q=%C3%A9&limit=100", "é", 100),
        ] {
            assert_eq!(search(query), Ok((category.to_owned(), limit)), "{query}");
        }
        let long = format!("q={}", "x".repeat(65));
        for query in [
            "",
            "q=",
            "limit=5",
            "q=a&q=b",
            "q=a&limit=0",
            "q=a&limit=101",
            "q=a&limit=",
            "q=a&limit=1&limit=1",
            "q=a&x=1",
            "q=%FF",
            "q=%00",
            &long,
        ] {
            assert!(search(query).is_err(), "{query}");
        }
    }
}
