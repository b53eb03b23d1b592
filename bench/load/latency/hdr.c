#include "latency/hdr.h"

#include <math.h>

/* Cells of the first bucket count one value each, those of bucket b 2^b values; each bucket but the first has its upper half only. */
static unsigned int bucket_of(size_t cell) {
        return cell < HDR_SUB_CELLS ? 0 : (unsigned int)(cell >> HDR_HALF_BITS) - 1;
}

uint64_t hdr_cell_lowest_us(size_t cell) {
        unsigned int bucket = bucket_of(cell);

        return ((uint64_t)cell - ((uint64_t)bucket << HDR_HALF_BITS)) << bucket;
}

uint64_t hdr_cell_highest_us(size_t cell) {
        return hdr_cell_lowest_us(cell) + ((uint64_t)1 << bucket_of(cell)) - 1;
}

void hdr_add(struct hdr *to, const struct hdr *from) {
        for (size_t i = 0; i < HDR_CELLS; i++)
                to->counts[i] += __atomic_load_n(&from->counts[i], __ATOMIC_RELAXED);
        to->clamped += __atomic_load_n(&from->clamped, __ATOMIC_RELAXED);
}

void hdr_subtract(struct hdr *from, const struct hdr *earlier) {
        for (size_t i = 0; i < HDR_CELLS; i++)
                from->counts[i] -= earlier->counts[i];
        from->clamped -= earlier->clamped;
}

uint64_t hdr_count(const struct hdr *h) {
        uint64_t count = 0;

        for (size_t i = 0; i < HDR_CELLS; i++)
                count += h->counts[i];
        return count;
}

uint64_t hdr_quantile_us(const struct hdr *h, double quantile) {
        uint64_t count = hdr_count(h), seen = 0, wanted;

        if (count == 0)
                return 0;
        wanted = (uint64_t)ceil(quantile * (double)count - 1e-6); /* 0.99 × 100 is a little more than 99 in binary */
        if (wanted == 0)
                wanted = 1;
        if (wanted > count)
                wanted = count;
        for (size_t i = 0; i < HDR_CELLS; i++) {
                seen += h->counts[i];
                if (seen >= wanted)
                        return hdr_cell_highest_us(i);
        }
        return HDR_HIGHEST_US;
}

uint64_t hdr_count_up_to(const struct hdr *h, uint64_t us) {
        size_t last = hdr_cell(us > HDR_HIGHEST_US ? HDR_HIGHEST_US : us);
        uint64_t count = 0;

        for (size_t i = 0; i <= last; i++)
                count += h->counts[i];
        return count;
}

static double middle_us(size_t cell) {
        return ((double)hdr_cell_lowest_us(cell) + (double)hdr_cell_highest_us(cell)) / 2;
}

struct hdr_summary hdr_summarise(const struct hdr *h) {
        struct hdr_summary s = { .count = hdr_count(h) };
        double sum = 0, squares = 0;
        bool first = true;

        if (s.count == 0)
                return s;
        for (size_t i = 0; i < HDR_CELLS; i++) {
                if (h->counts[i] == 0)
                        continue;
                if (first)
                        s.min_us = hdr_cell_lowest_us(i);
                first = false;
                s.max_us = hdr_cell_highest_us(i);
                sum += middle_us(i) * (double)h->counts[i];
        }
        s.mean_us = sum / (double)s.count;
        for (size_t i = 0; i < HDR_CELLS; i++) {
                double off = middle_us(i) - s.mean_us;

                squares += off * off * (double)h->counts[i];
        }
        s.stdev_us = sqrt(squares / (double)s.count);
        return s;
}
