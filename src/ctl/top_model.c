#include "ctl/top_model.h"

#include <stdlib.h>
#include <string.h>

static double grown(uint64_t now, uint64_t before) {
        return now > before ? (double)(now - before) : 0;
}

static double to_ms(double ns) {
        return ns < 0 ? -1 : ns / 1e6;
}

static const struct top_rates unknown = { -1, -1, -1, -1, -1, -1 };

static void set_rates(struct top_rates *rates, const struct sample_counts *before, const struct sample_counts *now, double seconds) {
        struct histogram came = histogram_since(&now->durations, &before->durations);

        rates->requests_per_s = grown(now->requests, before->requests) / seconds;
        rates->errors_per_s = grown(now->errors, before->errors) / seconds;
        rates->aborted_per_s = grown(now->aborted, before->aborted) / seconds;
        rates->p50_ms = to_ms(histogram_quantile_ns(&came, 0.50));
        rates->p99_ms = to_ms(histogram_quantile_ns(&came, 0.99));
}

static double cpu_percent(const struct sample_process *before, const struct sample_process *now, double seconds) {
        if (!before || !before->has_cpu || !now->has_cpu || before->pid != now->pid)
                return -1;
        return grown(now->cpu_ns, before->cpu_ns) / (seconds * 1e9) * 100;
}

static const struct sample_worker *find_slot(const struct sample *s, unsigned int slot) {
        for (size_t i = 0; i < s->n_workers; i++)
                if (s->workers[i].slot == slot && !s->workers[i].beside)
                        return &s->workers[i];
        return NULL;
}

/* A worker that was beside another may be the slot's own now. */
static const struct sample_process *find_process(const struct sample *s, uint32_t pid) {
        for (size_t i = 0; i < s->n_workers && pid != 0; i++)
                if (s->workers[i].process.pid == pid)
                        return &s->workers[i].process;
        return NULL;
}

static void make_row(struct top_row *row, const struct sample *before, const struct sample *now, const struct sample_worker *w) {
        double seconds = before ? (double)(now->taken_ns - before->taken_ns) / 1e9 : 0;
        const struct sample_worker *was = before ? find_slot(before, w->slot) : NULL;

        row->worker = w;
        row->rates = unknown;
        row->age_s = -1;
        if (w->process.pid && w->started_unix_ms)
                row->age_s = grown(now->now_unix_ms, w->started_unix_ms) / 1000;
        if (!before)
                return;
        if (was && !w->beside)
                set_rates(&row->rates, &was->counts, &w->counts, seconds);
        row->rates.cpu_percent = cpu_percent(find_process(before, w->process.pid), &w->process, seconds);
}

static void add_row(struct top_totals *totals, const struct top_row *row) {
        const struct sample_worker *w = row->worker;

        totals->connections += w->connections;
        totals->restarts += w->restarts;
        totals->slots += !w->beside;
        totals->ready += !w->beside && strcmp(w->state, "ready") == 0;
        if (row->rates.cpu_percent >= 0)
                totals->rates.cpu_percent += row->rates.cpu_percent;
        if (w->process.pid) {
                totals->rss_bytes += w->process.rss_bytes;
                totals->pss_bytes += w->process.pss_bytes;
                totals->has_memory = totals->has_memory && w->process.has_memory;
        }
}

static struct top_store store_since(const struct sample_store *before, const struct sample_store *now, double seconds) {
        const struct histogram h = histogram_since(&now->durations, &before->durations);
        double p99_ns = histogram_quantile_ns(&h, 0.99);

        return (struct top_store){ .asked_per_s = (double)histogram_count(&h) / seconds,
                                   .p99_ms = p99_ns < 0 ? -1 : p99_ns / 1e6,
                                   .failures_per_s = now->failures > before->failures ? (double)(now->failures - before->failures) / seconds : 0 };
}

static bool same_daemon(const struct sample *before, const struct sample *now) {
        return before->master.pid == now->master.pid && before->started_unix_ms == now->started_unix_ms && before->taken_ns < now->taken_ns;
}

struct top_frame *top_frame_new(const struct sample *before, const struct sample *now) {
        struct top_frame *frame = calloc(1, sizeof *frame + now->n_workers * sizeof frame->rows[0]);
        struct top_totals *totals;

        if (!frame)
                return NULL;
        if (before && !same_daemon(before, now))
                before = NULL;
        frame->now = now;
        frame->n_rows = now->n_workers;
        totals = &frame->totals;
        totals->rates = unknown;
        totals->rss_bytes = now->master.rss_bytes;
        totals->pss_bytes = now->master.pss_bytes;
        totals->has_memory = now->master.has_memory;
        for (int i = 0; i < RESTMARK_STORE_COUNT; i++)
                totals->stores[i] = before ? store_since(&before->stores[i], &now->stores[i], (double)(now->taken_ns - before->taken_ns) / 1e9)
                                           : (struct top_store){ -1, -1, -1 };
        totals->calls_per_s = -1;
        if (before) {
                double seconds = (double)(now->taken_ns - before->taken_ns) / 1e9;

                totals->calls_per_s = now->rpc.calls > before->rpc.calls ? (double)(now->rpc.calls - before->rpc.calls) / seconds : 0;
                set_rates(&totals->rates, &before->counts, &now->counts, seconds);
                totals->rates.cpu_percent = cpu_percent(&before->master, &now->master, seconds);
        }
        for (size_t i = 0; i < now->n_workers; i++) {
                make_row(&frame->rows[i], before, now, &now->workers[i]);
                add_row(totals, &frame->rows[i]);
        }
        return frame;
}

struct top_frame *top_frame_free(struct top_frame *frame) {
        free(frame);
        return NULL;
}

/* ---- order ---- */

struct order {
        enum top_column column;
        bool reverse;
};

/* Negative: not known. */
static double key(const struct top_row *row, enum top_column column) {
        const struct sample_worker *w = row->worker;

        switch (column) {
        case TOP_PID:
                return w->process.pid ? (double)w->process.pid : -1;
        case TOP_GENERATION:
                return (double)w->generation;
        case TOP_AGE:
                return row->age_s;
        case TOP_REQUESTS:
                return row->rates.requests_per_s;
        case TOP_P50:
                return row->rates.p50_ms;
        case TOP_P99:
                return row->rates.p99_ms;
        case TOP_CONNECTIONS:
                return (double)w->connections;
        case TOP_CPU:
                return row->rates.cpu_percent;
        case TOP_RSS:
                return w->process.has_memory ? (double)w->process.rss_bytes : -1;
        case TOP_PSS:
                return w->process.has_memory ? (double)w->process.pss_bytes : -1;
        default:
                return (double)w->slot;
        }
}

static int by_slot(const struct sample_worker *a, const struct sample_worker *b) {
        return a->slot != b->slot ? (a->slot < b->slot ? -1 : 1) : (int)a->beside - (int)b->beside;
}

static int compare(const void *one, const void *other, void *context) {
        const struct top_row *a = one, *b = other;
        const struct order *order = context;
        bool ascending = (order->column <= TOP_AGE) != order->reverse;
        double x = key(a, order->column), y = key(b, order->column);
        int difference = x < y ? -1 : x > y;

        if ((x < 0) != (y < 0))
                return x < 0 ? 1 : -1;
        if (order->column == TOP_STATE)
                difference = strcmp(a->worker->state, b->worker->state);
        if (order->column == TOP_SLOT)
                difference = by_slot(a->worker, b->worker);
        if (difference == 0)
                return by_slot(a->worker, b->worker);
        return ascending ? difference : -difference;
}

void top_sort(struct top_frame *frame, enum top_column column, bool reverse) {
        struct order order = { column, reverse };

        qsort_r(frame->rows, frame->n_rows, sizeof frame->rows[0], compare, &order);
}
