#include "shared/status_memory.h"

#include <inttypes.h>
#include <stdbool.h>

#include "shared/scoreboard.h"
#include "shared/status.h"

struct figures {
        uint64_t rss_bytes, pss_bytes, uss_bytes;
        unsigned int known, unknown; /* processes */
};

/* Called for each process; `slot` is negative for the master. */
typedef void (*visit)(int slot, uint32_t pid, const struct restmark_memory_cell *memory, bool first, FILE *to);

static void add_process(struct figures *sum, const struct restmark_memory_cell *memory) {
        if (cell_get(&memory->sampled_ms) == 0) {
                sum->unknown++;
                return;
        }
        sum->known++;
        sum->rss_bytes += cell_get(&memory->rss_bytes);
        sum->pss_bytes += cell_get(&memory->pss_bytes);
        sum->uss_bytes += cell_get(&memory->uss_bytes);
}

/* The master first, then the workers in the order of their slots; returns the sums. */
static struct figures for_each(const struct restmark_scoreboard *board, visit show, FILE *to) {
        struct figures sum = { 0 };

        add_process(&sum, &board->memory);
        show(-1, board->master_pid, &board->memory, true, to);
        for (uint32_t i = 0; i < board->n_slots; i++)
                for (int seat = 0; seat < RESTMARK_SEATS; seat++) {
                        const struct restmark_seat_cell *cell = &board->slots[i].slot.seats[seat];

                        if (!cell->pid)
                                continue;
                        add_process(&sum, &cell->memory);
                        show((int)i, cell->pid, &cell->memory, false, to);
                }
        return sum;
}

/* ---- JSON ---- */

static void write_figures(uint64_t rss_bytes, uint64_t pss_bytes, uint64_t uss_bytes, FILE *to) {
        (void)fprintf(to, "{\"rss_bytes\":%" PRIu64 ",\"pss_bytes\":%" PRIu64 ",\"uss_bytes\":%" PRIu64 ",\"shared_bytes\":%" PRIu64 "}",
                      rss_bytes, pss_bytes, uss_bytes, rss_bytes > uss_bytes ? rss_bytes - uss_bytes : 0);
}

void status_write_memory_cell(const struct restmark_memory_cell *memory, FILE *to) {
        if (cell_get(&memory->sampled_ms) == 0)
                (void)fputs("null", to);
        else
                write_figures(cell_get(&memory->rss_bytes), cell_get(&memory->pss_bytes), cell_get(&memory->uss_bytes), to);
}

static void visit_json(int slot, uint32_t pid, const struct restmark_memory_cell *memory, bool first, FILE *to) {
        (void)fprintf(to, "%s{\"role\":\"%s\",\"slot\":", first ? "" : ",", slot < 0 ? "master" : "worker");
        if (slot < 0)
                (void)fputs("null", to);
        else
                (void)fprintf(to, "%d", slot);
        (void)fprintf(to, ",\"pid\":%" PRIu32 ",\"memory\":", pid);
        status_write_memory_cell(memory, to);
        (void)fputs("}", to);
}

void status_write_memory_json(const struct restmark_scoreboard *board, FILE *to) {
        struct figures sum;

        (void)fputs("{\"processes\":[", to);
        sum = for_each(board, visit_json, to);
        (void)fputs("],\"total\":", to);
        if (sum.unknown)
                (void)fputs("null", to); /* a sum with something missing would look like one without */
        else
                (void)fprintf(to, "{\"rss_bytes\":%" PRIu64 ",\"pss_bytes\":%" PRIu64 ",\"uss_bytes\":%" PRIu64 "}", sum.rss_bytes,
                              sum.pss_bytes, sum.uss_bytes);
        (void)fputs("}\n", to);
}

/* ---- table ---- */

static double mib(uint64_t bytes) {
        return (double)bytes / (1 << 20);
}

static void visit_row(int slot, uint32_t pid, const struct restmark_memory_cell *memory, bool first, FILE *to) {
        uint64_t rss_bytes = cell_get(&memory->rss_bytes), uss_bytes = cell_get(&memory->uss_bytes);

        (void)first;
        if (cell_get(&memory->sampled_ms) == 0)
                (void)fprintf(to, "%8" PRIu32 " %9s %9s %9s %11s", pid, "-", "-", "-", "-");
        else
                (void)fprintf(to, "%8" PRIu32 " %9.2f %9.2f %9.2f %11.2f", pid, mib(rss_bytes), mib(cell_get(&memory->pss_bytes)),
                              mib(uss_bytes), mib(rss_bytes > uss_bytes ? rss_bytes - uss_bytes : 0));
        if (slot < 0)
                (void)fputs("  master\n", to);
        else
                (void)fprintf(to, "  worker %d\n", slot);
}

void status_write_memory_table(const struct restmark_scoreboard *board, FILE *to) {
        struct figures sum;

        (void)fprintf(to, "%8s %9s %9s %9s %11s  %s\n", "PID", "RSS MiB", "PSS MiB", "USS MiB", "SHARED MiB", "PROCESS");
        sum = for_each(board, visit_row, to);
        if (sum.unknown) {
                (void)fprintf(to,
                              "\n%u process%s could not be read, as the master may not look into another\n"
                              "user's: there is no total. restmark-rss, as root, can.\n",
                              sum.unknown, sum.unknown == 1 ? "" : "es");
                return;
        }
        (void)fprintf(to, "%8s %9.2f %9.2f %9.2f %11s  %u processes\n", "total", mib(sum.rss_bytes), mib(sum.pss_bytes),
                      mib(sum.uss_bytes), "", sum.known);
        (void)fprintf(to,
                      "\nPSS is the figure that adds up: it divides a page among those that map it.\n"
                      "Summed RSS counts up to %.2f MiB of shared pages more than once.\n"
                      "USS is what the end of that one process would free.\n",
                      mib(sum.rss_bytes > sum.pss_bytes ? sum.rss_bytes - sum.pss_bytes : 0));
}
