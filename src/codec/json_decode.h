/* Records from JSON (RFC 8259) in struct mode: a strict parser that fills structs and allocates nothing. What it takes is what
 * json_record_encode() writes, with the fields in any order, white space between and any escapes in strings. Each of the six fields is there exactly
 * once, and no other; numbers of integer fields have neither fraction nor exponent and fit into int64; created_at is any finite number. */
#ifndef RESTMARK_CODEC_JSON_DECODE_H
#define RESTMARK_CODEC_JSON_DECODE_H

#include <stddef.h>

#include "base/error.h"
#include "codec/record.h"

/* What is wrong; both with a sentence that tells of JSON's words, not of bytes. */
enum {
        JSON_NO_JSON = -1000, /* it is not JSON, or not UTF-8 */
        JSON_NO_RECORD = -1001, /* it is, as far as it was read, but not what is asked for */
};

/* Decodes one object, which is all of `json`. Strings are views into it, or into `strings`, memory of `length` bytes, if they have escapes; that may be
 * `json` itself, which is then written over. Returns 0, JSON_NO_JSON or JSON_NO_RECORD; `ret` is then of no use. The sentence names the field. */
int json_record_decode(const char *json, size_t length, char *strings, struct record *ret, struct error *e);

/* The same for an array of exactly `n` objects. The sentence begins with "record I: " (from 0) if it is about one. */
int json_records_decode(const char *json, size_t length, char *strings, size_t n, struct record *records, struct error *e);

#endif
