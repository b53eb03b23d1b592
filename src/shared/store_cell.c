#include "shared/store_cell.h"

#include "shared/cell.h"
#include "shared/scoreboard.h"

/* What only grows. */
#define COUNTS(F) F(good) F(away) F(refused) F(late) F(wrong) F(forgotten) F(connects) F(lost)
#define SUMS(F) F(wait_ns) F(duration_ns)
#define GAUGES(F) F(connections) F(busy) F(waiting)

static bool read_grown(_Atomic uint64_t *seen, const _Atomic uint64_t *copy, const _Atomic uint64_t *live, uint64_t max) {
        uint64_t value = cell_get(live);

        cell_set(seen, value);
        return value >= cell_get(copy) && value <= max;
}

bool store_cell_read(struct restmark_store_cell *seen, const struct restmark_store_cell *copy, const struct restmark_store_cell *live) {
        bool can_be = true;

#define READ_COUNT(name) can_be &= read_grown(&seen->name, &copy->name, &live->name, CELL_COUNT_MAX);
#define READ_SUM(name) can_be &= read_grown(&seen->name, &copy->name, &live->name, CELL_SUM_MAX);
#define READ_GAUGE(name)                            \
        cell_set(&seen->name, cell_get(&live->name)); \
        can_be &= cell_get(&seen->name) <= CELL_CONNECTIONS_MAX;
        COUNTS(READ_COUNT)
        SUMS(READ_SUM)
        GAUGES(READ_GAUGE)
        for (int i = 0; i < RESTMARK_DURATION_BUCKETS; i++)
                can_be &= read_grown(&seen->durations[i], &copy->durations[i], &live->durations[i], CELL_COUNT_MAX);
        return can_be;
}

static void move_number(_Atomic uint64_t *to, _Atomic uint64_t *from) {
        cell_add(to, cell_get(from));
        cell_set(from, 0);
}

void store_cell_bury(struct restmark_store_cell *past, struct restmark_store_cell *worker) {
#define BURY(name) move_number(&past->name, &worker->name);
#define CLEAR(name) cell_set(&worker->name, 0);
        COUNTS(BURY)
        SUMS(BURY)
        GAUGES(CLEAR)
        for (int i = 0; i < RESTMARK_DURATION_BUCKETS; i++)
                move_number(&past->durations[i], &worker->durations[i]);
}

static void add(struct store_sums *sums, const struct restmark_store_cell *cell) {
#define ADD(name) sums->name += cell_get(&cell->name);
        COUNTS(ADD)
        GAUGES(ADD)
        sums->wait_ns += cell_get(&cell->wait_ns);
        for (int i = 0; i < RESTMARK_DURATION_BUCKETS; i++)
                sums->durations.counts[i] += cell_get(&cell->durations[i]);
        sums->durations.sum_ns += cell_get(&cell->duration_ns);
}

void store_sums_add_slot(struct store_sums *sums, const struct restmark_slot *slot, enum restmark_store which) {
        for (int seat = 0; seat < RESTMARK_SEATS; seat++)
                add(sums, &slot->workers[seat].stores[which]);
        add(sums, &slot->slot.past.stores[which]);
}

struct store_sums store_sums_of(const struct restmark_scoreboard *board, enum restmark_store which) {
        struct store_sums sums = { 0 };

        for (uint32_t i = 0; i < board->n_slots_used; i++)
                store_sums_add_slot(&sums, &board->slots[i], which);
        return sums;
}

bool store_sums_is_used(const struct store_sums *sums) {
        return sums->connects + sums->lost + sums->connections > 0;
}
