#include "latency/hdr_log_read.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "latency/hdr_decode.h"

enum { YEAR_S = 365 * 86400, NUMBER_BYTES = 32 };
static const double highest_s = 1e11; /* the year 5138: what is above it is no time in seconds */

struct reader {
        hdr_log_take take;
        void *context;
        struct hdr *values;
        double start_s, base_s; /* of the headers; negative: not given */
        int intervals;
};

/* Not negative, with decimals or without, up to `highest`. */
static int take_decimal(const char *text, size_t n, double highest, double *ret) {
        char copy[NUMBER_BYTES], *end;
        double number;

        if (n == 0 || n >= sizeof copy)
                return -EINVAL;
        memcpy(copy, text, n);
        copy[n] = '\0';
        number = strtod(copy, &end);
        if (copy[strspn(copy, "0123456789.")] || *end || !(number >= 0 && number <= highest))
                return -EINVAL;
        *ret = number;
        return 0;
}

/* "#[StartTime: 1700000000.123 (seconds since epoch), …]" and alike; comments are skipped. */
static int take_comment(struct reader *r, const char *line, size_t n, struct error *e) {
        static const char start[] = "#[StartTime: ", base[] = "#[BaseTime: ", version[] = "#[Histogram log format version ";
        bool is_start = n >= sizeof start - 1 && memcmp(line, start, sizeof start - 1) == 0;
        bool is_base = n >= sizeof base - 1 && memcmp(line, base, sizeof base - 1) == 0;

        if (n >= sizeof version - 1 && memcmp(line, version, sizeof version - 1) == 0) {
                size_t left = n - (sizeof version - 1);

                if (left < 3 || memcmp(line + sizeof version - 1, "1.", 2) != 0)
                        return error_set(e, -ENOTSUP, "a log of version %.*s: versions 1.x are read", (int)(left < 16 ? left : 16), line + sizeof version - 1);
                return 0;
        }
        if (is_start || is_base) {
                size_t from = is_start ? sizeof start - 1 : sizeof base - 1, digits = from;

                while (digits < n && line[digits] != ' ')
                        digits++;
                if (take_decimal(line + from, digits - from, highest_s, is_start ? &r->start_s : &r->base_s) < 0)
                        return error_set(e, -EBADMSG, "%s without a number of seconds", is_start ? "StartTime" : "BaseTime");
        }
        return 0;
}

/* As HdrHistogram's reader has it: times are relative to BaseTime, or to StartTime where they are more than a year before it. */
static double absolute_s(const struct reader *r, double s) {
        if (r->base_s >= 0)
                return r->base_s + s;
        return r->start_s >= 0 && s < r->start_s - YEAR_S ? r->start_s + s : s;
}

/* The highest value stands in the line, too, in milliseconds: what is counted in another unit than microseconds shows by it. */
static int check_unit(const struct hdr *values, double max_ms, struct error *e) {
        uint64_t max_us = hdr_summarise(values).max_us;

        if (hdr_cell((uint64_t)llround(max_ms * 1000)) != hdr_cell(max_us))
                return error_set(e, -EBADMSG, "Interval_Max is %.3f ms, and the histogram's is %llu us: it is damaged, or does not count microseconds", max_ms,
                                 (unsigned long long)max_us);
        return 0;
}

static int take_interval(struct reader *r, const char *line, size_t n, struct error *e) {
        static const char *const names[] = { "StartTimestamp", "Interval_Length", "Interval_Max" };
        static const double highest[] = { highest_s, highest_s, HDR_HIGHEST_US * 2e-3 };
        double number[3];
        size_t at = 0;
        int result;

        if (n >= 4 && memcmp(line, "Tag=", 4) == 0)
                return error_set(e, -ENOTSUP, "an interval with a tag: put the lines of each tag into a file of its own, without \"Tag=…,\"");
        for (size_t i = 0; i < 3; i++) {
                const char *comma = memchr(line + at, ',', n - at);
                size_t end = comma ? (size_t)(comma - line) : n;

                if (!comma)
                        return error_set(e, -EBADMSG, "not StartTimestamp,Interval_Length,Interval_Max,Interval_Compressed_Histogram");
                if (take_decimal(line + at, end - at, highest[i], &number[i]) < 0)
                        return error_set(e, -EBADMSG, "%s is no number that it can be; a line of a log is StartTimestamp,Interval_Length,Interval_Max,"
                                                     "Interval_Compressed_Histogram",
                                         names[i]);
                at = end + 1;
        }
        result = hdr_decode(line + at, n - at, r->values, e);
        if (result == 0)
                result = check_unit(r->values, number[2], e);
        if (result == 0)
                result = r->take(r->context, (uint64_t)llround(absolute_s(r, number[0]) * 1000), (uint64_t)llround(number[1] * 1000), r->values, e);
        if (result == 0)
                r->intervals++;
        return result;
}

static int take_line(struct reader *r, const char *line, size_t n, struct error *e) {
        if (n > 0 && line[n - 1] == '\r')
                n--;
        if (n == 0 || line[0] == '"') /* the names of the columns */
                return 0;
        return line[0] == '#' ? take_comment(r, line, n, e) : take_interval(r, line, n, e);
}

int hdr_log_read(const char *name, const char *bytes, size_t length, hdr_log_take take, void *context, struct error *e) {
        struct reader r = { .take = take, .context = context, .values = malloc(sizeof *r.values), .start_s = -1, .base_s = -1 };
        size_t number = 0;
        int result = r.values ? 0 : error_set(e, -ENOMEM, "no memory for a histogram");

        for (size_t at = 0; result == 0 && at < length;) {
                const char *end = memchr(bytes + at, '\n', length - at);
                size_t n = end ? (size_t)(end - bytes) - at : length - at;

                number++;
                result = take_line(&r, bytes + at, n, e);
                if (result < 0)
                        (void)error_prefix(e, result, "%s:%zu", name, number);
                at += n + 1;
        }
        free(r.values);
        if (result == 0 && r.intervals == 0)
                return error_set(e, -EBADMSG, "%s: there is no histogram in it", name);
        return result < 0 ? result : r.intervals;
}
