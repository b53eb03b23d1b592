/* Reads what --json prints. Strict: an error names file and line. */
#ifndef RESTMARK_LOAD_VIEW_JSON_READ_H
#define RESTMARK_LOAD_VIEW_JSON_READ_H

#include <stddef.h>

#include "base/error.h"
#include "latency/hdr_log_read.h"

/* Reads the `length` bytes (below INT_MAX) of a file, one run behind the other, and gives the latencies of each to `take`. `name` is what the file is called
 * in errors. Returns how many runs there were, or a negative errno value with a sentence. */
int json_read_runs(const char *name, const char *bytes, size_t length, hdr_log_take take, void *context, struct error *e);

#endif
