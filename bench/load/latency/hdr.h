/* A log-linear histogram in HdrHistogram's bucket layout: microseconds from 1 to 60 000 000 (one minute) with three significant
 * decimal digits. Values are whole microseconds; 0 has a cell of its own. Merging adds counts and loses nothing. */
#ifndef RESTMARK_LOAD_LATENCY_HDR_H
#define RESTMARK_LOAD_LATENCY_HDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
        HDR_LOWEST_US = 1,
        HDR_HIGHEST_US = 60000000,
        HDR_DIGITS = 3,
        HDR_SUB_BITS = 11, /* 2048 cells, the least power of two that tells 2 × 10^3 values apart */
        HDR_HALF_BITS = HDR_SUB_BITS - 1,
        HDR_SUB_CELLS = 1 << HDR_SUB_BITS,
        HDR_HALF_CELLS = 1 << HDR_HALF_BITS,
        HDR_BUCKETS = 16, /* 2048 << 15 is the first power above HDR_HIGHEST_US */
        HDR_CELLS = (HDR_BUCKETS + 1) * HDR_HALF_CELLS,
};
_Static_assert((int64_t)HDR_SUB_CELLS << (HDR_BUCKETS - 1) > HDR_HIGHEST_US, "the buckets reach HDR_HIGHEST_US");
_Static_assert((int64_t)HDR_SUB_CELLS << (HDR_BUCKETS - 2) <= HDR_HIGHEST_US, "no bucket is in vain");

/* One thread writes; others may read while it does, and then see counts of about the same moment. */
struct hdr {
        uint64_t counts[HDR_CELLS];
        uint64_t clamped; /* values above HDR_HIGHEST_US, counted as that */
};

/* Where `us` (at most HDR_HIGHEST_US) is counted. */
static inline size_t hdr_cell(uint64_t us) {
        unsigned int bucket = 63u - (unsigned int)__builtin_clzll(us | (HDR_SUB_CELLS - 1)) - HDR_HALF_BITS;

        return ((size_t)bucket << HDR_HALF_BITS) + (size_t)(us >> bucket);
}

/* Lowest and highest value that is counted in this cell. */
uint64_t hdr_cell_lowest_us(size_t cell);
uint64_t hdr_cell_highest_us(size_t cell);

/* Counts `n` values of `ns` nanoseconds, rounded to the nearest microsecond. */
static inline void hdr_record(struct hdr *h, uint64_t ns, uint64_t n) {
        uint64_t us = (ns + 500) / 1000, *count;

        if (us > HDR_HIGHEST_US) {
                us = HDR_HIGHEST_US;
                __atomic_store_n(&h->clamped, h->clamped + n, __ATOMIC_RELAXED);
        }
        count = &h->counts[hdr_cell(us)];
        __atomic_store_n(count, *count + n, __ATOMIC_RELAXED);
}

/* Adds the counts of `from`, which its thread may be writing, to `to`. */
void hdr_add(struct hdr *to, const struct hdr *from);

/* Takes the counts of `earlier`, an older copy of the same histogram, away from `from`. */
void hdr_subtract(struct hdr *from, const struct hdr *earlier);

uint64_t hdr_count(const struct hdr *h);

/* The value that the share `quantile` (0 to 1) of all values does not exceed: the highest of its cell, as HdrHistogram has it. 0 of
 * an empty histogram. */
uint64_t hdr_quantile_us(const struct hdr *h, double quantile);

/* How many values are at most `us`, to the resolution of a cell: all that share its cell count. */
uint64_t hdr_count_up_to(const struct hdr *h, uint64_t us);

/* What a cell's values are taken for where they are added up: its middle. Quantiles and extremes do not depend on it. */
struct hdr_summary {
        uint64_t count, min_us, max_us;
        double mean_us, stdev_us;
};
struct hdr_summary hdr_summarise(const struct hdr *h);

#endif
