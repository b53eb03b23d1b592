#include "shared/status_stores.h"

#include <inttypes.h>

#include "shared/status.h"
#include "shared/store_cell.h"

static void write_quantile(const char *name, const struct histogram *h, double q, FILE *to) {
        double ns = histogram_quantile_ns(h, q);

        if (ns < 0)
                (void)fprintf(to, ",\"%s\":null", name);
        else
                (void)fprintf(to, ",\"%s\":%.0f", name, ns);
}

static void write_store(const struct store_sums *s, FILE *to) {
        (void)fprintf(to,
                      "{\"connections\":%" PRIu64 ",\"busy\":%" PRIu64 ",\"waiting\":%" PRIu64 ",\"good\":%" PRIu64 ",\"away\":%" PRIu64
                      ",\"refused\":%" PRIu64 ",\"late\":%" PRIu64 ",\"wrong\":%" PRIu64 ",\"forgotten\":%" PRIu64 ",\"connects\":%" PRIu64
                      ",\"lost\":%" PRIu64 ",\"wait_ns\":%" PRIu64,
                      s->connections, s->busy, s->waiting, s->good, s->away, s->refused, s->late, s->wrong, s->forgotten, s->connects, s->lost,
                      s->wait_ns);
        write_quantile("p50_ns", &s->durations, 0.50, to);
        write_quantile("p99_ns", &s->durations, 0.99, to);
        (void)fprintf(to, ",\"duration_ns\":%" PRIu64 ",\"durations\":[", s->durations.sum_ns);
        for (int i = 0; i < RESTMARK_DURATION_BUCKETS; i++)
                (void)fprintf(to, "%s%" PRIu64, i ? "," : "", s->durations.counts[i]);
        (void)fputs("]}", to);
}

void status_write_stores(const struct restmark_scoreboard *board, const struct restmark_slot *slot, FILE *to) {
        (void)fputs("\"stores\":{", to);
        for (int i = 0; i < RESTMARK_STORE_COUNT; i++) {
                enum restmark_store which = (enum restmark_store)i;
                struct store_sums sums = { 0 };

                if (slot)
                        store_sums_add_slot(&sums, slot, which);
                else
                        sums = store_sums_of(board, which);
                (void)fprintf(to, "%s\"%s\":", i ? "," : "", status_store_name(which));
                write_store(&sums, to);
        }
        (void)fputs("}", to);
}

static double milliseconds(const struct histogram *h, double q) {
        double ns = histogram_quantile_ns(h, q);

        return ns < 0 ? 0 : ns / 1e6;
}

void status_write_stores_table(const struct restmark_scoreboard *board, FILE *to) {
        bool has_head = false;

        for (int i = 0; i < RESTMARK_STORE_COUNT; i++) {
                const struct store_sums s = store_sums_of(board, (enum restmark_store)i);

                if (!store_sums_is_used(&s))
                        continue;
                if (!has_head)
                        (void)fprintf(to, "\n%-8s %4s %4s %4s %9s %6s %6s %5s %5s %5s %7s %7s\n", "STORE", "OPEN", "BUSY", "WAIT", "ANSWERED", "AWAY", "LATE",
                                      "FULL", "WRONG", "LOST", "P50 MS", "P99 MS");
                has_head = true;
                (void)fprintf(to, "%-8s %4" PRIu64 " %4" PRIu64 " %4" PRIu64 " %9" PRIu64 " %6" PRIu64 " %6" PRIu64 " %5" PRIu64 " %5" PRIu64 " %5" PRIu64
                                  " %7.2f %7.2f\n",
                              status_store_name((enum restmark_store)i), s.connections, s.busy, s.waiting, s.good, s.away, s.late + s.forgotten, s.refused,
                              s.wrong, s.lost, milliseconds(&s.durations, 0.50), milliseconds(&s.durations, 0.99));
        }
}
