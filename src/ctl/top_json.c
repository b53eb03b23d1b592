#include "ctl/top_json.h"

#include <inttypes.h>

static void json_number(const char *name, double value, FILE *to) {
        if (value < 0)
                (void)fprintf(to, ",\"%s\":null", name);
        else
                (void)fprintf(to, ",\"%s\":%.3f", name, value);
}

static void json_rates(const struct top_rates *rates, FILE *to) {
        json_number("requests_per_s", rates->requests_per_s, to);
        json_number("errors_per_s", rates->errors_per_s, to);
        json_number("aborted_per_s", rates->aborted_per_s, to);
        json_number("p50_ms", rates->p50_ms, to);
        json_number("p99_ms", rates->p99_ms, to);
        json_number("cpu_percent", rates->cpu_percent, to);
}

static void json_bytes(const char *name, bool known, uint64_t bytes, FILE *to) {
        if (known)
                (void)fprintf(to, ",\"%s\":%" PRIu64, name, bytes);
        else
                (void)fprintf(to, ",\"%s\":null", name);
}

static void json_row(const struct top_row *row, FILE *to) {
        const struct sample_worker *w = row->worker;

        (void)fprintf(to, "{\"slot\":%u,\"beside\":%s,\"state\":\"%s\",\"unresponsive\":%s,\"crash_loop\":%s,\"pid\":", w->slot,
                      w->beside ? "true" : "false", w->state, w->is_unresponsive ? "true" : "false", w->is_in_crash_loop ? "true" : "false");
        if (w->process.pid)
                (void)fprintf(to, "%" PRIu32, w->process.pid);
        else
                (void)fputs("null", to);
        (void)fprintf(to, ",\"generation\":%" PRIu64 ",\"connections\":%" PRIu64, w->generation, w->connections);
        json_number("age_s", row->age_s, to);
        json_rates(&row->rates, to);
        json_bytes("rss_bytes", w->process.has_memory, w->process.rss_bytes, to);
        json_bytes("pss_bytes", w->process.has_memory, w->process.pss_bytes, to);
        (void)fputs("}", to);
}

void top_json_write(const struct top_frame *frame, FILE *to) {
        const struct top_totals *t = &frame->totals;

        (void)fprintf(to, "{\"now_unix_ms\":%" PRIu64 ",\"master_pid\":%" PRIu32 ",\"generation\":%" PRIu64 ",\"slots\":%u,\"ready\":%u",
                      frame->now->now_unix_ms, frame->now->master.pid, frame->now->generation, t->slots, t->ready);
        (void)fprintf(to, ",\"connections\":%" PRIu64 ",\"restarts\":%" PRIu64, t->connections, t->restarts);
        json_rates(&t->rates, to);
        (void)fprintf(to, ",\"rpc_connections\":%" PRIu64, frame->now->rpc.connections);
        json_number("calls_per_s", t->calls_per_s, to);
        json_bytes("rss_bytes", t->has_memory, t->rss_bytes, to);
        json_bytes("pss_bytes", t->has_memory, t->pss_bytes, to);
        (void)fputs(",\"workers\":[", to);
        for (size_t i = 0; i < frame->n_rows; i++) {
                if (i)
                        (void)fputs(",", to);
                json_row(&frame->rows[i], to);
        }
        (void)fputs("]}\n", to);
}
