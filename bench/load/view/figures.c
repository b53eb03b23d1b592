#include "view/figures.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

const struct figures_quantile figures_quantiles[FIGURES_QUANTILES] = {
        { "p50", 0.5 }, { "p75", 0.75 }, { "p90", 0.9 }, { "p95", 0.95 }, { "p99", 0.99 }, { "p99.9", 0.999 }, { "p99.99", 0.9999 },
};

/* When a figure is in doubt. */
#define BUSY_MAX 0.9          /* of a thread's time: beyond, the client may be what is slow */
#define QUEUED_MAX 0.02       /* of a thread's time */
#define LATE_SHARE_MAX 0.1    /* of the same quantile of the latency */
#define LATE_SMALL_US 100     /* what timers and wake-ups cost anywhere */
#define ANSWERS_MIN 100       /* for p90 and beyond to rest on some ten of them */

static void __attribute__((format(printf, 2, 3))) doubt(struct figures *f, const char *format, ...) {
        va_list arguments;

        if (f->n_doubts == FIGURES_DOUBTS_MAX)
                return;
        va_start(arguments, format);
        (void)vsnprintf(f->doubts[f->n_doubts++], FIGURES_DOUBT_BYTES, format, arguments);
        va_end(arguments);
}

static bool is_late_at(const struct load_result *r, double quantile) {
        uint64_t late_us = hdr_quantile_us(&r->tally->late, quantile), latency_us = hdr_quantile_us(&r->latency, quantile);

        return late_us > LATE_SMALL_US && (double)late_us > LATE_SHARE_MAX * (double)latency_us;
}

static void doubt_client(struct figures *f, const struct load_plan *plan, const struct load_result *r) {
        if (f->busy > BUSY_MAX)
                doubt(f, "the load's own threads were busy %.0f %% of the time: the server may be faster than this; give more --threads and CPUs",
                      100 * f->busy);
        if (f->queued > QUEUED_MAX)
                doubt(f, "the load's threads waited %.1f %% of the time for a CPU: something else runs there; see --cpus", 100 * f->queued);
        f->late = plan->rate > 0 && (is_late_at(r, 0.5) || is_late_at(r, 0.99));
        if (f->late)
                doubt(f, "requests were sent late by this program itself (p50 %" PRIu64 " us, p99 %" PRIu64 " us): latencies are not the server's",
                      hdr_quantile_us(&r->tally->late, 0.5), hdr_quantile_us(&r->tally->late, 0.99));
}

static void doubt_server(struct figures *f, const struct load_plan *plan, const struct load_result *r) {
        const struct load_tally *t = r->tally;

        if (t->unsent > 0)
                doubt(f, "%" PRIu64 " requests of the schedule were never sent: the server did not keep up with the rate on %u connections",
                      t->unsent, plan->connections);
        if (t->failures[LOAD_TIMEOUT] > 0)
                doubt(f, "%" PRIu64 " requests were given up after the time-out: they count with what was waited, their true latency is longer",
                      t->failures[LOAD_TIMEOUT]);
        if (r->latency.clamped > 0)
                doubt(f, "%" PRIu64 " latencies of more than a minute count as one minute", r->latency.clamped);
        if (t->closed_by_server > 0)
                doubt(f, "the server closed %" PRIu64 " connections: opening others is part of these figures", t->closed_by_server);
        if (t->troubles[LOAD_CONNECT] > 0)
                doubt(f, "%" PRIu64 " times a connection could not be opened: the server was not there all the time that requests/s is of",
                      t->troubles[LOAD_CONNECT]);
        if (t->answered < ANSWERS_MIN)
                doubt(f, "only %" PRIu64 " answers: too few for the higher percentiles", t->answered);
        if (r->interrupted)
                doubt(f, "interrupted: sending ended early");
}

struct figures figures_of(const struct load_plan *plan, const struct load_result *r) {
        const struct load_tally *t = r->tally;
        struct figures f = { .queued = -1 };
        double sending_s = (double)r->sending_ns / 1e9, thread_ns = (double)r->total_ns * plan->threads;
        double answers = (double)(t->answered + t->failed), calls = 0;
        struct hdr_summary s = hdr_summarise(&r->latency);

        for (size_t i = 0; i < LOAD_SYSCALLS; i++)
                calls += (double)t->syscalls[i];
        if (sending_s > 0) {
                f.requests_per_s = (double)t->in_window / sending_s;
                f.received_bytes_per_s = (double)t->received_bytes / ((double)r->total_ns / 1e9);
                f.in_flight = s.mean_us * (double)s.count / ((double)r->total_ns / 1e3);
        }
        if (answers > 0) {
                f.cpu_us_per_request = (double)r->usage.cpu_ns / 1e3 / answers;
                f.syscalls_per_request = calls / answers;
        }
        if (thread_ns > 0) {
                f.busy = (double)r->usage.cpu_ns / thread_ns;
                if (r->usage.has_wait)
                        f.queued = (double)r->usage.wait_ns / thread_ns;
        }
        doubt_client(&f, plan, r);
        doubt_server(&f, plan, r);
        return f;
}

uint64_t figures_errors(const struct load_result *r) {
        uint64_t errors = r->tally->failed;

        for (size_t i = 0; i < LOAD_TROUBLES; i++)
                errors += r->tally->troubles[i];
        return errors;
}

double figures_share_within(const struct load_result *r, uint64_t limit_us) {
        const struct load_tally *t = r->tally;
        uint64_t due = t->answered + t->failed + t->unsent;
        uint64_t within = hdr_count_up_to(&r->latency, limit_us) - hdr_count_up_to(&t->given_up, limit_us);

        return due > 0 ? (double)within / (double)due : 0;
}
