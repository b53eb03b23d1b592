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
        double rate, answered_per_s;
        double shares[SLO_LEVELS_MAX]; /* within each level's limit */
        uint64_t quantiles_us[SLO_LEVELS_MAX];
        uint64_t p50_us, errors, unsent;
        unsigned int broken; /* the levels that did not hold, a bit each */
        bool doubtful;
};

struct search {
        struct load_plan *plan;
        const struct slo_set *slo;
        struct slo_search state;
        struct trial trials[SLO_TRIES_MAX];
        size_t n;
        bool interrupted;
        json_object *runs; /* NULL: no JSON is wanted */
};

static struct trial judge(const struct search *s, const struct load_result *r, const struct figures *f) {
        struct trial t = {
                .rate = s->state.next,
                .answered_per_s = f->requests_per_s,
                .p50_us = hdr_quantile_us(&r->latency, 0.5),
                .errors = figures_errors(r),
                .unsent = r->tally->unsent,
                .doubtful = f->n_doubts > 0,
        };

        for (size_t i = 0; i < s->slo->n; i++) {
                t.shares[i] = figures_share_within(r, s->slo->at[i].limit_us);
                t.quantiles_us[i] = hdr_quantile_us(&r->latency, s->slo->at[i].quantile);
        }
        t.broken = slo_judge(s->slo, t.shares);
        return t;
}

/* Adds `value` to `o`; NULL is no memory. */
static bool put(json_object *o, const char *key, json_object *value) {
        if (value && json_object_object_add(o, key, value) == 0)
                return true;
        (void)json_object_put(value);
        return false;
}

/* A list with an object for each level. NULL: no memory. */
static json_object *levels(const struct search *s, const struct trial *t) {
        json_object *list = json_object_new_array();

        for (size_t i = 0; list && i < s->slo->n; i++) {
                json_object *o = json_object_new_object();

                if (!o || !put(o, "slo", json_object_new_string(s->slo->at[i].text)) || !put(o, "held", json_object_new_boolean(!(t->broken >> i & 1))) ||
                    !put(o, "share_within", json_object_new_double(t->shares[i])) || json_object_array_add(list, o) < 0) {
                        (void)json_object_put(o);
                        (void)json_object_put(list);
                        return NULL;
                }
        }
        return list;
}

static int keep_json(struct search *s, const struct load_result *r, const struct figures *f, const struct trial *t, struct error *e) {
        json_object *run;

        if (!s->runs)
                return 0;
        run = json_run(s->plan, r, f);
        if (!run || !put(run, "held", json_object_new_boolean(t->broken == 0)) || !put(run, "levels", levels(s, t)) ||
            json_object_array_add(s->runs, run) < 0) {
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

/* The try at the lowest rate that did not hold; NULL: each held. */
static const struct trial *lowest_broken(const struct search *s) {
        for (size_t i = 0; i < s->n; i++)
                if (s->trials[i].broken && s->trials[i].rate == s->state.failed)
                        return &s->trials[i];
        return NULL;
}

/* Names the levels that did not hold, as in "p99=50ms and p50=10ms". */
static void print_broken(const struct search *s, unsigned int broken) {
        const char *before = "";

        for (size_t i = 0; i < s->slo->n; i++)
                if (broken >> i & 1) {
                        (void)printf("%s%s", before, s->slo->at[i].text);
                        before = " and ";
                }
}

static void print_trial(const struct search *s, const struct trial *t) {
        char time[HUMAN_BYTES];

        (void)printf("%12.6g %12.6g %10s", t->rate, t->answered_per_s, human_time(t->p50_us, time));
        for (size_t i = 0; i < s->slo->n; i++)
                (void)printf(" %10s %8.3f %%", human_time(t->quantiles_us[i], time), 100 * t->shares[i]);
        (void)printf(" %8" PRIu64 " %8" PRIu64 "  %s", t->errors, t->unsent, t->broken ? "not held" : "held");
        if (t->broken && s->slo->n > 1) {
                (void)fputs(": ", stdout);
                print_broken(s, t->broken);
        }
        (void)puts(t->doubtful ? ", doubtful" : "");
}

/* "p50=10ms,p99=50ms hold up to 900 requests/s, and not at 915: p99=50ms does not" */
static void print_verdict(const struct search *s) {
        const struct trial *broken = lowest_broken(s);
        bool several = s->slo->n > 1;
        char text[SLO_TEXT_BYTES];

        (void)fputs(slo_text(s->slo, text), stdout);
        if (s->state.held > 0)
                (void)printf(several ? " hold up to %.6g requests/s" : " holds up to %.6g requests/s", s->state.held);
        else
                (void)printf(several ? " do not hold together at any rate that was tried" : " does not hold at any rate that was tried");
        if (broken && s->state.held > 0)
                (void)printf(", and not at %.6g", s->state.failed);
        if (broken && several) {
                (void)printf(s->state.held > 0 ? ": bound by " : ": at %.6g bound by ", broken->rate);
                print_broken(s, broken->broken);
        }
        (void)puts(s->interrupted ? " (interrupted)" : "");
}

static void print_table(const struct search *s) {
        char name[HUMAN_BYTES];

        (void)printf("%12s %12s %10s", "asked/s", "answered/s", "p50");
        for (size_t i = 0; i < s->slo->n; i++) {
                (void)snprintf(name, sizeof name, "p%.6g", 100 * s->slo->at[i].quantile);
                (void)printf(" %10s %10s", name, "within");
        }
        (void)printf(" %8s %8s\n", "errors", "unsent");
        for (size_t i = 0; i < s->n; i++)
                print_trial(s, &s->trials[i]);
        print_verdict(s);
}

/* The levels that did not hold at the lowest rate that did not; an empty list: each rate held. NULL: no memory. */
static json_object *bound_by(const struct search *s) {
        const struct trial *t = lowest_broken(s);
        json_object *list = json_object_new_array();

        for (size_t i = 0; list && t && i < s->slo->n; i++)
                if (t->broken >> i & 1 && json_object_array_add(list, json_object_new_string(s->slo->at[i].text)) < 0) {
                        (void)json_object_put(list);
                        return NULL;
                }
        return list;
}

/* A rate, or null for none. */
static bool put_rate(json_object *o, const char *key, double rate) {
        return rate > 0 ? put(o, key, json_object_new_double(rate)) : json_object_object_add(o, key, NULL) == 0;
}

static int print_json(const struct search *s, struct error *e) {
        json_object *o = json_object_new_object();
        char text[SLO_TEXT_BYTES];
        int r = 0;

        if (!o || !put(o, "schema", json_object_new_string("restmark-load-slo/1")) || !put(o, "version", json_object_new_string(RESTMARK_VERSION)) ||
            !put(o, "slo", json_object_new_string(slo_text(s->slo, text))) || !put_rate(o, "held_per_s", s->state.held) ||
            !put_rate(o, "not_held_per_s", s->state.failed) || !put(o, "bound_by", bound_by(s)) ||
            !put(o, "interrupted", json_object_new_boolean(s->interrupted)) || !put(o, "tries", json_object_get(s->runs)))
                r = error_set(e, -ENOMEM, "no memory for JSON");
        else
                (void)printf("%s\n", json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
        (void)json_object_put(o);
        return r;
}

int search_run(struct load_plan *plan, const struct slo_set *slo, bool json, struct error *e) {
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
                        more = slo_take(&s.state, s.trials[s.n - 1].broken == 0);
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
