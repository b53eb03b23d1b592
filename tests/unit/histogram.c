#include "unit.h"

#include <string.h>

#include "shared/histogram.h"

static uint64_t bucket_of(uint64_t duration_ns) {
        struct restmark_route_cell cell;
        uint64_t found = UINT64_MAX;

        memset(&cell, 0, sizeof cell);
        histogram_record(&cell, duration_ns);
        assert_int_equal(cell_get(&cell.duration_ns), duration_ns);
        for (uint64_t i = 0; i < RESTMARK_DURATION_BUCKETS; i++)
                if (cell_get(&cell.durations[i]) != 0) {
                        assert_int_equal(cell_get(&cell.durations[i]), 1);
                        assert_int_equal(found, UINT64_MAX);
                        found = i;
                }
        return found;
}

/* 1, 2, 5, 10 … and to both sides of each: a limit belongs to the bucket below it, as OpenMetrics' "le" says. */
static void limits_are_1_2_5_and_inclusive(void **state) {
        uint64_t power = 1000;

        (void)state;
        for (unsigned int i = 0; i < RESTMARK_DURATION_LIMITS; i++) {
                static const uint64_t steps[] = { 1, 2, 5 };

                assert_int_equal(histogram_limits_ns[i], steps[i % 3] * power);
                if (i % 3 == 2)
                        power *= 10;
                assert_int_equal(bucket_of(histogram_limits_ns[i]), i);
                assert_int_equal(bucket_of(histogram_limits_ns[i] + 1), i + 1);
        }
        assert_int_equal(histogram_limits_ns[RESTMARK_DURATION_LIMITS - 1], 10000000000);
        assert_int_equal(bucket_of(0), 0);
        assert_int_equal(bucket_of(UINT64_MAX), RESTMARK_DURATION_LIMITS);
}

static void quantiles_lie_where_the_counts_put_them(void **state) {
        struct histogram h = { .counts = { 0 } };

        (void)state;
        assert_true(histogram_quantile_ns(&h, 0.5) < 0); /* nothing is known */

        h.counts[2] = 100; /* 2 us … 5 us */
        assert_float_equal(histogram_quantile_ns(&h, 0.5), 3500, 0.001);
        assert_float_equal(histogram_quantile_ns(&h, 0.99), 4970, 0.001);
        assert_float_equal(histogram_quantile_ns(&h, 1), 5000, 0.001);

        h.counts[9] = 100; /* 0.5 ms … 1 ms */
        assert_float_equal(histogram_quantile_ns(&h, 0.5), 5000, 0.001);
        assert_float_equal(histogram_quantile_ns(&h, 0.75), 750000, 0.001);

        h.counts[0] = 200; /* 0 … 1 us */
        assert_float_equal(histogram_quantile_ns(&h, 0.25), 500, 0.001);

        h.counts[RESTMARK_DURATION_LIMITS] = 400; /* longer than all limits: at least this long, more is not known */
        assert_float_equal(histogram_quantile_ns(&h, 0.99), 1e10, 0.001);
        assert_int_equal(histogram_count(&h), 800);
}

static void a_difference_is_what_came_in_between(void **state) {
        struct histogram earlier = { .counts = { [1] = 5, [3] = 7 }, .sum_ns = 100 }, now = earlier, since;

        (void)state;
        now.counts[3] += 10;
        now.sum_ns += 150;
        since = histogram_since(&now, &earlier);
        assert_int_equal(histogram_count(&since), 10);
        assert_int_equal(since.counts[3], 10);
        assert_int_equal(since.sum_ns, 150);

        now.counts[1] = 4; /* read while a dead worker's numbers moved */
        assert_int_equal(histogram_since(&now, &earlier).counts[1], 0);
}

static void a_dead_worker_leaves_its_histogram_to_the_slot(void **state) {
        static struct restmark_slot slot;
        struct restmark_route_cell *cell = &slot.workers[1].routes[RESTMARK_ROUTE_ENCODE_JSON];
        struct histogram before = { .sum_ns = 0 }, after = { .sum_ns = 0 };

        (void)state;
        histogram_record(cell, 3000);
        histogram_record(cell, 150000);
        cell_set(&cell->requests, 2);
        cell_set(&slot.workers[1].beat_ms, 77);
        scoreboard_begin_work(&slot.workers[1], RESTMARK_ROUTE_ENCODE_JSON, 78);
        histogram_add_slot(&before, &slot, RESTMARK_ROUTE_ENCODE_JSON);

        assert_int_equal(scoreboard_bury(&slot, 1), 2);
        histogram_add_slot(&after, &slot, RESTMARK_ROUTE_ENCODE_JSON);
        assert_memory_equal(&before, &after, sizeof before);
        assert_int_equal(histogram_count(&after), 2);
        assert_int_equal(after.sum_ns, 153000);
        assert_int_equal(cell_get(&cell->duration_ns), 0);
        assert_int_equal(cell_get(&slot.slot.past.routes[RESTMARK_ROUTE_ENCODE_JSON].durations[2]), 1);
        assert_int_equal(cell_get(&slot.workers[1].beat_ms), 0);
        assert_int_equal(cell_get(&slot.workers[1].working_since_ms), 0);
}

static void work_is_read_back_as_it_was_announced(void **state) {
        static struct restmark_worker_cell cell;
        struct scoreboard_work work;
        char query[SCOREBOARD_QUERY_MAX];

        (void)state;
        assert_false(scoreboard_read_work(&cell, &work));
        cell_set(&cell.working_n, 100000000);
        cell_set(&cell.working_seed, 2147483647);
        scoreboard_begin_work(&cell, RESTMARK_ROUTE_MILLION_LOOP, 1234);
        assert_true(scoreboard_read_work(&cell, &work));
        assert_int_equal(work.since_ms, 1234);
        assert_int_equal(work.route, RESTMARK_ROUTE_MILLION_LOOP);
        assert_string_equal(scoreboard_format_query(&work, query), "?n=100000000&seed=2147483647");
        scoreboard_end_work(&cell);
        assert_false(scoreboard_read_work(&cell, &work));

        cell_set(&cell.working_count, 10);
        scoreboard_begin_work(&cell, RESTMARK_ROUTE_TRANSFER_DATA, 1235);
        assert_true(scoreboard_read_work(&cell, &work));
        assert_string_equal(scoreboard_format_query(&work, query), "?count=10");
        scoreboard_begin_work(&cell, RESTMARK_ROUTE_WELCOME, 1236);
        assert_true(scoreboard_read_work(&cell, &work));
        assert_string_equal(scoreboard_format_query(&work, query), "");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(limits_are_1_2_5_and_inclusive),
                cmocka_unit_test(quantiles_lie_where_the_counts_put_them),
                cmocka_unit_test(a_difference_is_what_came_in_between),
                cmocka_unit_test(a_dead_worker_leaves_its_histogram_to_the_slot),
                cmocka_unit_test(work_is_read_back_as_it_was_announced),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
