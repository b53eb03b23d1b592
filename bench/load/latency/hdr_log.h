/* Writes HdrHistogram's V2 encoding, compressed and in base64, and its interval log, as HdrHistogram's own tools read them. Units:
 * microseconds in the histogram, milliseconds where the log has a decimal ("Interval_Max"). */
#ifndef RESTMARK_LOAD_LATENCY_HDR_LOG_H
#define RESTMARK_LOAD_LATENCY_HDR_LOG_H

#include <stdint.h>
#include <stdio.h>

#include "base/error.h"
#include "latency/hdr.h"

enum {
        HDR_COOKIE_V2 = 0x1c849303 | 0x10, /* 0x10: counts are varints */
        HDR_COOKIE_V2_COMPRESSED = 0x1c849304 | 0x10,
        HDR_HEADER_BYTES = 40,
        HDR_COMPRESSED_HEADER_BYTES = 8,
        HDR_VARINT_BYTES = 9,
        HDR_PLAIN_BYTES_MAX = HDR_HEADER_BYTES + HDR_CELLS * HDR_VARINT_BYTES,
};

/* Base64 of the compressed encoding, which the caller frees; or NULL: no memory. */
char *hdr_encode(const struct hdr *h);

/* One line of the log: what was measured from `start_ms` (since the Unix epoch) on for `length_ms`. `tag` (NULL: none) has neither
 * comma nor space. */
struct hdr_interval {
        const char *tag;
        uint64_t start_ms, length_ms;
        const struct hdr *values;
};

/* Writes a whole log. Returns 0, or a negative errno value with a sentence. */
int hdr_log_write(FILE *to, const char *made_by, const struct hdr_interval *intervals, size_t n, struct error *e);

#endif
