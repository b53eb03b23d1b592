#include "view/json.h"

#include <restmark/version.h>
#include <stdlib.h>

#include "latency/hdr_log.h"

/* json-c says of each step whether there was memory; here one flag does for all of them. */
struct maker {
        bool failed;
};

static void put(struct maker *m, json_object *to, const char *key, json_object *value, bool is_null) {
        if ((!value && !is_null) || json_object_object_add(to, key, value) < 0) {
                m->failed = true;
                (void)json_object_put(value);
        }
}

static void put_number(struct maker *m, json_object *to, const char *key, uint64_t value) {
        put(m, to, key, json_object_new_uint64(value), false);
}

static void put_real(struct maker *m, json_object *to, const char *key, double value) {
        char text[32];

        (void)snprintf(text, sizeof text, "%.9g", value);
        put(m, to, key, json_object_new_double_s(value, text), false);
}

static void put_text(struct maker *m, json_object *to, const char *key, const char *value) {
        put(m, to, key, json_object_new_string(value), false);
}

static void put_flag(struct maker *m, json_object *to, const char *key, bool value) {
        put(m, to, key, json_object_new_boolean(value), false);
}

static void put_null(struct maker *m, json_object *to, const char *key) {
        put(m, to, key, NULL, true);
}

static void put_count(struct maker *m, json_object *to, const char *key, uint64_t value) {
        if (value > 0) /* a list of what there is */
                put_number(m, to, key, value);
}

/* A new object below `to`. */
static json_object *child(struct maker *m, json_object *to, const char *key) {
        json_object *o = json_object_new_object();

        put(m, to, key, o, false);
        return o;
}

static void put_quantiles(struct maker *m, json_object *to, const struct hdr *h) {
        json_object *quantiles = child(m, to, "quantiles_us");

        for (size_t i = 0; i < FIGURES_QUANTILES; i++)
                put_number(m, quantiles, figures_quantiles[i].name, hdr_quantile_us(h, figures_quantiles[i].quantile));
}

/* Without a value there are no figures. */
static void put_histogram(struct maker *m, json_object *to, const char *key, const struct hdr *h, bool whole) {
        struct hdr_summary s = hdr_summarise(h);
        json_object *o;
        char *encoded;

        if (s.count == 0) {
                put_null(m, to, key);
                return;
        }
        o = child(m, to, key);
        put_number(m, o, "count", s.count);
        put_number(m, o, "clamped", h->clamped);
        put_number(m, o, "min_us", s.min_us);
        put_real(m, o, "mean_us", s.mean_us);
        put_real(m, o, "stdev_us", s.stdev_us);
        put_number(m, o, "max_us", s.max_us);
        put_quantiles(m, o, h);
        if (!whole)
                return;
        encoded = hdr_encode(h);
        if (encoded)
                put_text(m, o, "hdr_v2_base64", encoded);
        else
                m->failed = true;
        free(encoded);
}

static void put_plan(struct maker *m, json_object *to, const struct load_plan *p) {
        json_object *o = child(m, to, "plan"), *cpus = json_object_new_array();

        put_text(m, o, "loop", p->rate <= 0 ? "closed" : p->poisson ? "poisson" : "constant");
        if (p->rate > 0)
                put_real(m, o, "rate_per_s", p->rate);
        else
                put_null(m, o, "rate_per_s");
        put_number(m, o, "connections", p->connections);
        put_number(m, o, "threads", p->threads);
        put(m, o, "cpus", cpus, false);
        for (size_t i = 0; cpus && i < p->cpus.n; i++)
                if (json_object_array_add(cpus, json_object_new_uint64(p->cpus.at[i])) < 0)
                        m->failed = true;
        put_number(m, o, "pipeline", p->depth);
        put_number(m, o, "duration_ns", p->duration_ns);
        put_number(m, o, "requests", p->requests);
        put_number(m, o, "timeout_ns", p->timeout_ns);
        put_number(m, o, "think_ns", p->think_ns);
        put_number(m, o, "reconnect", p->reconnect);
        put_number(m, o, "seed", p->seed);
        put_number(m, o, "part", p->part + 1u);
        put_number(m, o, "parts", p->parts);
}

static void put_requests(struct maker *m, json_object *to, const struct load_result *r, const struct figures *f) {
        const struct load_tally *t = r->tally;
        json_object *o = child(m, to, "requests"), *failures, *statuses, *troubles, *connections;

        put_number(m, o, "sent", t->sent);
        put_number(m, o, "answered", t->answered);
        put_number(m, o, "answered_while_sending", t->in_window);
        put_number(m, o, "failed", t->failed);
        put_number(m, o, "unsent", t->unsent);
        put_number(m, o, "compared", t->compared);
        put_real(m, to, "requests_per_s", f->requests_per_s);
        put_real(m, to, "in_flight_mean", f->in_flight);
        put_number(m, to, "received_bytes", t->received_bytes);
        put_number(m, to, "body_bytes", t->body_bytes);
        failures = child(m, to, "failures");
        for (int i = 0; i < LOAD_FAILURES; i++)
                put_count(m, failures, load_failure_name((enum load_failure)i), t->failures[i]);
        statuses = child(m, to, "wrong_statuses");
        for (int i = 0; i < LOAD_STATUSES; i++) {
                char status[16];

                (void)snprintf(status, sizeof status, "%d", i);
                put_count(m, statuses, status, t->statuses[i]);
        }
        troubles = child(m, to, "troubles");
        for (size_t i = 0; i < LOAD_TROUBLES; i++)
                put_count(m, troubles, load_trouble_names[i], t->troubles[i]);
        connections = child(m, to, "connections");
        put_number(m, connections, "opened", t->opened);
        put_number(m, connections, "closed_by_server", t->closed_by_server);
}

static void put_targets(struct maker *m, json_object *to, const struct load_plan *p, const struct load_result *r) {
        json_object *targets = json_object_new_array();

        put(m, to, "targets", targets, false);
        for (size_t i = 0; i < p->mix.n; i++) {
                json_object *o = json_object_new_object();

                if (json_object_array_add(targets, o) < 0) {
                        m->failed = true;
                        (void)json_object_put(o);
                        return;
                }
                put_text(m, o, "target", p->mix.requests[i].target);
                put_number(m, o, "weight", p->mix.requests[i].weight);
                put_flag(m, o, "bytes_known", p->expected[i].known);
                put_number(m, o, "answered", r->tally->targets[i].answered);
                put_number(m, o, "failed", r->tally->targets[i].failed);
                put_histogram(m, o, "latency", &r->tally->targets[i].latency, p->mix.n > 1);
        }
}

static void put_late(struct maker *m, json_object *to, const struct load_plan *p, const struct load_result *r, const struct figures *f) {
        json_object *o;

        if (p->rate <= 0) {
                put_null(m, to, "schedule");
                return;
        }
        o = child(m, to, "schedule");
        put_histogram(m, o, "late", &r->tally->late, false);
        put_flag(m, o, "doubtful", f->late);
        put_number(m, o, "waited_for_connection", r->tally->waited);
        put_number(m, o, "waited_for_connection_max_ns", r->tally->waited_max_ns);
}

static void put_client(struct maker *m, json_object *to, const struct load_result *r, const struct figures *f) {
        json_object *o = child(m, to, "client"), *calls;

        put_number(m, o, "cpu_ns", r->usage.cpu_ns);
        put_number(m, o, "user_us", r->usage.user_us);
        put_number(m, o, "system_us", r->usage.system_us);
        put_real(m, o, "cpu_us_per_request", f->cpu_us_per_request);
        put_real(m, o, "busy_share", f->busy);
        if (r->usage.has_wait)
                put_number(m, o, "run_queue_wait_ns", r->usage.wait_ns);
        else
                put_null(m, o, "run_queue_wait_ns");
        put_number(m, o, "context_switches", r->usage.switches);
        put_number(m, o, "preemptions", r->usage.preemptions);
        calls = child(m, o, "system_calls");
        for (size_t i = 0; i < LOAD_SYSCALLS; i++)
                put_number(m, calls, load_syscall_names[i], r->tally->syscalls[i]);
        put_real(m, o, "system_calls_per_request", f->syscalls_per_request);
}

json_object *json_run(const struct load_plan *plan, const struct load_result *r, const struct figures *f) {
        json_object *o = json_object_new_object(), *doubts = json_object_new_array();
        struct maker m = { .failed = !o || !doubts };

        if (m.failed) {
                (void)json_object_put(o);
                (void)json_object_put(doubts);
                return NULL;
        }
        put_text(&m, o, "schema", "restmark-load/1");
        put_text(&m, o, "version", RESTMARK_VERSION);
        put_text(&m, o, "address", plan->address.text);
        put_plan(&m, o, plan);
        put_number(&m, o, "start_realtime_ms", r->start_realtime_ns / 1000000);
        put_number(&m, o, "start_realtime_ns", r->start_realtime_ns);
        put_number(&m, o, "start_monotonic_ns", r->start_monotonic_ns);
        put_number(&m, o, "sending_ns", r->sending_ns);
        put_number(&m, o, "total_ns", r->total_ns);
        put_flag(&m, o, "interrupted", r->interrupted);
        put_requests(&m, o, r, f);
        put_histogram(&m, o, "latency", &r->latency, true);
        put_histogram(&m, o, "given_up", &r->tally->given_up, false);
        put_targets(&m, o, plan, r);
        put_late(&m, o, plan, r, f);
        put_client(&m, o, r, f);
        put(&m, o, "doubts", doubts, false);
        for (size_t i = 0; i < f->n_doubts; i++)
                if (json_object_array_add(doubts, json_object_new_string(f->doubts[i])) < 0)
                        m.failed = true;
        if (m.failed) {
                (void)json_object_put(o);
                return NULL;
        }
        return o;
}

static void put_sources(struct maker *m, json_object *to, const struct merge *merge) {
        json_object *files = json_object_new_array();

        put(m, to, "files", files, false);
        for (size_t i = 0; files && i < merge->n_sources; i++) {
                json_object *o = json_object_new_object();

                if (json_object_array_add(files, o) < 0) {
                        m->failed = true;
                        (void)json_object_put(o);
                        return;
                }
                put_text(m, o, "file", merge->sources[i].name);
                put_number(m, o, "histograms", merge->sources[i].histograms);
                put_number(m, o, "count", merge->sources[i].count);
        }
}

json_object *json_merge(const struct merge *merge) {
        json_object *o = json_object_new_object(), *latency = NULL;
        struct maker m = { .failed = !o };

        if (!o)
                return NULL;
        put_text(&m, o, "schema", "restmark-load-merge/1");
        put_text(&m, o, "version", RESTMARK_VERSION);
        put_sources(&m, o, merge);
        put_number(&m, o, "histograms", merge->n_parts);
        put_number(&m, o, "start_realtime_ms", merge->start_ms);
        put_number(&m, o, "total_ns", (merge->end_ms - merge->start_ms) * 1000000);
        put_histogram(&m, o, "latency", &merge->latency, true);
        if (json_object_object_get_ex(o, "latency", &latency) && latency && !merge->clamped_known)
                put_null(&m, latency, "clamped");
        if (m.failed) {
                (void)json_object_put(o);
                return NULL;
        }
        return o;
}
