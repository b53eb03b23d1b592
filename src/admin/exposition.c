#include "admin/exposition.h"

#include <inttypes.h>
#include <stdarg.h>

void exposition_begin(struct exposition *x, enum metric_type type, const char *name, const char *help) {
        static const char *const words[] = { [METRIC_GAUGE] = "gauge", [METRIC_COUNTER] = "counter", [METRIC_HISTOGRAM] = "histogram", [METRIC_INFO] = "info" };
        const char *family_suffix = "", *word = words[type];

        x->name = name;
        x->suffix = type == METRIC_COUNTER ? "_total" : type == METRIC_INFO ? "_info" : "";
        if (!x->open_metrics) {
                family_suffix = x->suffix;
                word = type == METRIC_INFO ? "gauge" : word;
        }
        (void)fprintf(x->to, "# HELP %s%s %s\n# TYPE %s%s %s\n", name, family_suffix, help, name, family_suffix, word);
}

void exposition_put(const struct exposition *x, const char *labels, uint64_t value) {
        const char *open = *labels ? "{" : "", *close = *labels ? "}" : "";

        (void)fprintf(x->to, "%s%s%s%s%s %" PRIu64 "\n", x->name, x->suffix, open, labels, close, value);
}

void exposition_put_seconds(const struct exposition *x, const char *labels, uint64_t ns) {
        const char *open = *labels ? "{" : "", *close = *labels ? "}" : "";

        (void)fprintf(x->to, "%s%s%s%s%s %" PRIu64 ".%09" PRIu64 "\n", x->name, x->suffix, open, labels, close, ns / 1000000000, ns % 1000000000);
}

void exposition_put_histogram(const struct exposition *x, const char *labels, const struct histogram *h) {
        uint64_t n = 0;

        for (int i = 0; i < RESTMARK_DURATION_LIMITS; i++) {
                n += h->counts[i];
                (void)fprintf(x->to, "%s_bucket{%s,le=\"%g\"} %" PRIu64 "\n", x->name, labels, (double)histogram_limits_ns[i] / 1e9, n);
        }
        n += h->counts[RESTMARK_DURATION_LIMITS];
        (void)fprintf(x->to, "%s_bucket{%s,le=\"+Inf\"} %" PRIu64 "\n", x->name, labels, n);
        (void)fprintf(x->to, "%s_sum{%s} %" PRIu64 ".%09" PRIu64 "\n", x->name, labels, h->sum_ns / 1000000000, h->sum_ns % 1000000000);
        (void)fprintf(x->to, "%s_count{%s} %" PRIu64 "\n", x->name, labels, n);
}

struct labels labels_of(const char *format, ...) {
        struct labels labels;
        va_list arguments;

        va_start(arguments, format);
        (void)vsnprintf(labels.text, sizeof labels.text, format, arguments);
        va_end(arguments);
        return labels;
}
