#include <inttypes.h>
#include <restmark/version.h>
#include <time.h>

#include "base/clock.h"
#include "base/process_cpu.h"
#include "shared/scoreboard.h"
#include "shared/status.h"
#include "shared/status_stores.h"
#include "shared/sums.h"

static const char *seconds_text(uint64_t s, char *text, size_t size) {
        if (s < 60)
                (void)snprintf(text, size, "%" PRIu64 "s", s);
        else if (s < 3600)
                (void)snprintf(text, size, "%" PRIu64 "m%02" PRIu64 "s", s / 60, s % 60);
        else if (s < 86400)
                (void)snprintf(text, size, "%" PRIu64 "h%02" PRIu64 "m", s / 3600, s / 60 % 60);
        else
                (void)snprintf(text, size, "%" PRIu64 "d%02" PRIu64 "h", s / 86400, s / 3600 % 24);
        return text;
}

static const char *age_text(uint64_t since_ms, char *text, size_t size) {
        uint64_t now_ms = clock_realtime_ms();

        return seconds_text(now_ms > since_ms ? (now_ms - since_ms) / 1000 : 0, text, size);
}

static const char *quantile_text(const struct histogram *h, double q, char *text, size_t size) {
        double ns = histogram_quantile_ns(h, q);

        if (ns < 0)
                (void)snprintf(text, size, "-");
        else
                (void)snprintf(text, size, ns < 1e9 ? "%.2f" : "%.0f", ns / 1e6);
        return text;
}

/* A line below a process's own, if it is so. */
static void write_response(const struct restmark_seat_cell *seat, FILE *to) {
        uint64_t since_ms = cell_get(&seat->unresponsive_since_ms);
        time_t since = (time_t)(since_ms / 1000);
        char clock[24] = "?", age[24];
        struct tm local;

        if (since_ms == 0)
                return;
        if (localtime_r(&since, &local))
                (void)strftime(clock, sizeof clock, "%Y-%m-%d %H:%M:%S", &local);
        (void)fprintf(to, "      not responding since %s (%s): no new connections\n", clock, age_text(since_ms, age, sizeof age));
}

/* The columns of a process; `numbers` are those of its slot, or "" for the one that is beside the slot's own. */
static void write_seat_row(const char *name, const struct restmark_seat_cell *seat, uint64_t connections, const char *numbers, FILE *to) {
        char age[24] = "-", pid[16] = "-";

        if (seat->pid) {
                (void)age_text(cell_get(&seat->started_ms), age, sizeof age);
                (void)snprintf(pid, sizeof pid, "%" PRIu32, seat->pid);
        }
        (void)fprintf(to, "%4s  %-8s %8s %4" PRIu32 " %7s %5" PRIu64 "%s\n", name, status_slot_state_name(seat->state), pid,
                      seat->generation, age, connections, numbers);
        write_response(seat, to);
}

/* Why there is no worker, or perhaps soon none again. */
static void write_trouble(const struct restmark_seat_cell *seat, FILE *to) {
        uint64_t now_ms = clock_monotonic_ms(), next_ms = cell_get(&seat->next_start_ms);
        double wait_s = next_ms > now_ms ? (double)(next_ms - now_ms) / 1000 : 0;

        if (seat->is_in_crash_loop)
                (void)fprintf(to, "      crash loop: %" PRIu32 " workers in a row died as soon as they were ready", seat->short_lives);
        else if (next_ms != 0)
                (void)fprintf(to, "      %" PRIu32 " start%s failed in a row", seat->failed_starts, seat->failed_starts == 1 ? "" : "s");
        else
                return;
        if (next_ms != 0)
                (void)fprintf(to, "; next start in %.1f s", wait_s);
        (void)fputs("\n", to);
}

static void write_slot_rows(const struct restmark_scoreboard *board, uint32_t index, FILE *to) {
        const struct restmark_slot *slot = &board->slots[index];
        uint32_t primary = slot->slot.primary;
        struct sums all = sums_of_slot(slot);
        char name[16], numbers[96];

        (void)snprintf(name, sizeof name, "%" PRIu32, index);
        (void)snprintf(numbers, sizeof numbers, " %8" PRIu32 " %12" PRIu64 " %7" PRIu64 " %7" PRIu64, slot->slot.restarts, all.requests,
                       all.errors_4xx + all.errors_5xx, all.aborted);
        write_seat_row(name, &slot->slot.seats[primary], cell_get(&slot->workers[primary].connections), numbers, to);
        write_trouble(&slot->slot.seats[primary], to);
        if (slot->slot.seats[!primary].pid)
                write_seat_row("", &slot->slot.seats[!primary], cell_get(&slot->workers[!primary].connections), "", to);
}

static void write_route_row(const struct restmark_scoreboard *board, enum restmark_route route, FILE *to) {
        struct sums sums = sums_of_route(board, route);
        char busy[16] = "-", p50[16], p99[16];

        if (sums.requests)
                (void)snprintf(busy, sizeof busy, "%.1f", (double)sums.busy_ns / 1e3 / (double)sums.requests);
        (void)fprintf(to, "%-13s %10" PRIu64 " %6" PRIu64 " %6" PRIu64 " %7" PRIu64 " %9.1f %7s %7s %7s\n", status_route_name(route),
                      sums.requests, sums.errors_4xx, sums.errors_5xx, sums.aborted, (double)sums.bytes / (1 << 20), busy,
                      quantile_text(&sums.durations, 0.50, p50, sizeof p50), quantile_text(&sums.durations, 0.99, p99, sizeof p99));
}

/* Where there is no RPC port there is no word of it. */
static void write_calls(const struct restmark_scoreboard *board, FILE *to) {
        uint64_t calls = 0, connections = 0;

        for (uint32_t i = 0; i < board->n_slots_used; i++) {
                calls += sums_rpc_calls(&board->slots[i]);
                connections += sums_rpc_connections(&board->slots[i]);
        }
        if (calls + connections > 0)
                (void)fprintf(to, "\nof these requests %" PRIu64 " came as calls; %" PRIu64 " of the connections are to the RPC port\n", calls, connections);
}

void status_write_table(const struct restmark_scoreboard *board, FILE *to) {
        char age[24];

        (void)fprintf(to, "restmarkd %s, %s, master %" PRIu32 ", up %s\n", RESTMARK_VERSION,
                      board->stopping ? "stopping" : "running", board->master_pid,
                      age_text(cell_get(&board->started_ms), age, sizeof age));
        for (uint32_t i = 0; i < board->n_listen; i++)
                (void)fprintf(to, "%s%s", i ? ", " : "listening on ", board->listen[i]);
        (void)fprintf(to, "\n\n%4s  %-8s %8s %4s %7s %5s %8s %12s %7s %7s\n", "SLOT", "STATE", "PID", "GEN", "UP", "CONN", "RESTARTS",
                      "REQUESTS", "ERRORS", "ABORTED");
        for (uint32_t i = 0; i < board->n_slots; i++)
                write_slot_rows(board, i, to);

        (void)fprintf(to, "\n%-13s %10s %6s %6s %7s %9s %7s %7s %7s\n", "ROUTE", "REQUESTS", "4XX", "5XX", "ABORTED", "BODY MiB",
                      "WORK US", "P50 MS", "P99 MS");
        for (int i = 0; i < RESTMARK_ROUTE_COUNT; i++)
                write_route_row(board, (enum restmark_route)i, to);
        status_write_stores_table(board, to);
        write_calls(board, to);
        if (sums_lost_log_lines(board) > 0)
                (void)fprintf(to, "\nlines of the access log that could not be written: %" PRIu64 "\n", sums_lost_log_lines(board));
}

/* ---- workers ---- */

static void write_work(const struct restmark_worker_cell *worker, uint64_t now_ms, FILE *to) {
        char query[SCOREBOARD_QUERY_MAX];
        struct scoreboard_work work;

        if (scoreboard_read_work(worker, &work))
                (void)fprintf(to, "      at work for %.1f s: /%s%s\n",
                              now_ms > work.since_ms ? (double)(now_ms - work.since_ms) / 1000 : 0.0,
                              work.route == RESTMARK_ROUTE_WELCOME ? "" : status_route_name(work.route),
                              scoreboard_format_query(&work, query));
}

static void write_worker(const struct restmark_slot *slot, const char *name, uint32_t index, FILE *to) {
        const struct restmark_seat_cell *seat = &slot->slot.seats[index];
        const struct restmark_worker_cell *worker = &slot->workers[index];
        uint64_t now_ms = clock_monotonic_ms(), beat_ms = cell_get(&worker->beat_ms), used_ns;
        char age[24] = "-", pid[16] = "-", cpu[24] = "-", beat[24] = "-", p99[16];
        struct sums sums = { 0 };

        sums_add_worker(&sums, worker);
        if (seat->pid) {
                (void)snprintf(pid, sizeof pid, "%" PRIu32, seat->pid);
                (void)age_text(cell_get(&seat->started_ms), age, sizeof age);
                if (process_cpu_ns((pid_t)seat->pid, &used_ns) == 0)
                        (void)snprintf(cpu, sizeof cpu, "%.1f", (double)used_ns / 1e9);
                if (beat_ms)
                        (void)snprintf(beat, sizeof beat, "%.1fs", now_ms > beat_ms ? (double)(now_ms - beat_ms) / 1000 : 0.0);
        }
        (void)fprintf(to, "%4s  %-8s %7s %3" PRIu32 " %6s %5" PRIu64 " %8" PRIu64 " %10" PRIu64 " %7s %6s %5s\n", name,
                      status_slot_state_name(seat->state), pid, seat->generation, age, cell_get(&worker->connections),
                      cell_get(&worker->accepted), sums.requests, quantile_text(&sums.durations, 0.99, p99, sizeof p99), cpu, beat);
        write_response(seat, to);
        write_work(worker, now_ms, to);
}

void status_write_workers_table(const struct restmark_scoreboard *board, FILE *to) {
        char name[16];

        (void)fprintf(to, "%4s  %-8s %7s %3s %6s %5s %8s %10s %7s %6s %5s\n", "SLOT", "STATE", "PID", "GEN", "UP", "CONN", "ACCEPTED",
                      "REQUESTS", "P99 MS", "CPU S", "BEAT");
        for (uint32_t i = 0; i < board->n_slots; i++) {
                const struct restmark_slot *slot = &board->slots[i];
                uint32_t primary = slot->slot.primary;

                (void)snprintf(name, sizeof name, "%" PRIu32, i);
                write_worker(slot, name, primary, to);
                if (slot->slot.seats[!primary].pid)
                        write_worker(slot, "", !primary, to);
        }
}
