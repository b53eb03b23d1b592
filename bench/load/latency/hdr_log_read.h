/* Reads HdrHistogram's interval logs. Strict, as hdr_decode.h: an error names the line. */
#ifndef RESTMARK_LOAD_LATENCY_HDR_LOG_READ_H
#define RESTMARK_LOAD_LATENCY_HDR_LOG_READ_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "latency/hdr.h"

/* Called with each interval in turn. `start_ms` is since the Unix epoch. Returns 0, or a negative errno value with a sentence, which ends the
 * reading. */
typedef int (*hdr_log_take)(void *context, uint64_t start_ms, uint64_t length_ms, const struct hdr *values, struct error *e);

/* Reads the `length` bytes of a log, which `name` is in errors: "NAME:LINE: …". Returns how many intervals it had, or a negative errno value
 * with a sentence. A log without an interval is an error, and so is one with a tag: which intervals belong together is not known then. */
int hdr_log_read(const char *name, const char *bytes, size_t length, hdr_log_take take, void *context, struct error *e);

#endif
