#include "act/memory.h"
#include "act/process.h"
#include "act/queue.h"
#include "base/clock.h"
#include "master/house.h"
#include "plan/recycle.h"
#include "shared/scoreboard.h"

/* ---- from the workers' cells to the facts ---- */

static uint64_t requests_of(const struct restmark_worker_cell *cell) {
        uint64_t n = 0;

        for (int i = 0; i < RESTMARK_ROUTE_COUNT; i++)
                n += cell_get(&cell->routes[i].requests);
        return n;
}

static void see_memory(const struct house *h, unsigned int slot, unsigned int seat, struct seen *seen) {
        struct restmark_seat_cell *cell = act_cell(&h->act, slot, seat);

        memory_refresh_seat(cell, RECYCLE_MEMORY_MS);
        if (cell_get(&cell->memory.sampled_ms) == 0)
                return;
        seen->rss_bytes = cell_get(&cell->memory.rss_bytes);
        seen->pss_bytes = cell_get(&cell->memory.pss_bytes);
}

static void see(struct house *h, unsigned int slot, unsigned int seat, bool all) {
        struct fleet *f = &h->plans->fleet;
        const struct process *p = process_at(&h->act, slot, seat);
        const struct restmark_worker_cell *cell = process_cell(p);
        struct seen seen = f->seats[slot][seat].seen;
        struct scoreboard_work work;
        bool lies;

        if (!p->cell.live)
                return;
        lies = !process_look(p, all);
        seen.beat_ms = cell_get(&cell->beat_ms);
        seen.connections = cell_get(&cell->connections);
        seen.taken_over = cell_get(&cell->taken_over);
        if (all) {
                seen.working_since_ms = scoreboard_read_work(cell, &work) ? work.since_ms : 0;
                seen.requests = requests_of(cell);
                if (recycle_needs_memory(&f->current) && f->seats[slot][seat].slot.state == RESTMARK_SLOT_READY && seat == fleet_own(f, slot))
                        see_memory(h, slot, seat, &seen);
        }
        fleet_see(f, slot, seat, &seen, lies);
}

static uint64_t count_requests(const struct house *h) {
        uint64_t n = 0;

        for (unsigned int i = 0; i < h->plans->fleet.n_slots; i++) {
                const struct restmark_slot *slot = &h->options->board->slots[i];

                n += requests_of(&slot->slot.past);
                for (int seat = 0; seat < RESTMARK_SEATS; seat++)
                        n += requests_of(&slot->workers[seat]);
        }
        return n;
}

void house_look(void *context, enum fleet_needs needs) {
        struct house *h = context;

        if (needs == FLEET_NEEDS_NOTHING)
                return;
        for (unsigned int i = 0; i < h->plans->fleet.n_slots; i++)
                for (unsigned int seat = 0; seat < RESTMARK_SEATS; seat++)
                        see(h, i, seat, needs == FLEET_NEEDS_ALL);
        if (needs == FLEET_NEEDS_ALL)
                h->plans->fleet.requests = count_requests(h);
}

/* ---- from the facts to the scoreboard ---- */

static void display_seat(const struct house *h, unsigned int slot, unsigned int seat) {
        struct restmark_seat_cell *cell = act_cell(&h->act, slot, seat);
        const struct slot *machine = &h->plans->fleet.seats[slot][seat].slot;

        cell->state = machine->state;
        cell->failed_starts = machine->failures;
        cell->short_lives = machine->short_lives;
        cell->is_in_crash_loop = slot_is_in_crash_loop(machine);
        cell_set(&cell->next_start_ms, machine->state == RESTMARK_SLOT_BACKOFF ? machine->deadline_ms : 0);
}

void house_display(struct house *h) {
        struct restmark_scoreboard *board = h->options->board;
        const struct fleet *f = &h->plans->fleet;

        for (unsigned int i = 0; i < f->n_slots; i++) {
                board->slots[i].slot.primary = f->primary[i];
                for (unsigned int seat = 0; seat < RESTMARK_SEATS; seat++)
                        display_seat(h, i, seat);
        }
}

void house_sample(struct house *h) {
        for (unsigned int i = 0; i < h->plans->fleet.n_slots; i++)
                for (unsigned int seat = 0; seat < RESTMARK_SEATS; seat++)
                        if (!process_look(process_at(&h->act, i, seat), true))
                                h->plans->fleet.seats[i][seat].lies = true;
        memory_refresh(h->options->board, MEMORY_FRESH_MS);
        queue_refresh(h->options->board, h->options->listeners);
}
