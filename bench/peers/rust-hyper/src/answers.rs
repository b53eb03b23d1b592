//! Answers, made with as little as they need.

use std::fmt::Display;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};

pub type Answer = Response<Full<Bytes>>;

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

pub fn text(body: impl Into<Bytes>) -> Answer {
    typed(TEXT, body.into())
}

pub fn number(number: impl itoa::Integer) -> Answer {
    text(Bytes::copy_from_slice(
        itoa::Buffer::new().format(number).as_bytes(),
    ))
}

pub fn json(body: impl Into<Bytes>) -> Answer {
    typed(JSON, body.into())
}

/// A refusal, with the reason.
pub fn refusal(status: StatusCode, reason: impl Display) -> Answer {
    let mut answer = text(reason.to_string());
    *answer.status_mut() = status;
    answer
}

/// The refusal of a method.
pub fn only(methods: &'static str) -> Answer {
    let mut answer = refusal(
        StatusCode::METHOD_NOT_ALLOWED,
        format_args!("only {methods}"),
    );
    answer
        .headers_mut()
        .insert(ALLOW, HeaderValue::from_static(methods));
    answer
}

fn typed(content_type: HeaderValue, body: Bytes) -> Answer {
    let mut answer = Response::new(Full::new(body));
    answer.headers_mut().insert(CONTENT_TYPE, content_type);
    answer
}
