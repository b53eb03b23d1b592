#include "ctl/sample.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/status.h"

static json_object *member(const json_object *object, const char *name, json_type type) {
        json_object *value = NULL;

        if (!object || !json_object_is_type(object, json_type_object) || !json_object_object_get_ex(object, name, &value) ||
            !json_object_is_type(value, type))
                return NULL;
        return value;
}

/* Returns whether it is there; null and whatever else is not a number count as not known. */
static bool read_number(const json_object *object, const char *name, uint64_t *ret) {
        const json_object *value = member(object, name, json_type_int);

        if (value)
                *ret = json_object_get_uint64(value);
        return value != NULL;
}

static void read_text(const json_object *object, const char *name, char *text, size_t size) {
        json_object *value = member(object, name, json_type_string);

        (void)snprintf(text, size, "%s", value ? json_object_get_string(value) : "?");
}

static void read_process(const json_object *object, const char *pid_name, struct sample_process *p) {
        const json_object *memory = member(object, "memory", json_type_object);
        uint64_t pid = 0;

        (void)read_number(object, pid_name, &pid);
        p->pid = (uint32_t)pid;
        p->has_cpu = read_number(object, "cpu_ns", &p->cpu_ns);
        p->has_memory = read_number(memory, "rss_bytes", &p->rss_bytes) && read_number(memory, "pss_bytes", &p->pss_bytes);
}

/* A daemon of another version may count in other buckets: its durations are then not known. */
static void add_durations(const json_object *route, struct histogram *h) {
        json_object *counts = member(route, "durations", json_type_array);

        if (!counts || json_object_array_length(counts) != RESTMARK_DURATION_BUCKETS)
                return;
        for (size_t i = 0; i < RESTMARK_DURATION_BUCKETS; i++)
                h->counts[i] += json_object_get_uint64(json_object_array_get_idx(counts, i));
}

static void read_counts(const json_object *object, struct sample_counts *counts) {
        json_object *routes = member(object, "routes", json_type_object);

        if (!routes)
                return;
        json_object_object_foreach(routes, name, route) {
                uint64_t requests = 0, errors_4xx = 0, errors_5xx = 0, aborted = 0;

                (void)name;
                (void)read_number(route, "requests", &requests);
                (void)read_number(route, "errors_4xx", &errors_4xx);
                (void)read_number(route, "errors_5xx", &errors_5xx);
                (void)read_number(route, "aborted", &aborted);
                counts->requests += requests;
                counts->errors += errors_4xx + errors_5xx;
                counts->aborted += aborted;
                add_durations(route, &counts->durations);
        }
}

static void read_worker(const json_object *object, unsigned int slot, bool beside, struct sample_worker *w) {
        uint64_t since_ms;

        w->slot = slot;
        w->beside = beside;
        read_text(object, "state", w->state, sizeof w->state);
        w->is_unresponsive = read_number(object, "unresponsive_since_unix_ms", &since_ms);
        w->is_in_crash_loop = json_object_get_boolean(member(object, "crash_loop", json_type_boolean));
        read_process(object, "pid", &w->process);
        (void)read_number(object, "generation", &w->generation);
        (void)read_number(object, "started_unix_ms", &w->started_unix_ms);
        (void)read_number(object, "connections", &w->connections);
        (void)read_number(object, "restarts", &w->restarts);
        read_counts(object, &w->counts);
}

static void read_store(const json_object *object, struct sample_store *s) {
        static const char *const failures[] = { "away", "refused", "late", "wrong", "forgotten" };
        uint64_t connects = 0, lost = 0;

        (void)read_number(object, "connections", &s->connections);
        (void)read_number(object, "busy", &s->busy);
        (void)read_number(object, "waiting", &s->waiting);
        (void)read_number(object, "connects", &connects);
        (void)read_number(object, "lost", &lost);
        s->is_used = connects + lost > 0;
        for (size_t i = 0; i < sizeof failures / sizeof *failures; i++) {
                uint64_t n = 0;

                (void)read_number(object, failures[i], &n);
                s->failures += n;
        }
        add_durations(object, &s->durations);
}

static void read_rpc(const json_object *object, struct sample_rpc *rpc) {
        (void)read_number(object, "calls", &rpc->calls);
        (void)read_number(object, "connections", &rpc->connections);
}

static void read_head(const json_object *root, struct sample *s) {
        read_text(root, "version", s->version, sizeof s->version);
        read_text(root, "state", s->state, sizeof s->state);
        (void)read_number(root, "started_unix_ms", &s->started_unix_ms);
        (void)read_number(root, "now_unix_ms", &s->now_unix_ms);
        (void)read_number(root, "generation", &s->generation);
        read_process(root, "master_pid", &s->master);
        read_counts(root, &s->counts);
        read_rpc(member(root, "rpc", json_type_object), &s->rpc);
        for (int i = 0; i < RESTMARK_STORE_COUNT; i++)
                read_store(member(member(root, "stores", json_type_object), status_store_name((enum restmark_store)i), json_type_object), &s->stores[i]);
}

static void read_workers(json_object *workers, struct sample *s) {
        size_t n = json_object_array_length(workers);

        for (size_t i = 0; i < n; i++) {
                json_object *worker = json_object_array_get_idx(workers, i), *beside = member(worker, "beside", json_type_object);
                struct sample_worker *w = &s->workers[s->n_workers++];
                uint64_t slot = i;

                (void)read_number(worker, "slot", &slot);
                read_worker(worker, (unsigned int)slot, false, w);
                if (!beside)
                        continue;
                read_worker(beside, (unsigned int)slot, true, &s->workers[s->n_workers++]);
                /* The slot counts the connections of both. */
                w->connections -= w[1].connections < w->connections ? w[1].connections : w->connections;
        }
}

int sample_parse(const char *json, uint64_t taken_ns, struct sample **ret, struct error *e) {
        json_object *root = json_tokener_parse(json), *workers = member(root, "workers", json_type_array);
        struct sample *s;

        if (!workers || !member(root, "routes", json_type_object)) {
                (void)json_object_put(root);
                return error_set(e, -EBADMSG, "the daemon's status is not what this restmarkctl knows: is it another version?");
        }
        s = calloc(1, sizeof *s + 2 * json_object_array_length(workers) * sizeof s->workers[0]);
        if (s) {
                s->taken_ns = taken_ns;
                read_head(root, s);
                read_workers(workers, s);
        }
        (void)json_object_put(root);
        if (!s)
                return error_set_errno(e, ENOMEM, "cannot keep the daemon's status");
        *ret = s;
        return 0;
}

struct sample *sample_free(struct sample *sample) {
        free(sample);
        return NULL;
}
