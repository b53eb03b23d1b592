/* Reads HdrHistogram's V2 encoding. Strict: what is not wholly a histogram of microseconds in the layout of hdr.h is refused, so that nothing of
 * a damaged file is counted. */
#ifndef RESTMARK_LOAD_LATENCY_HDR_DECODE_H
#define RESTMARK_LOAD_LATENCY_HDR_DECODE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "latency/hdr.h"

/* Base64 of the compressed encoding, `length` characters. `*ret` is overwritten, also on failure. Returns 0, or a negative errno value with a
 * sentence. */
int hdr_decode(const char *text, size_t length, struct hdr *ret, struct error *e);

/* The same for the bytes behind base64 and zlib. */
int hdr_decode_plain(const uint8_t *bytes, size_t length, struct hdr *ret, struct error *e);

#endif
