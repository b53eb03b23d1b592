/* The dataset file's shape: one MessagePack array whose elements are `bin`, each the encoding of one record. */
#ifndef RESTMARK_CODEC_MSGPACK_ARRAY_H
#define RESTMARK_CODEC_MSGPACK_ARRAY_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "codec/record.h"

enum { MSGPACK_HEADER_MAX = 5 }; /* bytes of the longest header of an array or a bin */

/* How many elements the array's header claims. The claim is checked against `length` (an element has at least two bytes),
 * so that it may size an allocation. Returns 0, or -EBADMSG: not an array, truncated, impossible. */
int msgpack_array_count(const uint8_t *bytes, size_t length, size_t *ret_n, struct error *e);

/* Points encoded[0 … n−1] at the elements' contents, n being exactly what msgpack_array_count() said, and proves that
 * nothing follows. Nothing is copied. Returns 0, or -EBADMSG with a sentence that names the record (from 0) and the byte;
 * the content of `encoded` is then of no use. */
int msgpack_array_split(const uint8_t *bytes, size_t length, struct encoded_record *encoded, size_t n, struct error *e);

/* Append the header of an array of n elements, the header of a bin of `length` bytes (its content follows, by buf_append).
 * The buffer's `overflow` tells whether they fitted. */
void msgpack_array_header(struct buf *b, size_t n);
void msgpack_bin_header(struct buf *b, size_t length);

#endif
