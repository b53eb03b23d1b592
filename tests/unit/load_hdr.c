#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "latency/hdr.h"

static struct hdr *new_histogram(void) {
        struct hdr *h = calloc(1, sizeof *h);

        assert_non_null(h);
        return h;
}

static void cells_cover_every_value_once(void **state) {
        (void)state;
        assert_int_equal(HDR_CELLS, 17408); /* HdrHistogram's counts array for 1 … 60 000 000 with three digits */
        assert_int_equal(hdr_cell_lowest_us(0), 0);
        for (size_t i = 0; i < HDR_CELLS; i++) {
                uint64_t low = hdr_cell_lowest_us(i), high = hdr_cell_highest_us(i);

                if (i > 0)
                        assert_int_equal(low, hdr_cell_highest_us(i - 1) + 1);
                assert_int_equal(hdr_cell(low), i);
                assert_int_equal(hdr_cell(high), i);
                assert_true((high - low) * 1000 <= low); /* three digits */
        }
        assert_true(hdr_cell(HDR_HIGHEST_US) < HDR_CELLS);
}

static void nanoseconds_are_rounded_and_a_minute_is_the_limit(void **state) {
        struct hdr *h = new_histogram();

        (void)state;
        hdr_record(h, 1499, 1);
        hdr_record(h, 1500, 2);
        hdr_record(h, 499, 4);
        hdr_record(h, UINT64_C(60000000000), 8);
        assert_int_equal(h->clamped, 0);
        hdr_record(h, UINT64_C(61000000000), 16);
        hdr_record(h, UINT64_MAX - 500, 32);
        assert_int_equal(h->counts[0], 4);
        assert_int_equal(h->counts[1], 1);
        assert_int_equal(h->counts[2], 2);
        assert_int_equal(h->clamped, 48);
        assert_int_equal(h->counts[hdr_cell(HDR_HIGHEST_US)], 56);
        assert_int_equal(hdr_count(h), 63);
        free(h);
}

static void quantiles_are_those_of_the_values(void **state) {
        struct hdr *h = new_histogram();
        struct hdr_summary s;

        (void)state;
        assert_int_equal(hdr_quantile_us(h, 0.5), 0);
        assert_int_equal(hdr_summarise(h).count, 0);
        for (uint64_t us = 1; us <= 1000; us++)
                hdr_record(h, us * 1000, 1);
        assert_int_equal(hdr_quantile_us(h, 0), 1);
        assert_int_equal(hdr_quantile_us(h, 0.5), 500);
        assert_int_equal(hdr_quantile_us(h, 0.99), 990); /* 0.99 is a little more than that in binary */
        assert_int_equal(hdr_quantile_us(h, 0.999), 999);
        assert_int_equal(hdr_quantile_us(h, 0.9991), 1000);
        assert_int_equal(hdr_quantile_us(h, 1), 1000);
        assert_int_equal(hdr_count_up_to(h, 250), 250);
        assert_int_equal(hdr_count_up_to(h, UINT64_MAX), 1000);
        s = hdr_summarise(h);
        assert_int_equal(s.min_us, 1);
        assert_int_equal(s.max_us, 1000);
        assert_float_equal(s.mean_us, 500.5, 0.001);
        assert_float_equal(s.stdev_us, 288.675, 0.001);
        free(h);
}

/* Merging is adding counts, and a later copy less an earlier one is what came in between. */
static void sums_and_differences_are_exact(void **state) {
        struct hdr *all = new_histogram(), *a = new_histogram(), *b = new_histogram(), *sum = new_histogram();

        (void)state;
        for (uint64_t i = 0; i < 5000; i++) {
                uint64_t ns = i * i * 997;

                hdr_record(all, ns, 1);
                hdr_record(i % 3 ? a : b, ns, 1);
        }
        hdr_add(sum, a);
        hdr_add(sum, b);
        assert_memory_equal(sum, all, sizeof *sum);
        hdr_subtract(sum, a);
        assert_memory_equal(sum, b, sizeof *sum);
        free(all);
        free(a);
        free(b);
        free(sum);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(cells_cover_every_value_once),
                cmocka_unit_test(nanoseconds_are_rounded_and_a_minute_is_the_limit),
                cmocka_unit_test(quantiles_are_those_of_the_values),
                cmocka_unit_test(sums_and_differences_are_exact),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
