#include "view/search.h"

#include <errno.h>
#include <inttypes.h>
#include <restmark/version.h>
#include <stdlib.h>

#include "view/figures.h"
#include "view/human.h"
#include "view/json.h"
#include "view/progress.h"

/* What became of a rate; a line of the table. */
struct trial {
        double rate, answered_per_s, share; /* within the limit */
        uint64_t quantile_us, p50_us, errors, unsent;
        bool held, doubtful;
};

struct search {
        struct load_plan *plan;
        const struct slo *slo;
        struct slo_search state;
        struct trial trials[SLO_TRIES_MAX];
        size_t n;
        bool interrupted;
        json_object *runs; /* NULL: no JSON is wanted */
};

static struct trial judge(const struct search *s, const struct load_result *r, const struct figures *f) {
        double share = figures_share_within(r, s->slo->limit_us);

        return (struct trial){
                .rate = s->state.next,
                .answered_per_s = f->requests_per_s,
                .share = share,
                .quantile_us = hdr_quantile_us(&r->latency, s->slo->quantile),
                .p50_us = hdr_quantile_us(&r->latency, 0.5),
                .errors = figures_errors(r),
                .unsent = r->tally->unsent,
                .held = share >= s->slo->quantile,
                .doubtful = f->n_doubts > 0,
        };
}

static int keep_json(struct search *s, const struct load_result *r, const struct figures *f, const struct trial *t, struct error *e) {
        json_object *run;

        if (!s->runs)
                return 0;
        run = json_run(s->plan, r, f);
        if (!run || json_object_object_add(run, "held", json_object_new_boolean(t->held)) < 0 ||
            json_object_object_add(run, "share_within", json_object_new_double(t->share)) < 0 || json_object_array_add(s->runs, run) < 0) {
                (void)json_object_put(run);
                return error_set(e, -ENOMEM, "no memory for JSON");
        }
        return 0;
}

static int try_rate(struct search *s, struct progress *progress, struct load_result *r, struct error *e) {
        struct load_watcher memory;
        struct figures f;
        char prefix[64];
        int result;

        s->plan->rate = s->state.next;
        (void)snprintf(prefix, sizeof prefix, "try %u, %.6g/s: ", s->state.tries + 1, s->plan->rate);
        progress_begin(progress, stderr, s->plan, prefix);
        result = load_run(s->plan, progress_watcher(progress, &memory), NULL, r, e);
        progress_end(progress);
        if (result < 0)
                return result;
        f = figures_of(s->plan, r);
        s->interrupted = r->interrupted;
        s->trials[s->n] = judge(s, r, &f);
        result = keep_json(s, r, &f, &s->trials[s->n], e);
        s->n++;
        load_result_deinit(r);
        return result;
}

static void print_table(const struct search *s) {
        char p50[HUMAN_BYTES], quantile[HUMAN_BYTES], name[HUMAN_BYTES];

        (void)snprintf(name, sizeof name, "p%.6g", 100 * s->slo->quantile);
        (void)printf("%12s %12s %10s %10s %10s %8s %8s\n", "asked/s", "answered/s", "p50", name, "within", "errors", "unsent");
        for (size_t i = 0; i < s->n; i++) {
                const struct trial *t = &s->trials[i];

                (void)printf("%12.6g %12.6g %10s %10s %8.3f %% %8" PRIu64 " %8" PRIu64 "  %s%s\n", t->rate, t->answered_per_s,
                             human_time(t->p50_us, p50), human_time(t->quantile_us, quantile), 100 * t->share, t->errors, t->unsent, t->held ? "held" : "not held",
                             t->doubtful ? ", doubtful" : "");
        }
        if (s->state.held > 0)
                (void)printf("%s holds up to %.6g requests/s", s->slo->text, s->state.held);
        else
                (void)printf("%s does not hold at any rate that was tried", s->slo->text);
        if (s->state.failed > 0 && s->state.held > 0)
                (void)printf(", and not at %.6g", s->state.failed);
        (void)printf("%s\n", s->interrupted ? " (interrupted)" : "");
}

static int print_json(const struct search *s, struct error *e) {
        json_object *o = json_object_new_object();
        int r = 0;

        if (!o || json_object_object_add(o, "schema", json_object_new_string("restmark-load-slo/1")) < 0 ||
            json_object_object_add(o, "version", json_object_new_string(RESTMARK_VERSION)) < 0 ||
            json_object_object_add(o, "slo", json_object_new_string(s->slo->text)) < 0 ||
            json_object_object_add(o, "held_per_s", s->state.held > 0 ? json_object_new_double(s->state.held) : NULL) < 0 ||
            json_object_object_add(o, "not_held_per_s", s->state.failed > 0 ? json_object_new_double(s->state.failed) : NULL) < 0 ||
            json_object_object_add(o, "interrupted", json_object_new_boolean(s->interrupted)) < 0 ||
            json_object_object_add(o, "tries", json_object_get(s->runs)) < 0)
                r = error_set(e, -ENOMEM, "no memory for JSON");
        else
                (void)printf("%s\n", json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
        (void)json_object_put(o);
        return r;
}

int search_run(struct load_plan *plan, const struct slo *slo, bool json, struct error *e) {
        struct search s = { .plan = plan, .slo = slo, .state = slo_begin(plan->rate), .runs = json ? json_object_new_array() : NULL };
        struct load_result *r = malloc(sizeof *r);
        struct progress *progress = malloc(sizeof *progress);
        bool more = true;
        int result = r && progress && (s.runs || !json) ? 0 : error_set(e, -ENOMEM, "no memory for a search");

        while (result == 0 && more) {
                result = try_rate(&s, progress, r, e);
                if (result == 0 && s.interrupted)
                        s.n--, more = false; /* cut short, it is no verdict */
                else if (result == 0)
                        more = slo_take(&s.state, s.trials[s.n - 1].held);
        }
        if (result == 0 && json)
                result = print_json(&s, e);
        else if (result == 0)
                print_table(&s);
        (void)json_object_put(s.runs);
        free(progress);
        free(r);
        return result < 0 ? result : s.state.held > 0;
}
