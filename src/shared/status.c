#include "shared/status.h"

#include <inttypes.h>
#include <restmark/version.h>

#include "base/clock.h"
#include "shared/scoreboard.h"

/* Plain numbers of one or more cells. */
struct sums {
        uint64_t requests, errors_4xx, errors_5xx, aborted, bytes, busy_ns;
};

static const char *const route_names[RESTMARK_ROUTE_COUNT] = {
        [RESTMARK_ROUTE_WELCOME] = "welcome",
        [RESTMARK_ROUTE_PARSE_MSGPACK] = "parse-msgpack",
        [RESTMARK_ROUTE_ENCODE_JSON] = "encode-json",
        [RESTMARK_ROUTE_TRANSFER_DATA] = "transfer-data",
        [RESTMARK_ROUTE_MILLION_LOOP] = "million-loop",
        [RESTMARK_ROUTE_OTHER] = "other",
};

static const char *const state_names[RESTMARK_SLOT_STATE_COUNT] = {
        [RESTMARK_SLOT_EMPTY] = "empty",       [RESTMARK_SLOT_STARTING] = "starting", [RESTMARK_SLOT_READY] = "ready",
        [RESTMARK_SLOT_BACKOFF] = "backoff",   [RESTMARK_SLOT_DRAINING] = "draining", [RESTMARK_SLOT_KILLED] = "killed",
        [RESTMARK_SLOT_STOPPED] = "stopped",
};

const char *status_slot_state_name(enum restmark_slot_state state) {
        return state < RESTMARK_SLOT_STATE_COUNT ? state_names[state] : "?";
}

static void add_cell(struct sums *sums, const struct restmark_route_cell *cell) {
        sums->requests += cell_get(&cell->requests);
        sums->errors_4xx += cell_get(&cell->errors_4xx);
        sums->errors_5xx += cell_get(&cell->errors_5xx);
        sums->aborted += cell_get(&cell->aborted);
        sums->bytes += cell_get(&cell->bytes);
        sums->busy_ns += cell_get(&cell->busy_ns);
}

/* A slot's route: its workers' and its dead workers' numbers. */
static void add_slot(struct sums *sums, const struct restmark_slot *slot, int route) {
        for (int seat = 0; seat < RESTMARK_SEATS; seat++)
                add_cell(sums, &slot->workers[seat].routes[route]);
        add_cell(sums, &slot->slot.past.routes[route]);
}

static uint64_t slot_accepted(const struct restmark_slot *slot) {
        uint64_t n = cell_get(&slot->slot.past.accepted);

        for (int seat = 0; seat < RESTMARK_SEATS; seat++)
                n += cell_get(&slot->workers[seat].accepted);
        return n;
}

static uint64_t slot_connections(const struct restmark_slot *slot) {
        uint64_t n = 0;

        for (int seat = 0; seat < RESTMARK_SEATS; seat++)
                n += cell_get(&slot->workers[seat].connections);
        return n;
}

static struct sums route_sums(const struct restmark_scoreboard *board, int route) {
        struct sums sums = { 0 };

        for (uint32_t i = 0; i < board->n_slots; i++)
                add_slot(&sums, &board->slots[i], route);
        return sums;
}

static void write_routes(const struct restmark_scoreboard *board, const struct restmark_slot *slot, FILE *to) {
        (void)fputs("\"routes\":{", to);
        for (int i = 0; i < RESTMARK_ROUTE_COUNT; i++) {
                struct sums sums = { 0 };

                if (slot)
                        add_slot(&sums, slot, i);
                else
                        sums = route_sums(board, i);

                (void)fprintf(to,
                              "%s\"%s\":{\"requests\":%" PRIu64 ",\"errors_4xx\":%" PRIu64 ",\"errors_5xx\":%" PRIu64
                              ",\"aborted\":%" PRIu64 ",\"body_bytes\":%" PRIu64 ",\"busy_ns\":%" PRIu64 "}",
                              i ? "," : "", route_names[i], sums.requests, sums.errors_4xx, sums.errors_5xx, sums.aborted,
                              sums.bytes, sums.busy_ns);
        }
        (void)fputs("}", to);
}

/* "shared" is what is resident and not of this process alone. */
static void write_memory(const struct restmark_memory_cell *memory, FILE *to) {
        uint64_t rss_bytes = cell_get(&memory->rss_bytes), uss_bytes = cell_get(&memory->uss_bytes);

        if (cell_get(&memory->sampled_ms) == 0)
                (void)fputs("null", to);
        else
                (void)fprintf(to,
                              "{\"rss_bytes\":%" PRIu64 ",\"pss_bytes\":%" PRIu64 ",\"uss_bytes\":%" PRIu64 ",\"shared_bytes\":%" PRIu64 "}",
                              rss_bytes, cell_get(&memory->pss_bytes), uss_bytes, rss_bytes > uss_bytes ? rss_bytes - uss_bytes : 0);
}

static void write_seat(const struct restmark_seat_cell *seat, FILE *to) {
        (void)fprintf(to, "\"state\":\"%s\",\"pid\":", status_slot_state_name(seat->state));
        if (seat->pid)
                (void)fprintf(to, "%" PRIu32 ",\"started_unix_ms\":%" PRIu64, seat->pid, cell_get(&seat->started_ms));
        else
                (void)fputs("null,\"started_unix_ms\":null", to);
        (void)fprintf(to, ",\"generation\":%" PRIu32 ",\"memory\":", seat->generation);
        write_memory(&seat->memory, to);
}

static void write_slot(const struct restmark_scoreboard *board, uint32_t index, FILE *to) {
        const struct restmark_slot *slot = &board->slots[index];

        uint32_t primary = slot->slot.primary;

        (void)fprintf(to, "{\"slot\":%" PRIu32 ",", index);
        write_seat(&slot->slot.seats[primary], to);
        (void)fprintf(to, ",\"restarts\":%" PRIu32 ",\"connections\":%" PRIu64 ",\"accepted\":%" PRIu64 ",\"beside\":",
                      slot->slot.restarts, slot_connections(slot), slot_accepted(slot));
        if (slot->slot.seats[!primary].pid) {
                (void)fputs("{", to);
                write_seat(&slot->slot.seats[!primary], to);
                (void)fprintf(to, ",\"connections\":%" PRIu64 "}", cell_get(&slot->workers[!primary].connections));
        } else
                (void)fputs("null", to);
        (void)fputs(",", to);
        write_routes(board, slot, to);
        (void)fputs("}", to);
}

void status_write_json(const struct restmark_scoreboard *board, FILE *to) {
        (void)fprintf(to,
                      "{\"version\":\"%s\",\"master_pid\":%" PRIu32 ",\"state\":\"%s\",\"started_unix_ms\":%" PRIu64
                      ",\"generation\":%" PRIu32 ",\"listen\":[",
                      RESTMARK_VERSION, board->master_pid, board->stopping ? "stopping" : "running",
                      cell_get(&board->started_ms), board->generation);
        for (uint32_t i = 0; i < board->n_listen; i++)
                (void)fprintf(to, "%s\"%s\"", i ? "," : "", board->listen[i]);
        (void)fputs("],\"memory\":", to);
        write_memory(&board->memory, to);
        (void)fputs(",", to);
        write_routes(board, NULL, to);
        (void)fputs(",\"workers\":[", to);
        for (uint32_t i = 0; i < board->n_slots; i++) {
                if (i)
                        (void)fputs(",", to);
                write_slot(board, i, to);
        }
        (void)fputs("]}\n", to);
}

static const char *age_text(uint64_t since_ms, char *text, size_t size) {
        uint64_t now_ms = clock_realtime_ms(), s = now_ms > since_ms ? (now_ms - since_ms) / 1000 : 0;

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

/* The columns of a process; `numbers` are those of its slot, or "" for the one that is beside the slot's own. */
static void write_seat_row(const char *name, const struct restmark_seat_cell *seat, uint64_t connections, const char *numbers, FILE *to) {
        char age[24] = "-", pid[16] = "-";

        if (seat->pid) {
                (void)age_text(cell_get(&seat->started_ms), age, sizeof age);
                (void)snprintf(pid, sizeof pid, "%" PRIu32, seat->pid);
        }
        (void)fprintf(to, "%4s  %-8s %8s %4" PRIu32 " %7s %5" PRIu64 "%s\n", name, status_slot_state_name(seat->state), pid,
                      seat->generation, age, connections, numbers);
}

static void write_slot_rows(const struct restmark_scoreboard *board, uint32_t index, FILE *to) {
        const struct restmark_slot *slot = &board->slots[index];
        uint32_t primary = slot->slot.primary;
        struct sums all = { 0 };
        char name[16], numbers[96];

        for (int i = 0; i < RESTMARK_ROUTE_COUNT; i++)
                add_slot(&all, slot, i);
        (void)snprintf(name, sizeof name, "%" PRIu32, index);
        (void)snprintf(numbers, sizeof numbers, " %8" PRIu32 " %12" PRIu64 " %7" PRIu64 " %7" PRIu64, slot->slot.restarts, all.requests,
                       all.errors_4xx + all.errors_5xx, all.aborted);
        write_seat_row(name, &slot->slot.seats[primary], cell_get(&slot->workers[primary].connections), numbers, to);
        if (slot->slot.seats[!primary].pid)
                write_seat_row("", &slot->slot.seats[!primary], cell_get(&slot->workers[!primary].connections), "", to);
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

        (void)fprintf(to, "\n%-14s %12s %8s %8s %8s %11s %12s\n", "ROUTE", "REQUESTS", "4XX", "5XX", "ABORTED", "BODY MiB",
                      "US/REQUEST");
        for (int i = 0; i < RESTMARK_ROUTE_COUNT; i++) {
                struct sums sums = route_sums(board, i);

                (void)fprintf(to, "%-14s %12" PRIu64 " %8" PRIu64 " %8" PRIu64 " %8" PRIu64 " %11.1f ", route_names[i],
                              sums.requests, sums.errors_4xx, sums.errors_5xx, sums.aborted, (double)sums.bytes / (1 << 20));
                if (sums.requests)
                        (void)fprintf(to, "%12.1f\n", (double)sums.busy_ns / 1e3 / (double)sums.requests);
                else
                        (void)fprintf(to, "%12s\n", "-");
        }
}
