/* Records to JSON in struct mode: a compact array, written straight into the caller's buffer. The bytes are those of
 * Python's json.dumps(…, ensure_ascii=False, separators=(",", ":")). Nothing is allocated. */
#ifndef RESTMARK_CODEC_JSON_RECORD_H
#define RESTMARK_CODEC_JSON_RECORD_H

#include <stddef.h>

#include "base/buf.h"
#include "codec/record.h"

/* The exact length in bytes of the array of `n` records. Costs about as much as encoding them. */
size_t json_records_length(const struct record *records, size_t n);

/* The same of one record, without an array around it. */
size_t json_record_length(const struct record *record);

/* A cheap upper bound of the same, for sizing a buffer that will not live long: up to six times the strings' lengths. */
size_t json_records_bound(const struct record *records, size_t n);

/* By how many bytes the JSON of `n` records can grow when their numbers become others, at most. */
size_t json_numbers_growth_max(size_t n);

/* Appends the array of `n` records; the exact length is all the room that it needs. Returns 0, or -ENOBUFS (b->overflow is
 * set, b->length is as before, bytes behind it may have been written) when it does not fit. */
int json_records_encode(struct buf *b, const struct record *records, size_t n);

/* The same for one record, as an object without an array around it. */
int json_record_encode(struct buf *b, const struct record *record);

#endif
