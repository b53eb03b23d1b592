#include "shared/histogram.h"

const uint64_t histogram_limits_ns[RESTMARK_DURATION_LIMITS] = RESTMARK_DURATION_LIMITS_NS;

void histogram_add(struct histogram *h, const struct restmark_route_cell *cell) {
        for (int i = 0; i < RESTMARK_DURATION_BUCKETS; i++)
                h->counts[i] += cell_get(&cell->durations[i]);
        h->sum_ns += cell_get(&cell->duration_ns);
}

void histogram_add_slot(struct histogram *h, const struct restmark_slot *slot, enum restmark_route route) {
        for (int seat = 0; seat < RESTMARK_SEATS; seat++)
                histogram_add(h, &slot->workers[seat].routes[route]);
        histogram_add(h, &slot->slot.past.routes[route]);
}

static uint64_t grown(uint64_t now, uint64_t earlier) {
        return now > earlier ? now - earlier : 0;
}

struct histogram histogram_since(const struct histogram *now, const struct histogram *earlier) {
        struct histogram since;

        for (int i = 0; i < RESTMARK_DURATION_BUCKETS; i++)
                since.counts[i] = grown(now->counts[i], earlier->counts[i]);
        since.sum_ns = grown(now->sum_ns, earlier->sum_ns);
        return since;
}

uint64_t histogram_count(const struct histogram *h) {
        uint64_t n = 0;

        for (int i = 0; i < RESTMARK_DURATION_BUCKETS; i++)
                n += h->counts[i];
        return n;
}

double histogram_quantile_ns(const struct histogram *h, double q) {
        double rank = q * (double)histogram_count(h), below = 0;
        int i = 0;

        if (histogram_count(h) == 0)
                return -1;
        while (i < RESTMARK_DURATION_LIMITS && below + (double)h->counts[i] < rank)
                below += (double)h->counts[i++];
        if (i == RESTMARK_DURATION_LIMITS)
                return (double)histogram_limits_ns[RESTMARK_DURATION_LIMITS - 1];

        double low = i > 0 ? (double)histogram_limits_ns[i - 1] : 0, high = (double)histogram_limits_ns[i];

        return h->counts[i] == 0 ? low : low + (high - low) * (rank - below) / (double)h->counts[i];
}
