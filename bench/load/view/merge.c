#include "view/merge.h"

#include <errno.h>
#include <inttypes.h>
#include <restmark/version.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zlib.h>

#include "latency/hdr_log.h"
#include "latency/hdr_log_read.h"
#include "view/file.h"
#include "view/human.h"
#include "view/json.h"
#include "view/json_read.h"

/* A run twice, as its log and its JSON or as one file under two names, would count double. */
static int refuse_twice(const struct merge *m, const struct merge_part *part, struct error *e) {
        for (size_t i = 0; i < m->n_parts; i++) {
                const struct merge_part *p = &m->parts[i];

                if (p->start_ms == part->start_ms && p->length_ms == part->length_ms && p->count == part->count && p->checksum == part->checksum)
                        return error_set(e, -EBADMSG, "the same run as one of %s: it would count twice", m->sources[p->source].name);
        }
        return 0;
}

static int keep_part(struct merge *m, const struct merge_part *part, struct error *e) {
        struct merge_part *more = realloc(m->parts, (m->n_parts + 1) * sizeof *more);

        if (!more)
                return error_set(e, -ENOMEM, "no memory for %zu histograms", m->n_parts + 1);
        m->parts = more;
        m->parts[m->n_parts++] = *part;
        return 0;
}

static int add(void *context, uint64_t start_ms, uint64_t length_ms, const struct hdr *values, struct error *e) {
        struct merge *m = context;
        struct merge_part part = { .start_ms = start_ms, .length_ms = length_ms, .count = hdr_count(values), .source = m->n_sources - 1 };
        int r = 0;

        part.checksum = (uint32_t)crc32(0, (const unsigned char *)values->counts, sizeof values->counts);
        if (part.count > 0)
                r = refuse_twice(m, &part, e);
        if (r == 0 && part.count > INT64_MAX - m->count)
                r = error_set(e, -ERANGE, "the counts are more than 63 bits together");
        if (r == 0)
                r = keep_part(m, &part, e);
        if (r < 0)
                return r;
        hdr_add(&m->latency, values);
        m->count += part.count;
        if (m->n_parts == 1 || start_ms < m->start_ms)
                m->start_ms = start_ms;
        if (start_ms + length_ms > m->end_ms)
                m->end_ms = start_ms + length_ms;
        m->sources[part.source].histograms++;
        m->sources[part.source].count += part.count;
        return 0;
}

/* What --json prints begins with a brace, and no log does. */
static bool is_json(const char *bytes, size_t length) {
        size_t at = 0;

        while (at < length && strchr(" \t\r\n", bytes[at]))
                at++;
        return at < length && bytes[at] == '{';
}

int merge_read(struct merge *ret, char *const *paths, size_t n, struct error *e) {
        memset(ret, 0, sizeof *ret);
        ret->clamped_known = true;
        ret->sources = calloc(n, sizeof *ret->sources);
        if (!ret->sources)
                return error_set(e, -ENOMEM, "no memory for %zu files", n);
        for (size_t i = 0; i < n; i++) {
                const char *name = file_name(paths[i]);
                char *bytes;
                size_t length;
                int r = file_read(paths[i], &bytes, &length, e);

                if (r < 0)
                        return r;
                ret->sources[ret->n_sources++].name = name;
                if (is_json(bytes, length)) {
                        r = json_read_runs(name, bytes, length, add, ret, e);
                } else {
                        ret->clamped_known = false;
                        r = hdr_log_read(name, bytes, length, add, ret, e);
                }
                free(bytes);
                if (r < 0)
                        return r;
        }
        return 0;
}

void merge_deinit(struct merge *m) {
        free(m->sources);
        free(m->parts);
}

static void print_text(FILE *to, const struct merge *m) {
        time_t start_s = (time_t)(m->start_ms / 1000);
        char date[64] = "?";
        struct tm utc;

        if (gmtime_r(&start_s, &utc))
                (void)strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", &utc);
        (void)fprintf(to, "merged     %zu histogram%s of %zu file%s: %" PRIu64 " latencies, from %s on for %.3f s\n", m->n_parts, m->n_parts == 1 ? "" : "s",
                      m->n_sources, m->n_sources == 1 ? "" : "s", m->count, date, (double)(m->end_ms - m->start_ms) / 1e3);
        if (m->count == 0)
                (void)fputs("latency    none\n", to);
        else
                human_latency(to, "latency", &m->latency);
}

int merge_print(FILE *to, const struct merge *m, bool json, struct error *e) {
        json_object *o;

        if (!json) {
                print_text(to, m);
                return 0;
        }
        o = json_merge(m);
        if (!o)
                return error_set(e, -ENOMEM, "no memory for JSON");
        (void)fprintf(to, "%s\n", json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
        (void)json_object_put(o);
        return 0;
}

int merge_write_log(const char *path, const struct merge *m, struct error *e) {
        struct hdr_interval whole = { .start_ms = m->start_ms, .length_ms = m->end_ms - m->start_ms, .values = &m->latency };
        FILE *log = fopen(path, "we");
        int r;

        if (!log)
                return error_set_errno(e, errno, "--hdr-log: cannot write %s", path);
        r = hdr_log_write(log, "restmark-load " RESTMARK_VERSION, &whole, 1, e);
        if (fclose(log) != 0 && r == 0)
                r = error_set_errno(e, errno, "--hdr-log: cannot write %s", path);
        return r;
}
