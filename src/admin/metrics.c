#include "admin/metrics.h"

#include <inttypes.h>
#include <restmark/version.h>
#include <stddef.h>

#include "admin/exposition.h"
#include "base/clock.h"
#include "shared/histogram.h"
#include "shared/scoreboard.h"
#include "shared/status.h"
#include "shared/store_cell.h"
#include "shared/sums.h"

/* A number of struct restmark_route_cell that only grows. */
struct count {
        const char *class; /* a label of the family that it is in, or "" */
        size_t offset;
};

#define FIELD(name) offsetof(struct restmark_route_cell, name)

struct writer {
        const struct restmark_scoreboard *board;
        struct exposition out;
};

/* ---- sums ---- */

static uint64_t field_of(const struct restmark_worker_cell *worker, int route, size_t offset) {
        return cell_get((const _Atomic uint64_t *)(const void *)((const char *)&worker->routes[route] + offset));
}

/* With the numbers of the slot's dead workers, so that no counter goes back when one dies. */
static uint64_t sum_slot(const struct restmark_slot *slot, int route, size_t offset) {
        uint64_t n = field_of(&slot->slot.past, route, offset);

        for (int seat = 0; seat < RESTMARK_SEATS; seat++)
                n += field_of(&slot->workers[seat], route, offset);
        return n;
}

/* ---- what the daemon is ---- */

static void write_daemon(struct writer *w) {
        const struct restmark_scoreboard *board = w->board;
        uint32_t states[RESTMARK_SLOT_STATE_COUNT] = { 0 };

        exposition_begin(&w->out, METRIC_INFO, "restmark_build", "The version of restmarkd.");
        exposition_put(&w->out, "version=\"" RESTMARK_VERSION "\"", 1);
        exposition_begin(&w->out, METRIC_GAUGE, "restmark_up", "1 while it serves, 0 while it stops.");
        exposition_put(&w->out, "", !board->stopping);
        exposition_begin(&w->out, METRIC_GAUGE, "restmark_start_time_seconds", "When the master started, in Unix time.");
        exposition_put_seconds(&w->out, "", cell_get(&board->started_ms) * 1000000);
        exposition_begin(&w->out, METRIC_GAUGE, "restmark_generation", "The number of the configuration that serves: 1 at the start, one more for each reload.");
        exposition_put(&w->out, "", board->generation);
        exposition_begin(&w->out, METRIC_COUNTER, "restmark_reloads", "Reloads, by how they ended.");
        exposition_put(&w->out, "result=\"ok\"", cell_get(&board->reloads_ok));
        exposition_put(&w->out, "result=\"failed\"", cell_get(&board->reloads_failed));
        exposition_begin(&w->out, METRIC_GAUGE, "restmark_workers", "Worker slots, by the state of their worker.");
        for (uint32_t i = 0; i < board->n_slots; i++)
                states[board->slots[i].slot.seats[board->slots[i].slot.primary].state]++;
        for (enum restmark_slot_state state = 0; state < RESTMARK_SLOT_STATE_COUNT; state++)
                exposition_put(&w->out, labels_of("state=\"%s\"", status_slot_state_name(state)).text, states[state]);
}

/* ---- requests, by route and by slot ---- */

static const struct count requests = { "", FIELD(requests) }, client_errors = { "4xx", FIELD(errors_4xx) },
                          server_errors = { "5xx", FIELD(errors_5xx) }, aborted = { "", FIELD(aborted) }, body_bytes = { "", FIELD(bytes) },
                          work_ns = { "", FIELD(busy_ns) };

static void write_routes(const struct writer *w, const struct count *count) {
        for (int route = 0; route < RESTMARK_ROUTE_COUNT; route++) {
                const char *name = status_route_name((enum restmark_route)route);
                struct labels labels = *count->class ? labels_of("route=\"%s\",class=\"%s\"", name, count->class) : labels_of("route=\"%s\"", name);
                uint64_t n = 0;

                for (uint32_t i = 0; i < w->board->n_slots_used; i++)
                        n += sum_slot(&w->board->slots[i], route, count->offset);
                if (count == &work_ns)
                        exposition_put_seconds(&w->out, labels.text, n);
                else
                        exposition_put(&w->out, labels.text, n);
        }
}

static void write_slots(const struct writer *w, const struct count *count) {
        for (uint32_t i = 0; i < w->board->n_slots; i++) {
                uint64_t n = 0;

                for (int route = 0; route < RESTMARK_ROUTE_COUNT; route++)
                        n += sum_slot(&w->board->slots[i], route, count->offset);
                exposition_put(&w->out, (*count->class ? labels_of("slot=\"%" PRIu32 "\",class=\"%s\"", i, count->class) : labels_of("slot=\"%" PRIu32 "\"", i)).text, n);
        }
}

static void write_by_route(struct writer *w) {
        exposition_begin(&w->out, METRIC_COUNTER, "restmark_requests", "Requests that were answered or aborted.");
        write_routes(w, &requests);
        exposition_begin(&w->out, METRIC_COUNTER, "restmark_request_errors", "Answers with a status from 400 on.");
        write_routes(w, &client_errors);
        write_routes(w, &server_errors);
        exposition_begin(&w->out, METRIC_COUNTER, "restmark_requests_aborted", "Requests whose connection broke, or whose time was over, before they were answered.");
        write_routes(w, &aborted);
        exposition_begin(&w->out, METRIC_COUNTER, "restmark_response_body_bytes", "Bytes of bodies that were sent.");
        write_routes(w, &body_bytes);
        exposition_begin(&w->out, METRIC_COUNTER, "restmark_work_seconds", "Time that workers spent on the workloads themselves.");
        write_routes(w, &work_ns);
        exposition_begin(&w->out, METRIC_HISTOGRAM, "restmark_request_duration_seconds", "From the request line to the end of the answer, or to where the request was aborted.");
        for (int route = 0; route < RESTMARK_ROUTE_COUNT; route++) {
                struct histogram h = { 0 };

                for (uint32_t i = 0; i < w->board->n_slots_used; i++)
                        histogram_add_slot(&h, &w->board->slots[i], (enum restmark_route)route);
                exposition_put_histogram(&w->out, labels_of("route=\"%s\"", status_route_name((enum restmark_route)route)).text, &h);
        }
}

static void write_by_slot(struct writer *w) {
        const struct restmark_scoreboard *board = w->board;

        exposition_begin(&w->out, METRIC_COUNTER, "restmark_worker_requests", "Requests that were answered or aborted by a slot's workers.");
        write_slots(w, &requests);
        exposition_begin(&w->out, METRIC_COUNTER, "restmark_worker_request_errors", "Answers of a slot's workers with a status from 400 on.");
        write_slots(w, &client_errors);
        write_slots(w, &server_errors);
        exposition_begin(&w->out, METRIC_COUNTER, "restmark_worker_requests_aborted", "Aborted requests of a slot's workers.");
        write_slots(w, &aborted);
        exposition_begin(&w->out, METRIC_HISTOGRAM, "restmark_worker_request_duration_seconds", "The same durations by slot, over all routes.");
        for (uint32_t i = 0; i < board->n_slots; i++) {
                struct histogram h = { 0 };

                for (int route = 0; route < RESTMARK_ROUTE_COUNT; route++)
                        histogram_add_slot(&h, &board->slots[i], (enum restmark_route)route);
                exposition_put_histogram(&w->out, labels_of("slot=\"%" PRIu32 "\"", i).text, &h);
        }
}

/* ---- connections and processes, by slot ---- */

static void write_connections(struct writer *w) {
        const struct restmark_scoreboard *board = w->board;

        exposition_begin(&w->out, METRIC_COUNTER, "restmark_connections_accepted", "Connections that a slot's workers have accepted.");
        for (uint32_t i = 0; i < board->n_slots; i++)
                exposition_put(&w->out, labels_of("slot=\"%" PRIu32 "\"", i).text,
                    cell_get(&board->slots[i].slot.past.accepted) + cell_get(&board->slots[i].workers[0].accepted) +
                            cell_get(&board->slots[i].workers[1].accepted));
        exposition_begin(&w->out, METRIC_GAUGE, "restmark_connections", "Open connections of a slot's workers.");
        for (uint32_t i = 0; i < board->n_slots; i++)
                exposition_put(&w->out, labels_of("slot=\"%" PRIu32 "\"", i).text,
                    cell_get(&board->slots[i].workers[0].connections) + cell_get(&board->slots[i].workers[1].connections));
        exposition_begin(&w->out, METRIC_COUNTER, "restmark_rpc_calls", "Of the requests of a slot's workers those that came as calls to the RPC port.");
        for (uint32_t i = 0; i < board->n_slots; i++)
                exposition_put(&w->out, labels_of("slot=\"%" PRIu32 "\"", i).text, sums_rpc_calls(&board->slots[i]));
        exposition_begin(&w->out, METRIC_GAUGE, "restmark_rpc_connections", "Of the open connections of a slot's workers those to the RPC port.");
        for (uint32_t i = 0; i < board->n_slots; i++)
                exposition_put(&w->out, labels_of("slot=\"%" PRIu32 "\"", i).text, sums_rpc_connections(&board->slots[i]));
        exposition_begin(&w->out, METRIC_GAUGE, "restmark_requests_waiting", "Requests of a slot's workers that wait for something else than their client.");
        for (uint32_t i = 0; i < board->n_slots; i++)
                exposition_put(&w->out, labels_of("slot=\"%" PRIu32 "\"", i).text, sums_waiting(&board->slots[i]));
        exposition_begin(&w->out, METRIC_GAUGE, "restmark_request_bodies_bytes", "Memory that the request bodies take which a slot's workers keep.");
        for (uint32_t i = 0; i < board->n_slots; i++)
                exposition_put(&w->out, labels_of("slot=\"%" PRIu32 "\"", i).text, sums_request_bodies(&board->slots[i]));
        exposition_begin(&w->out, METRIC_COUNTER, "restmark_connections_closed_unanswered", "Connections that have ended without an answer to the last request, by reason.");
        for (enum restmark_close why = 0; why < RESTMARK_CLOSE_COUNT; why++)
                exposition_put(&w->out, labels_of("reason=\"%s\"", status_close_name(why)).text, sums_closes(board, why));
        exposition_begin(&w->out, METRIC_COUNTER, "restmark_access_log_lost_lines", "Lines of the access log that could not be written.");
        exposition_put(&w->out, "", sums_lost_log_lines(board));
        exposition_begin(&w->out, METRIC_COUNTER, "restmark_worker_restarts", "Workers that replaced one that had died.");
        for (uint32_t i = 0; i < board->n_slots; i++)
                exposition_put(&w->out, labels_of("slot=\"%" PRIu32 "\"", i).text, board->slots[i].slot.restarts);
        exposition_begin(&w->out, METRIC_COUNTER, "restmark_worker_ends", "Workers that have ended, by what that is put down to.");
        for (enum restmark_cause cause = 0; cause < RESTMARK_CAUSE_COUNT; cause++) {
                uint64_t n = 0;

                for (uint32_t i = 0; i < board->n_slots_used; i++)
                        n += board->slots[i].slot.ends[cause];
                exposition_put(&w->out, labels_of("cause=\"%s\"", status_cause_name(cause)).text, n);
        }
}

/* ---- databases and caches, by slot ---- */

static const struct store_metric {
        enum metric_type type;
        const char *name, *help;
        size_t offset;
} store_metrics[] = {
        { METRIC_GAUGE, "restmark_store_connections", "Connections of a slot's workers to a database or cache.", offsetof(struct store_sums, connections) },
        { METRIC_GAUGE, "restmark_store_busy", "Questions that it is asked now.", offsetof(struct store_sums, busy) },
        { METRIC_GAUGE, "restmark_store_waiting", "Requests that wait for a connection to it.", offsetof(struct store_sums, waiting) },
        { METRIC_COUNTER, "restmark_store_connects", "Connections to it that were made.", offsetof(struct store_sums, connects) },
        { METRIC_COUNTER, "restmark_store_lost", "Connections to it that were lost, and attempts that have failed.", offsetof(struct store_sums, lost) },
};

static const struct {
        const char *outcome;
        size_t offset;
} store_outcomes[] = {
        { "good", offsetof(struct store_sums, good) },       { "away", offsetof(struct store_sums, away) }, { "refused", offsetof(struct store_sums, refused) },
        { "late", offsetof(struct store_sums, late) },       { "wrong", offsetof(struct store_sums, wrong) },
        { "forgotten", offsetof(struct store_sums, forgotten) },
};

static uint64_t number_at(const struct store_sums *sums, size_t offset) {
        return *(const uint64_t *)(const void *)((const char *)sums + offset);
}

struct store_labels {
        struct labels labels;
        struct store_sums sums;
};

static struct store_labels store_labels(const struct writer *w, uint32_t slot, enum restmark_store which) {
        struct store_labels s = { .labels = labels_of("store=\"%s\",slot=\"%" PRIu32 "\"", status_store_name(which), slot) };

        store_sums_add_slot(&s.sums, &w->board->slots[slot], which);
        return s;
}

/* Only of those that are used: most daemons have none. */
#define EACH_STORE(w, s)                                                                       \
        for (uint32_t i_ = 0; i_ < (w)->board->n_slots * RESTMARK_STORE_COUNT; i_++)               \
                for (struct store_labels s = store_labels(w, i_ / RESTMARK_STORE_COUNT, i_ % RESTMARK_STORE_COUNT), *once_ = &s; \
                     once_ && store_sums_is_used(&s.sums); once_ = NULL)

static void write_stores(struct writer *w) {
        const struct store_sums database = store_sums_of(w->board, RESTMARK_STORE_DATABASE), cache = store_sums_of(w->board, RESTMARK_STORE_CACHE);

        if (!store_sums_is_used(&database) && !store_sums_is_used(&cache))
                return;
        for (size_t m = 0; m < sizeof store_metrics / sizeof *store_metrics; m++) {
                exposition_begin(&w->out, store_metrics[m].type, store_metrics[m].name, store_metrics[m].help);
                EACH_STORE(w, s)
                        exposition_put(&w->out, s.labels.text, number_at(&s.sums, store_metrics[m].offset));
        }
        exposition_begin(&w->out, METRIC_COUNTER, "restmark_store_questions", "Questions to it, by how they ended.");
        for (size_t o = 0; o < sizeof store_outcomes / sizeof *store_outcomes; o++)
                EACH_STORE(w, s)
                        exposition_put(&w->out, labels_of("%s,outcome=\"%s\"", s.labels.text, store_outcomes[o].outcome).text, number_at(&s.sums, store_outcomes[o].offset));
        exposition_begin(&w->out, METRIC_COUNTER, "restmark_store_wait_seconds", "How long questions have waited for a connection, in all.");
        EACH_STORE(w, s)
                exposition_put_seconds(&w->out, s.labels.text, s.sums.wait_ns);
        exposition_begin(&w->out, METRIC_HISTOGRAM, "restmark_store_duration_seconds", "From a question that was sent to its answer.");
        EACH_STORE(w, s)
                exposition_put_histogram(&w->out, s.labels.text, &s.sums.durations);
}

static void write_queue(const struct writer *w, size_t offset) {
        for (uint32_t i = 0; i < w->board->n_slots; i++)
                for (uint32_t a = 0; a < w->board->n_listen; a++) {
                        const struct restmark_queue_cell *queue = &w->board->slots[i].slot.queues[a];

                        if (cell_get(&queue->limit) != 0)
                                exposition_put(&w->out, labels_of("address=\"%s\",slot=\"%" PRIu32 "\"", w->board->listen[a], i).text,
                                    cell_get((const _Atomic uint64_t *)(const void *)((const char *)queue + offset)));
                }
}

static void write_queues(struct writer *w) {
        exposition_begin(&w->out, METRIC_GAUGE, "restmark_listen_queue_connections", "Connections that wait to be accepted, by listening socket.");
        write_queue(w, offsetof(struct restmark_queue_cell, waiting));
        exposition_begin(&w->out, METRIC_GAUGE, "restmark_listen_queue_limit_connections", "How many may wait.");
        write_queue(w, offsetof(struct restmark_queue_cell, limit));
        exposition_begin(&w->out, METRIC_COUNTER, "restmark_listen_drops", "Connections that the kernel has turned away or lost, such as for a full queue.");
        write_queue(w, offsetof(struct restmark_queue_cell, drops));
}

/* The labels of a worker: during a replacement a slot has two. */
static struct labels worker_labels(const struct writer *w, uint32_t slot, uint32_t seat) {
        return labels_of("process=\"worker\",slot=\"%" PRIu32 "\",role=\"%s\"", slot,
                     seat == w->board->slots[slot].slot.primary ? "primary" : "beside");
}

static void write_memory(struct writer *w, const char *name, const char *help, size_t offset) {
        const struct restmark_scoreboard *board = w->board;

        exposition_begin(&w->out, METRIC_GAUGE, name, help);
        if (cell_get(&board->memory.sampled_ms) != 0)
                exposition_put(&w->out, "process=\"master\"", cell_get((const _Atomic uint64_t *)(const void *)((const char *)&board->memory + offset)));
        for (uint32_t i = 0; i < board->n_slots; i++)
                for (uint32_t seat = 0; seat < RESTMARK_SEATS; seat++) {
                        const struct restmark_seat_cell *cell = &board->slots[i].slot.seats[seat];

                        if (cell->pid && cell_get(&cell->memory.sampled_ms) != 0)
                                exposition_put(&w->out, worker_labels(w, i, seat).text,
                                    cell_get((const _Atomic uint64_t *)(const void *)((const char *)&cell->memory + offset)));
                }
}

static void write_trouble(struct writer *w) {
        const struct restmark_scoreboard *board = w->board;

        exposition_begin(&w->out, METRIC_GAUGE, "restmark_worker_unresponsive", "1 while a worker shows no sign of life and gets no connections, else 0.");
        for (uint32_t i = 0; i < board->n_slots; i++)
                for (uint32_t seat = 0; seat < RESTMARK_SEATS; seat++)
                        if (board->slots[i].slot.seats[seat].pid)
                                exposition_put(&w->out, worker_labels(w, i, seat).text, cell_get(&board->slots[i].slot.seats[seat].unresponsive_since_ms) != 0);
        exposition_begin(&w->out, METRIC_GAUGE, "restmark_worker_crash_loop", "1 while workers of the slot die as soon as they are ready, else 0.");
        for (uint32_t i = 0; i < board->n_slots; i++)
                exposition_put(&w->out, labels_of("slot=\"%" PRIu32 "\"", i).text, board->slots[i].slot.seats[board->slots[i].slot.primary].is_in_crash_loop != 0);
}

static void write_processes(struct writer *w) {
        const struct restmark_scoreboard *board = w->board;
        uint64_t now_ms = clock_monotonic_ms();

        exposition_begin(&w->out, METRIC_GAUGE, "restmark_worker_start_time_seconds", "When a worker started, in Unix time.");
        for (uint32_t i = 0; i < board->n_slots; i++)
                for (uint32_t seat = 0; seat < RESTMARK_SEATS; seat++)
                        if (board->slots[i].slot.seats[seat].pid)
                                exposition_put_seconds(&w->out, worker_labels(w, i, seat).text, cell_get(&board->slots[i].slot.seats[seat].started_ms) * 1000000);
        exposition_begin(&w->out, METRIC_GAUGE, "restmark_worker_heartbeat_age_seconds", "Since a worker's loop last turned, which it does once a second.");
        for (uint32_t i = 0; i < board->n_slots; i++)
                for (uint32_t seat = 0; seat < RESTMARK_SEATS; seat++) {
                        uint64_t beat_ms = cell_get(&board->slots[i].workers[seat].beat_ms);

                        if (board->slots[i].slot.seats[seat].pid && beat_ms != 0)
                                exposition_put_seconds(&w->out, worker_labels(w, i, seat).text, now_ms > beat_ms ? (now_ms - beat_ms) * 1000000 : 0);
                }
        write_trouble(w);
        write_memory(w, "restmark_process_rss_bytes", "Resident memory; shared pages count in full for each process.",
                     offsetof(struct restmark_memory_cell, rss_bytes));
        write_memory(w, "restmark_process_pss_bytes", "Memory with shared pages divided by the number of processes that share them.",
                     offsetof(struct restmark_memory_cell, pss_bytes));
        write_memory(w, "restmark_process_uss_bytes", "Memory that no other process shares.", offsetof(struct restmark_memory_cell, uss_bytes));
}

void metrics_write(const struct restmark_scoreboard *board, bool open_metrics, FILE *to) {
        struct writer w = { .board = board, .out = { .open_metrics = open_metrics, .to = to } };

        write_daemon(&w);
        write_by_route(&w);
        write_by_slot(&w);
        write_connections(&w);
        write_stores(&w);
        write_queues(&w);
        write_processes(&w);
        (void)fputs("# EOF\n", to); /* in the older format a comment */
}
