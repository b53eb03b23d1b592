#include "unit.h"

#include "base/start_pages.h"
#include "worker/slack.h"

static void a_few_are_not_worth_a_walk(void **state) {
        struct slack s = { .due_ms = 0 };

        (void)state;
        assert_false(slack_is_worth(&s, 100, 100));
        assert_false(slack_is_worth(&s, 100, 0));
}

static void what_a_burst_leaves_is_given_back_once(void **state) {
        struct slack s = { .due_ms = 0 };

        (void)state;
        assert_false(slack_is_worth(&s, 1000, 1000));
        assert_true(slack_is_worth(&s, 1000, 0));
        assert_false(slack_is_worth(&s, 1000, 0));
}

static void a_burst_between_two_looks_counts(void **state) {
        struct slack s = { .due_ms = 0 };

        (void)state;
        assert_true(slack_is_worth(&s, 1000, 0));
}

static void what_goes_little_by_little_is_given_back_too(void **state) {
        struct slack s = { .due_ms = 0 };

        (void)state;
        assert_false(slack_is_worth(&s, 1000, 1000));
        assert_true(slack_is_worth(&s, 1000, 800));
        assert_false(slack_is_worth(&s, 1000, 700));
        assert_true(slack_is_worth(&s, 1000, 600));
}

static void those_that_come_for_others_need_no_memory_of_their_own_for_ever(void **state) {
        struct slack s = { .due_ms = 0 };

        (void)state;
        assert_false(slack_is_worth(&s, 60, 10));
        assert_false(slack_is_worth(&s, 120, 10));
        assert_false(slack_is_worth(&s, 180, 10));
}

static void a_worker_wakes_up_for_the_first_look_alone(void **state) {
        struct slack s;

        (void)state;
        slack_begin(&s, 0, 1000);
        assert_int_equal(slack_wait_ms(&s, 1000), START_PAGES_AFTER_MS);
        assert_int_equal(slack_wait_ms(&s, 1000 + START_PAGES_AFTER_MS + 7), 0);
        s.start_is_over = true;
        assert_int_equal(slack_wait_ms(&s, 1000), -1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_few_are_not_worth_a_walk),
                cmocka_unit_test(what_a_burst_leaves_is_given_back_once),
                cmocka_unit_test(a_burst_between_two_looks_counts),
                cmocka_unit_test(what_goes_little_by_little_is_given_back_too),
                cmocka_unit_test(those_that_come_for_others_need_no_memory_of_their_own_for_ever),
                cmocka_unit_test(a_worker_wakes_up_for_the_first_look_alone),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
