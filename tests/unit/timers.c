#include "http/timers.h"

#include <errno.h>
#include <stdbool.h>

#include "unit.h"

enum { N = 500 };

static struct timer all[N + 1];

/* A sequence that any machine repeats. */
static uint32_t next(uint32_t *state) {
        *state = *state * UINT32_C(1664525) + UINT32_C(1013904223);
        return *state >> 8;
}

static struct timer *earliest(void) {
        struct timer *found = NULL;

        for (int i = 0; i < N; i++)
                if (all[i].place > 0 && (!found || all[i].due_ms < found->due_ms))
                        found = &all[i];
        return found;
}

static void the_first_is_the_earliest_whatever_comes_and_goes(void **state) {
        uint32_t chance = 7;
        struct timers t;
        size_t running = 0;

        (void)state;
        assert_int_equal(timers_init(&t, N), 0);
        assert_null(timers_first(&t));
        for (int step = 0; step < 20000; step++) {
                struct timer *one = &all[next(&chance) % N], *first = earliest();

                if (next(&chance) % 4 == 0 && first)
                        one = first;
                if (one->place > 0) {
                        timers_remove(&t, one);
                        running--;
                } else {
                        assert_int_equal(timers_add(&t, one, next(&chance) % 1000), 0);
                        running++;
                }
                assert_int_equal(t.n, running);
                first = earliest();
                assert_true((timers_first(&t) == NULL) == (first == NULL));
                if (first)
                        assert_int_equal(timers_first(&t)->due_ms, first->due_ms);
        }
        while (timers_first(&t))
                timers_remove(&t, timers_first(&t));
        for (int i = 0; i < N; i++)
                assert_int_equal(all[i].place, 0);
        timers_deinit(&t);
}

static void there_is_room_for_as_many_as_was_said(void **state) {
        struct timers t;

        (void)state;
        assert_int_equal(timers_init(&t, N), 0);
        for (int i = 0; i < N; i++)
                assert_int_equal(timers_add(&t, &all[i], (uint64_t)(N - i)), 0);
        assert_int_equal(timers_add(&t, &all[N], 0), -ENOSPC);
        assert_int_equal(all[N].place, 0);
        timers_remove(&t, &all[N]); /* it does not run */
        assert_int_equal(t.n, N);
        for (int i = N; i-- > 0;) {
                assert_ptr_equal(timers_first(&t), &all[i]);
                timers_remove(&t, &all[i]);
        }
        timers_deinit(&t);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_first_is_the_earliest_whatever_comes_and_goes),
                cmocka_unit_test(there_is_room_for_as_many_as_was_said),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
