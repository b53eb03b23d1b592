#include "view/progress.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "view/human.h"

enum { LOOK_NS = 500 * 1000 * 1000 };

void progress_begin(struct progress *p, FILE *to, const struct load_plan *plan, const char *prefix) {
        memset(p, 0, sizeof *p);
        p->to = to;
        p->live = isatty(fileno(to)) == 1;
        p->prefix = prefix;
        p->plan = plan;
}

static void look(void *context, uint64_t elapsed_ns, const struct load_tally *so_far, const struct hdr *latency) {
        struct progress *p = context;
        double since_s = (double)(elapsed_ns - p->last_ns) / 1e9;
        char p50[HUMAN_BYTES], p99[HUMAN_BYTES];

        p->since = *latency;
        hdr_subtract(&p->since, &p->last);
        (void)fprintf(p->to, "\r\033[K%s%.0f", p->prefix, (double)elapsed_ns / 1e9);
        if (p->plan->duration_ns > 0)
                (void)fprintf(p->to, "/%.3g", (double)p->plan->duration_ns / 1e9);
        (void)fprintf(p->to, " s  %.0f/s  p50 %s  p99 %s  failed %" PRIu64, since_s > 0 ? (double)(so_far->answered - p->last_answered) / since_s : 0,
                      human_time(hdr_quantile_us(&p->since, 0.5), p50), human_time(hdr_quantile_us(&p->since, 0.99), p99), so_far->failed);
        (void)fflush(p->to);
        p->last = *latency;
        p->last_ns = elapsed_ns;
        p->last_answered = so_far->answered;
}

const struct load_watcher *progress_watcher(struct progress *p, struct load_watcher *ret) {
        *ret = (struct load_watcher){ .look = look, .context = p, .interval_ns = LOOK_NS };
        return p->live ? ret : NULL;
}

void progress_end(struct progress *p) {
        if (p->live)
                (void)fputs("\r\033[K", p->to);
        (void)fflush(p->to);
}
