/* --merge: one histogram of many runs, by adding their counts. Quantiles of runs cannot be averaged. */
#ifndef RESTMARK_LOAD_VIEW_MERGE_H
#define RESTMARK_LOAD_VIEW_MERGE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"
#include "latency/hdr.h"

/* One histogram that was added. What is wholly alike came of one run. */
struct merge_part {
        uint64_t start_ms, length_ms, count;
        uint32_t checksum; /* of the counts */
        size_t source;
};

struct merge_source {
        const char *name;
        uint64_t histograms, count;
};

struct merge {
        struct hdr latency;
        bool clamped_known; /* logs do not say how many values were above the highest */
        uint64_t count;
        uint64_t start_ms, end_ms; /* since the Unix epoch, of all that was added */
        struct merge_source *sources;
        size_t n_sources;
        struct merge_part *parts;
        size_t n_parts;
};

/* Reads these files: interval logs, or what --json prints, any number of runs in each. "-" is standard input. Returns 0, or a negative errno
 * value with a sentence that names file and line: -EBADMSG, -ENOTSUP or -ERANGE if that is what is wrong with a file, and not with reading
 * it. merge_deinit() frees `*ret` in any case. */
int merge_read(struct merge *ret, char *const *paths, size_t n, struct error *e);
void merge_deinit(struct merge *m);

/* Prints what was merged, or JSON. Returns 0, or -ENOMEM with a sentence. */
int merge_print(FILE *to, const struct merge *m, bool json, struct error *e);

/* Writes the sum as a log of one interval. Returns 0, or a negative errno value with a sentence. */
int merge_write_log(const char *path, const struct merge *m, struct error *e);

#endif
