#include "act/hearing.h"

#include <errno.h>

#include "unit.h"

static const char *say(struct hearing *h, enum link_message message, enum restmark_slot_state state) {
        return hearing_judge(h, 1, message, false, state);
}

static void a_worker_says_that_it_is_ready_once(void **state) {
        struct hearing h = { 0 };

        (void)state;
        assert_null(say(&h, LINK_READY, RESTMARK_SLOT_STARTING));
        assert_string_equal(say(&h, LINK_READY, RESTMARK_SLOT_READY), "has said more than once that it is ready");
        h = (struct hearing){ 0 };
        assert_null(say(&h, LINK_READY, RESTMARK_SLOT_DRAINING)); /* the stop was faster */
}

static void it_is_done_once_and_once_more_for_each_connection(void **state) {
        struct hearing h = { 0 };

        (void)state;
        assert_non_null(say(&h, LINK_DONE, RESTMARK_SLOT_READY));
        assert_null(say(&h, LINK_DONE, RESTMARK_SLOT_DRAINING));
        h.n_passed = 2;
        assert_null(say(&h, LINK_DONE, RESTMARK_SLOT_DRAINING));
        assert_null(say(&h, LINK_DONE, RESTMARK_SLOT_KILLED));
        assert_string_equal(say(&h, LINK_DONE, RESTMARK_SLOT_DRAINING), "has said more than once that it is done");
}

static void nothing_else_is_a_workers_to_say(void **state) {
        static const enum link_message masters[] = { LINK_ACCEPT, LINK_RETIRE, LINK_REOPEN, LINK_CONNECTION, LINK_CALLER, LINK_STOP, LINK_LEAVE };
        struct hearing h = { 0 };

        (void)state;
        for (size_t i = 0; i < ELEMENTS(masters); i++)
                assert_non_null(say(&h, masters[i], RESTMARK_SLOT_DRAINING));
        assert_non_null(hearing_judge(&h, 1, LINK_READY, true, RESTMARK_SLOT_STARTING));
        assert_non_null(hearing_judge(&h, -EMFILE, LINK_READY, false, RESTMARK_SLOT_STARTING));
        assert_non_null(hearing_judge(&h, -EPROTO, LINK_READY, false, RESTMARK_SLOT_STARTING));
}

static void silence_and_the_end_are_nothing_to_judge(void **state) {
        static const int received[] = { 0, -EAGAIN, -ECONNRESET };
        struct hearing h = { 0 };

        (void)state;
        for (size_t i = 0; i < ELEMENTS(received); i++)
                assert_null(hearing_judge(&h, received[i], LINK_ACCEPT, false, RESTMARK_SLOT_READY));
        assert_null(say(&h, LINK_READY, RESTMARK_SLOT_STARTING)); /* still the first time */
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_worker_says_that_it_is_ready_once),
                cmocka_unit_test(it_is_done_once_and_once_more_for_each_connection),
                cmocka_unit_test(nothing_else_is_a_workers_to_say),
                cmocka_unit_test(silence_and_the_end_are_nothing_to_judge),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
