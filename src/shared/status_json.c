#include <inttypes.h>
#include <restmark/version.h>

#include "base/clock.h"
#include "base/process_cpu.h"
#include "shared/scoreboard.h"
#include "shared/status.h"
#include "shared/status_memory.h"
#include "shared/status_stores.h"
#include "shared/sums.h"

static void write_quantile(const char *name, const struct histogram *h, double q, FILE *to) {
        double ns = histogram_quantile_ns(h, q);

        if (ns < 0)
                (void)fprintf(to, ",\"%s\":null", name);
        else
                (void)fprintf(to, ",\"%s\":%.0f", name, ns);
}

static void write_sums(const struct sums *sums, FILE *to) {
        (void)fprintf(to,
                      "{\"requests\":%" PRIu64 ",\"errors_4xx\":%" PRIu64 ",\"errors_5xx\":%" PRIu64 ",\"aborted\":%" PRIu64
                      ",\"body_bytes\":%" PRIu64 ",\"busy_ns\":%" PRIu64,
                      sums->requests, sums->errors_4xx, sums->errors_5xx, sums->aborted, sums->bytes, sums->busy_ns);
        write_quantile("p50_ns", &sums->durations, 0.50, to);
        write_quantile("p99_ns", &sums->durations, 0.99, to);
        (void)fprintf(to, ",\"duration_ns\":%" PRIu64 ",\"durations\":[", sums->durations.sum_ns);
        for (int i = 0; i < RESTMARK_DURATION_BUCKETS; i++)
                (void)fprintf(to, "%s%" PRIu64, i ? "," : "", sums->durations.counts[i]);
        (void)fputs("]}", to);
}

/* Of one slot, or of all when that is NULL. */
static void write_routes(const struct restmark_scoreboard *board, const struct restmark_slot *slot, FILE *to) {
        (void)fputs("\"routes\":{", to);
        for (int i = 0; i < RESTMARK_ROUTE_COUNT; i++) {
                struct sums sums = { 0 };

                if (slot)
                        sums_add_slot(&sums, slot, (enum restmark_route)i);
                else
                        sums = sums_of_route(board, (enum restmark_route)i);
                (void)fprintf(to, "%s\"%s\":", i ? "," : "", status_route_name((enum restmark_route)i));
                write_sums(&sums, to);
        }
        (void)fputs("}", to);
}

static void write_cpu(uint32_t pid, FILE *to) {
        uint64_t used_ns;

        if (process_cpu_ns((pid_t)pid, &used_ns) == 0)
                (void)fprintf(to, "\"cpu_ns\":%" PRIu64, used_ns);
        else
                (void)fputs("\"cpu_ns\":null", to);
}

static void write_work(const struct restmark_worker_cell *worker, uint64_t now_ms, FILE *to) {
        uint64_t beat_ms = cell_get(&worker->beat_ms);
        char query[SCOREBOARD_QUERY_MAX];
        struct scoreboard_work work;

        if (beat_ms != 0)
                (void)fprintf(to, ",\"beat_age_ms\":%" PRIu64, now_ms > beat_ms ? now_ms - beat_ms : 0);
        else
                (void)fputs(",\"beat_age_ms\":null", to);
        if (scoreboard_read_work(worker, &work))
                (void)fprintf(to, ",\"working\":{\"route\":\"%s\",\"query\":\"%s\",\"age_ms\":%" PRIu64 "}", status_route_name(work.route),
                              scoreboard_format_query(&work, query), now_ms > work.since_ms ? now_ms - work.since_ms : 0);
        else
                (void)fputs(",\"working\":null", to);
}

/* How the last starts went, and when the next one is. */
static void write_starts(const struct restmark_seat_cell *seat, FILE *to) {
        uint64_t now_ms = clock_monotonic_ms(), next_ms = cell_get(&seat->next_start_ms);

        (void)fprintf(to, "\"failed_starts\":%" PRIu32 ",\"short_lives\":%" PRIu32 ",\"crash_loop\":%s,\"next_start_ms\":", seat->failed_starts,
                      seat->short_lives, seat->is_in_crash_loop ? "true" : "false");
        if (next_ms != 0)
                (void)fprintf(to, "%" PRIu64 ",", next_ms > now_ms ? next_ms - now_ms : 0);
        else
                (void)fputs("null,", to);
}

/* What belongs to a process. */
static void write_seat(const struct restmark_slot *slot, uint32_t index, FILE *to) {
        const struct restmark_seat_cell *seat = &slot->slot.seats[index];
        const struct restmark_worker_cell *worker = &slot->workers[index];

        (void)fprintf(to, "\"state\":\"%s\",\"pid\":", status_slot_state_name(seat->state));
        if (seat->pid)
                (void)fprintf(to, "%" PRIu32 ",\"started_unix_ms\":%" PRIu64, seat->pid, cell_get(&seat->started_ms));
        else
                (void)fputs("null,\"started_unix_ms\":null", to);
        (void)fprintf(to, ",\"generation\":%" PRIu32 ",", seat->generation);
        if (cell_get(&seat->unresponsive_since_ms) != 0)
                (void)fprintf(to, "\"unresponsive_since_unix_ms\":%" PRIu64 ",", cell_get(&seat->unresponsive_since_ms));
        else
                (void)fputs("\"unresponsive_since_unix_ms\":null,", to);
        write_starts(seat, to);
        write_cpu(seat->pid, to);
        (void)fputs(",\"memory\":", to);
        status_write_memory_cell(&seat->memory, to);
        write_work(worker, clock_monotonic_ms(), to);
}

static void write_slot(const struct restmark_scoreboard *board, uint32_t index, FILE *to) {
        const struct restmark_slot *slot = &board->slots[index];
        uint32_t primary = slot->slot.primary;

        (void)fprintf(to, "{\"slot\":%" PRIu32 ",", index);
        write_seat(slot, primary, to);
        (void)fputs(",\"ends\":{", to);
        for (int i = 0; i < RESTMARK_CAUSE_COUNT; i++)
                (void)fprintf(to, "%s\"%s\":%" PRIu32, i ? "," : "", status_cause_name((enum restmark_cause)i), slot->slot.ends[i]);
        (void)fprintf(to, "},\"restarts\":%" PRIu32 ",\"connections\":%" PRIu64 ",\"waiting\":%" PRIu64 ",\"request_bodies_bytes\":%" PRIu64
                          ",\"accepted\":%" PRIu64 ",\"beside\":",
                      slot->slot.restarts, sums_connections(slot), sums_waiting(slot), sums_request_bodies(slot), sums_accepted(slot));
        if (slot->slot.seats[!primary].pid) {
                (void)fputs("{", to);
                write_seat(slot, !primary, to);
                (void)fprintf(to, ",\"connections\":%" PRIu64 "}", cell_get(&slot->workers[!primary].connections));
        } else
                (void)fputs("null", to);
        (void)fputs(",", to);
        write_routes(board, slot, to);
        (void)fputs(",", to);
        status_write_stores(board, slot, to);
        (void)fputs("}", to);
}

static void write_workers(const struct restmark_scoreboard *board, FILE *to) {
        (void)fputs("\"workers\":[", to);
        for (uint32_t i = 0; i < board->n_slots; i++) {
                if (i)
                        (void)fputs(",", to);
                write_slot(board, i, to);
        }
        (void)fputs("]", to);
}

static void write_limits(FILE *to) {
        (void)fputs("\"duration_limits_ns\":[", to);
        for (int i = 0; i < RESTMARK_DURATION_LIMITS; i++)
                (void)fprintf(to, "%s%" PRIu64, i ? "," : "", histogram_limits_ns[i]);
        (void)fputs("]", to);
}

/* What of the requests and connections, which all count together, is the RPC port's. */
static void write_rpc(const struct restmark_scoreboard *board, FILE *to) {
        uint64_t calls = 0, connections = 0;

        for (uint32_t i = 0; i < board->n_slots_used; i++) {
                calls += sums_rpc_calls(&board->slots[i]);
                connections += sums_rpc_connections(&board->slots[i]);
        }
        (void)fprintf(to, "\"rpc\":{\"calls\":%" PRIu64 ",\"connections\":%" PRIu64 "},", calls, connections);
}

void status_write_json(const struct restmark_scoreboard *board, FILE *to) {
        (void)fprintf(to,
                      "{\"version\":\"%s\",\"master_pid\":%" PRIu32 ",\"state\":\"%s\",\"started_unix_ms\":%" PRIu64
                      ",\"now_unix_ms\":%" PRIu64 ",\"generation\":%" PRIu32 ",",
                      RESTMARK_VERSION, board->master_pid, board->stopping ? "stopping" : "running", cell_get(&board->started_ms),
                      clock_realtime_ms(), board->generation);
        write_cpu(board->master_pid, to);
        (void)fputs(",\"memory\":", to);
        status_write_memory_cell(&board->memory, to);
        (void)fputs(",\"listen\":[", to);
        for (uint32_t i = 0; i < board->n_listen; i++)
                (void)fprintf(to, "%s\"%s\"", i ? "," : "", board->listen[i]);
        (void)fputs("],", to);
        write_limits(to);
        (void)fputs(",\"closes\":{", to);
        for (int i = 0; i < RESTMARK_CLOSE_COUNT; i++)
                (void)fprintf(to, "%s\"%s\":%" PRIu64, i ? "," : "", status_close_name((enum restmark_close)i),
                              sums_closes(board, (enum restmark_close)i));
        (void)fprintf(to, "},\"lost_log_lines\":%" PRIu64 ",", sums_lost_log_lines(board));
        write_rpc(board, to);
        write_routes(board, NULL, to);
        (void)fputs(",", to);
        status_write_stores(board, NULL, to);
        (void)fputs(",", to);
        write_workers(board, to);
        (void)fputs("}\n", to);
}

void status_write_workers_json(const struct restmark_scoreboard *board, FILE *to) {
        (void)fprintf(to, "{\"now_unix_ms\":%" PRIu64 ",", clock_realtime_ms());
        write_limits(to);
        (void)fputs(",", to);
        write_workers(board, to);
        (void)fputs("}\n", to);
}
