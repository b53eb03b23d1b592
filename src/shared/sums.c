#include "shared/sums.h"

#include "shared/scoreboard.h"

static void add_cell(struct sums *sums, const struct restmark_route_cell *cell) {
        sums->requests += cell_get(&cell->requests);
        sums->errors_4xx += cell_get(&cell->errors_4xx);
        sums->errors_5xx += cell_get(&cell->errors_5xx);
        sums->aborted += cell_get(&cell->aborted);
        sums->bytes += cell_get(&cell->bytes);
        sums->busy_ns += cell_get(&cell->busy_ns);
        histogram_add(&sums->durations, cell);
}

void sums_add_slot(struct sums *sums, const struct restmark_slot *slot, enum restmark_route route) {
        for (int seat = 0; seat < RESTMARK_SEATS; seat++)
                add_cell(sums, &slot->workers[seat].routes[route]);
        add_cell(sums, &slot->slot.past.routes[route]);
}

void sums_add_worker(struct sums *sums, const struct restmark_worker_cell *worker) {
        for (int i = 0; i < RESTMARK_ROUTE_COUNT; i++)
                add_cell(sums, &worker->routes[i]);
}

struct sums sums_of_slot(const struct restmark_slot *slot) {
        struct sums sums = { 0 };

        for (int i = 0; i < RESTMARK_ROUTE_COUNT; i++)
                sums_add_slot(&sums, slot, (enum restmark_route)i);
        return sums;
}

struct sums sums_of_route(const struct restmark_scoreboard *board, enum restmark_route route) {
        struct sums sums = { 0 };

        for (uint32_t i = 0; i < board->n_slots_used; i++)
                sums_add_slot(&sums, &board->slots[i], route);
        return sums;
}

uint64_t sums_accepted(const struct restmark_slot *slot) {
        uint64_t n = cell_get(&slot->slot.past.accepted);

        for (int seat = 0; seat < RESTMARK_SEATS; seat++)
                n += cell_get(&slot->workers[seat].accepted);
        return n;
}

uint64_t sums_connections(const struct restmark_slot *slot) {
        uint64_t n = 0;

        for (int seat = 0; seat < RESTMARK_SEATS; seat++)
                n += cell_get(&slot->workers[seat].connections);
        return n;
}

uint64_t sums_waiting(const struct restmark_slot *slot) {
        uint64_t n = 0;

        for (int seat = 0; seat < RESTMARK_SEATS; seat++)
                n += cell_get(&slot->workers[seat].waiting);
        return n;
}

uint64_t sums_request_bodies(const struct restmark_slot *slot) {
        uint64_t bytes = 0;

        for (int seat = 0; seat < RESTMARK_SEATS; seat++)
                bytes += cell_get(&slot->workers[seat].request_bodies_bytes);
        return bytes;
}

uint64_t sums_rpc_calls(const struct restmark_slot *slot) {
        uint64_t n = cell_get(&slot->slot.past.rpc_calls);

        for (int seat = 0; seat < RESTMARK_SEATS; seat++)
                n += cell_get(&slot->workers[seat].rpc_calls);
        return n;
}

uint64_t sums_rpc_connections(const struct restmark_slot *slot) {
        uint64_t n = 0;

        for (int seat = 0; seat < RESTMARK_SEATS; seat++)
                n += cell_get(&slot->workers[seat].rpc_connections);
        return n;
}

uint64_t sums_closes(const struct restmark_scoreboard *board, enum restmark_close why) {
        uint64_t n = 0;

        for (uint32_t i = 0; i < board->n_slots_used; i++) {
                n += cell_get(&board->slots[i].slot.past.closes[why]);
                for (int seat = 0; seat < RESTMARK_SEATS; seat++)
                        n += cell_get(&board->slots[i].workers[seat].closes[why]);
        }
        return n;
}

uint64_t sums_lost_log_lines(const struct restmark_scoreboard *board) {
        uint64_t n = 0;

        for (uint32_t i = 0; i < board->n_slots_used; i++) {
                n += cell_get(&board->slots[i].slot.past.lost_log_lines);
                for (int seat = 0; seat < RESTMARK_SEATS; seat++)
                        n += cell_get(&board->slots[i].workers[seat].lost_log_lines);
        }
        return n;
}
