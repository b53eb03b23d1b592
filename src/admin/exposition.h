/* Writes families and samples of metrics, in OpenMetrics or in Prometheus' older text format. */
#ifndef RESTMARK_ADMIN_EXPOSITION_H
#define RESTMARK_ADMIN_EXPOSITION_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "shared/histogram.h"

enum metric_type { METRIC_GAUGE, METRIC_COUNTER, METRIC_HISTOGRAM, METRIC_INFO };

struct exposition {
        bool open_metrics;
        FILE *to;
        const char *name, *suffix; /* of the family that is being written */
};

struct labels {
        char text[256];
};

/* `name` is the family's in OpenMetrics; samples of counters end in _total, which belongs to the family's name in the older format. */
void exposition_begin(struct exposition *x, enum metric_type type, const char *name, const char *help);

/* A sample; `labels` is "" or what stands between the braces. */
void exposition_put(const struct exposition *x, const char *labels, uint64_t value);
void exposition_put_seconds(const struct exposition *x, const char *labels, uint64_t ns);

/* The count is that of the buckets themselves, so that the two agree whatever comes in meanwhile. */
void exposition_put_histogram(const struct exposition *x, const char *labels, const struct histogram *h);

struct labels __attribute__((format(printf, 1, 2))) labels_of(const char *format, ...);

#endif
