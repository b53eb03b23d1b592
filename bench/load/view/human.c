#include "view/human.h"

#include <inttypes.h>
#include <string.h>

const char *human_time(uint64_t us, char memory[HUMAN_BYTES]) {
        if (us < 1000)
                (void)snprintf(memory, HUMAN_BYTES, "%" PRIu64 " us", us);
        else if (us < 1000000)
                (void)snprintf(memory, HUMAN_BYTES, "%.*f ms", us < 10000 ? 2 : us < 100000 ? 1 : 0, (double)us / 1e3);
        else
                (void)snprintf(memory, HUMAN_BYTES, "%.2f s", (double)us / 1e6);
        return memory;
}

void human_plan(FILE *to, const struct load_plan *p) {
        (void)fprintf(to, "%s: %u connection%s, %u thread%s", p->address.text, p->connections, p->connections == 1 ? "" : "s", p->threads,
                      p->threads == 1 ? "" : "s");
        for (size_t i = 0; i < p->cpus.n; i++)
                (void)fprintf(to, "%s%u", i ? "," : p->cpus.n == 1 ? " on CPU " : " on CPUs ", p->cpus.at[i]);
        if (p->rate > 0)
                (void)fprintf(to, ", %.6g requests/s %s", p->rate, p->poisson ? "at random (Poisson)" : "at even intervals");
        if (p->depth > 1)
                (void)fprintf(to, ", %u requests pipelined", p->depth);
        if (p->requests > 0)
                (void)fprintf(to, ", %" PRIu64 " requests", p->requests);
        if (p->duration_ns > 0)
                (void)fprintf(to, ", %.6g s", (double)p->duration_ns / 1e9);
        (void)fputc('\n', to);
}

static void print_requests(FILE *to, const struct load_plan *p, const struct load_result *r, const struct figures *f) {
        const struct load_tally *t = r->tally;

        (void)fprintf(to, "requests   %.6g/s answered", f->requests_per_s);
        if (p->rate > 0)
                (void)fprintf(to, " of %.6g/s", p->rate);
        (void)fprintf(to, "; %" PRIu64 " in %.3f s, %" PRIu64 " more until %.3f s\n", t->in_window, (double)r->sending_ns / 1e9,
                      t->answered - t->in_window, (double)r->total_ns / 1e9);
        (void)fprintf(to, "received   %.2f MB/s, %.4g bytes per answer\n", f->received_bytes_per_s / 1e6,
                      t->answered + t->failed ? (double)t->received_bytes / (double)(t->answered + t->failed) : 0.0);
}

void human_latency(FILE *to, const char *name, const struct hdr *h) {
        struct hdr_summary s = hdr_summarise(h);
        char memory[HUMAN_BYTES];

        if (s.count == 0)
                return;
        (void)fprintf(to, "%-10s min %s", name, human_time(s.min_us, memory));
        for (size_t i = 0; i < FIGURES_QUANTILES; i++)
                (void)fprintf(to, "  %s %s", figures_quantiles[i].name, human_time(hdr_quantile_us(h, figures_quantiles[i].quantile), memory));
        (void)fprintf(to, "  max %s", human_time(s.max_us, memory));
        (void)fprintf(to, "  mean %s\n", human_time((uint64_t)(s.mean_us + 0.5), memory));
}

static void print_targets(FILE *to, const struct load_plan *p, const struct load_result *r) {
        for (size_t i = 0; p->mix.n > 1 && i < p->mix.n; i++) {
                const struct load_target *t = &r->tally->targets[i];

                (void)fprintf(to, "target     %s: %" PRIu64 " answered, %" PRIu64 " failed\n", p->mix.requests[i].target, t->answered, t->failed);
                human_latency(to, "", &t->latency);
        }
}

static void print_errors(FILE *to, const struct load_result *r) {
        const struct load_tally *t = r->tally;
        const char *before = "errors     ";

        if (figures_errors(r) == 0) {
                (void)fprintf(to, "%snone\n", before);
                return;
        }
        for (int i = 0; i < LOAD_FAILURES; i++)
                if (t->failures[i] > 0) {
                        (void)fprintf(to, "%s%s %" PRIu64, before, load_failure_name((enum load_failure)i), t->failures[i]);
                        before = ", ";
                }
        for (int i = 0; i < LOAD_TROUBLES; i++)
                if (t->troubles[i] > 0) {
                        (void)fprintf(to, "%s%s %" PRIu64, before, load_trouble_names[i], t->troubles[i]);
                        before = ", ";
                }
        before = " (";
        for (int i = 0; i < LOAD_STATUSES; i++)
                if (t->statuses[i] > 0) {
                        (void)fprintf(to, "%sstatus %d: %" PRIu64, before, i, t->statuses[i]);
                        before = ", ";
                }
        (void)fprintf(to, "%s\n", before[0] == ',' ? ")" : "");
}

static void print_client(FILE *to, const struct load_plan *p, const struct load_result *r, const struct figures *f) {
        char memory[3][HUMAN_BYTES];

        (void)fprintf(to, "checked    the bytes of %" PRIu64 " answers, the length and status of all\n", r->tally->compared);
        (void)fprintf(to, "client     %.3g us of CPU and %.3g system calls per request, %.0f %% busy", f->cpu_us_per_request, f->syscalls_per_request,
                      100 * f->busy);
        if (f->queued >= 0)
                (void)fprintf(to, ", %.1f %% waiting for a CPU", 100 * f->queued);
        (void)fputc('\n', to);
        if (p->rate > 0)
                (void)fprintf(to, "sent late  p50 %s  p99 %s  max %s; %" PRIu64 " waited for a free connection\n",
                              human_time(hdr_quantile_us(&r->tally->late, 0.5), memory[0]),
                              human_time(hdr_quantile_us(&r->tally->late, 0.99), memory[1]),
                              human_time(hdr_summarise(&r->tally->late).max_us, memory[2]), r->tally->waited);
}

void human_run(FILE *to, const struct load_plan *p, const struct load_result *r, const struct figures *f) {
        human_plan(to, p);
        print_requests(to, p, r, f);
        human_latency(to, "latency", &r->latency);
        print_targets(to, p, r);
        print_errors(to, r);
        print_client(to, p, r, f);
        for (size_t i = 0; i < f->n_doubts; i++)
                (void)fprintf(to, "doubtful   %s\n", f->doubts[i]);
}
