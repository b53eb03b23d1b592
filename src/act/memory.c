#include "act/memory.h"

#include "base/clock.h"
#include "base/process_memory.h"
#include "shared/scoreboard.h"

static void refresh(struct restmark_memory_cell *cell, uint32_t pid, uint64_t max_age_ms) {
        uint64_t now_ms = clock_monotonic_ms(), sampled_ms = cell_get(&cell->sampled_ms);
        struct process_memory memory;

        if (sampled_ms != 0 && now_ms - sampled_ms < max_age_ms)
                return;
        if (process_memory_read((pid_t)pid, &memory) < 0) {
                cell_set(&cell->sampled_ms, 0);
                return;
        }
        cell_set(&cell->rss_bytes, memory.rss_bytes);
        cell_set(&cell->pss_bytes, memory.pss_bytes);
        cell_set(&cell->uss_bytes, memory.uss_bytes);
        cell_set(&cell->sampled_ms, now_ms);
}

void memory_refresh_seat(struct restmark_seat_cell *seat, uint64_t max_age_ms) {
        if (seat->pid)
                refresh(&seat->memory, seat->pid, max_age_ms);
}

void memory_refresh(struct restmark_scoreboard *board, uint64_t max_age_ms) {
        refresh(&board->memory, board->master_pid, max_age_ms);
        for (uint32_t i = 0; i < board->n_slots; i++)
                for (int seat = 0; seat < RESTMARK_SEATS; seat++)
                        memory_refresh_seat(&board->slots[i].slot.seats[seat], max_age_ms);
}
