/* Records from and to MessagePack in struct mode: those with their fields in the usual order are read in one go (msgpack_usual.h), all others by
 * msgpack-c's parser, instantiated with callbacks that fill a struct, which also says what is wrong with one. No object tree, no zone, no allocation; the decoded strings are views into the encoded bytes. */
#ifndef RESTMARK_CODEC_MSGPACK_RECORD_H
#define RESTMARK_CODEC_MSGPACK_RECORD_H

#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"
#include "codec/record.h"

/* Decodes one record: a map with each of the six fields exactly once, in any order, and nothing else. Integers may have any
 * MessagePack encoding that fits int64; created_at is a finite float 32 or 64; strings are valid UTF-8.
 * Returns 0, or -EBADMSG with a sentence in `e` that names the field; `ret` is then untouched. `ret` borrows from
 * `encoded`. */
int msgpack_record_decode(const struct encoded_record *encoded, struct record *ret, struct error *e);

/* The same for `n` records, into the array `records` of the caller: the hot path. On failure the error's sentence begins
 * with `record I: ` (I counts from 0), and the content of `records` from index I on is of no use. */
int msgpack_records_decode(const struct encoded_record *encoded, size_t n, struct record *records, struct error *e);

/* No encoding of `record` is longer than this many bytes. */
size_t msgpack_record_length_max(const struct record *record);

/* Appends the record as a map with the fields in their usual order. Returns 0, or -ENOBUFS (and b->overflow is set, b's
 * length restored) when it does not fit. */
int msgpack_record_encode(struct buf *b, const struct record *record);

#endif
