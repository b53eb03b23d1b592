#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "master/slot.h"

enum { MERCY_MS = 7000 };

static enum slot_action step(struct slot *slot, enum slot_event event, uint64_t now_ms) {
        return slot_step(slot, event, now_ms, MERCY_MS);
}

static struct slot starting(void) {
        struct slot slot = { .state = RESTMARK_SLOT_EMPTY };

        assert_int_equal(step(&slot, SLOT_EVENT_START, 1000), SLOT_ACTION_FORK);
        assert_int_equal(slot.state, RESTMARK_SLOT_STARTING);
        return slot;
}

static struct slot ready(void) {
        struct slot slot = starting();

        assert_int_equal(step(&slot, SLOT_EVENT_READY, 1001), SLOT_ACTION_NONE);
        assert_int_equal(slot.state, RESTMARK_SLOT_READY);
        assert_int_equal(slot.deadline_ms, 0);
        return slot;
}

static void a_ready_worker_that_dies_is_replaced_at_once(void **state) {
        struct slot slot = ready();

        (void)state;
        for (uint64_t now_ms = 2000; now_ms < 2100; now_ms++) {
                assert_int_equal(step(&slot, SLOT_EVENT_EXITED, now_ms), SLOT_ACTION_FORK);
                assert_int_equal(slot.state, RESTMARK_SLOT_STARTING);
                assert_int_equal(slot.deadline_ms, now_ms + SLOT_START_MS);
                assert_int_equal(step(&slot, SLOT_EVENT_READY, now_ms), SLOT_ACTION_NONE);
        }
        assert_int_equal(slot.failures, 0);
}

static void failing_starts_back_off_and_end_the_daemon(void **state) {
        static const uint64_t waits_ms[] = { 100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000 };
        struct slot slot = starting();
        uint64_t now_ms = 5000;

        (void)state;
        for (size_t i = 0; i < sizeof waits_ms / sizeof *waits_ms; i++) {
                assert_int_equal(step(&slot, SLOT_EVENT_EXITED, now_ms), SLOT_ACTION_NONE);
                assert_int_equal(slot.state, RESTMARK_SLOT_BACKOFF);
                assert_int_equal(slot.deadline_ms, now_ms + waits_ms[i]);
                assert_int_equal(step(&slot, SLOT_EVENT_TIMER, slot.deadline_ms - 1), SLOT_ACTION_NONE); /* too early */
                now_ms = slot.deadline_ms;
                assert_int_equal(step(&slot, SLOT_EVENT_TIMER, now_ms), SLOT_ACTION_FORK);
        }
        assert_int_equal(step(&slot, SLOT_EVENT_EXITED, now_ms), SLOT_ACTION_GIVE_UP);
        assert_int_equal(slot.failures, SLOT_FAILURES_MAX);
        assert_int_equal(slot.state, RESTMARK_SLOT_STOPPED);
}

static void becoming_ready_forgives_failures(void **state) {
        struct slot slot = starting();

        (void)state;
        assert_int_equal(step(&slot, SLOT_EVENT_EXITED, 1000), SLOT_ACTION_NONE);
        assert_int_equal(step(&slot, SLOT_EVENT_TIMER, 1100), SLOT_ACTION_FORK);
        assert_int_equal(slot.failures, 1);
        assert_int_equal(step(&slot, SLOT_EVENT_READY, 1101), SLOT_ACTION_NONE);
        assert_int_equal(slot.failures, 0);
}

static void a_worker_that_never_gets_ready_is_killed_and_counts_as_failed(void **state) {
        struct slot slot = starting();

        (void)state;
        assert_int_equal(step(&slot, SLOT_EVENT_TIMER, 1000 + SLOT_START_MS), SLOT_ACTION_KILL);
        assert_int_equal(slot.state, RESTMARK_SLOT_KILLED);
        assert_int_equal(step(&slot, SLOT_EVENT_READY, 40000), SLOT_ACTION_NONE); /* its last word comes too late */
        assert_int_equal(slot.state, RESTMARK_SLOT_KILLED);
        assert_int_equal(step(&slot, SLOT_EVENT_EXITED, 40001), SLOT_ACTION_NONE);
        assert_int_equal(slot.state, RESTMARK_SLOT_BACKOFF);
        assert_int_equal(slot.failures, 1);
}

static void stopping_drains_then_kills(void **state) {
        struct slot slot = ready();

        (void)state;
        assert_int_equal(step(&slot, SLOT_EVENT_STOP, 2000), SLOT_ACTION_DRAIN);
        assert_int_equal(slot.state, RESTMARK_SLOT_DRAINING);
        assert_int_equal(slot.deadline_ms, 2000 + MERCY_MS);
        assert_int_equal(step(&slot, SLOT_EVENT_STOP, 2001), SLOT_ACTION_NONE); /* once is enough */
        assert_int_equal(slot.deadline_ms, 2000 + MERCY_MS);
        assert_int_equal(step(&slot, SLOT_EVENT_TIMER, 2000 + MERCY_MS), SLOT_ACTION_KILL);
        assert_int_equal(step(&slot, SLOT_EVENT_EXITED, 9001), SLOT_ACTION_NONE);
        assert_int_equal(slot.state, RESTMARK_SLOT_STOPPED);
}

static void a_drained_worker_is_not_replaced(void **state) {
        struct slot slot = ready();

        (void)state;
        assert_int_equal(step(&slot, SLOT_EVENT_STOP, 2000), SLOT_ACTION_DRAIN);
        assert_int_equal(step(&slot, SLOT_EVENT_EXITED, 2001), SLOT_ACTION_NONE);
        assert_int_equal(slot.state, RESTMARK_SLOT_STOPPED);
        assert_int_equal(slot.deadline_ms, 0);
        assert_false(slot_has_worker(&slot));
}

static void a_starting_worker_can_be_stopped(void **state) {
        struct slot slot = starting();

        (void)state;
        assert_int_equal(step(&slot, SLOT_EVENT_STOP, 1001), SLOT_ACTION_DRAIN);
        assert_int_equal(step(&slot, SLOT_EVENT_READY, 1002), SLOT_ACTION_NONE);
        assert_int_equal(slot.state, RESTMARK_SLOT_DRAINING);
}

static void a_waiting_slot_stops_without_a_worker(void **state) {
        static const enum slot_event stops[] = { SLOT_EVENT_STOP, SLOT_EVENT_KILL };

        (void)state;
        for (size_t i = 0; i < 2; i++) {
                struct slot slot = starting();

                assert_int_equal(step(&slot, SLOT_EVENT_EXITED, 1001), SLOT_ACTION_NONE);
                assert_int_equal(step(&slot, stops[i], 1002), SLOT_ACTION_NONE);
                assert_int_equal(slot.state, RESTMARK_SLOT_STOPPED);
                assert_int_equal(step(&slot, SLOT_EVENT_TIMER, 60000), SLOT_ACTION_NONE);
                assert_int_equal(step(&slot, SLOT_EVENT_START, 60001), SLOT_ACTION_NONE);
        }
}

static void killing_kills_in_every_state_with_a_worker(void **state) {
        struct slot slots[] = { starting(), ready(), ready() };

        (void)state;
        assert_int_equal(step(&slots[2], SLOT_EVENT_STOP, 2000), SLOT_ACTION_DRAIN);
        for (size_t i = 0; i < sizeof slots / sizeof *slots; i++) {
                assert_int_equal(step(&slots[i], SLOT_EVENT_KILL, 2001), SLOT_ACTION_KILL);
                assert_int_equal(slots[i].state, RESTMARK_SLOT_KILLED);
                assert_int_equal(step(&slots[i], SLOT_EVENT_EXITED, 2002), SLOT_ACTION_NONE);
                assert_int_equal(slots[i].state, RESTMARK_SLOT_STOPPED);
        }
}

/* Whatever comes in whatever order: a slot forks only without a worker, and never after it was told to stop. */
static void random_events_keep_the_promises(void **state) {
        uint32_t random = 12345;

        (void)state;
        for (int run = 0; run < 2000; run++) {
                struct slot slot = { .state = RESTMARK_SLOT_EMPTY };
                uint64_t now_ms = 1;

                for (int i = 0; i < 60; i++) {
                        bool had_worker = slot_has_worker(&slot), was_stopping = slot.stopping;
                        enum slot_event event;
                        enum slot_action action;

                        random = random * 1664525u + 1013904223u;
                        event = (random >> 16) % SLOT_EVENT_COUNT;
                        if (event == SLOT_EVENT_EXITED && !had_worker)
                                continue; /* the supervisor reports the death of workers only */
                        now_ms += (random >> 20) % 4000;
                        action = step(&slot, event, now_ms);
                        if (action == SLOT_ACTION_FORK)
                                assert_true((!had_worker || event == SLOT_EVENT_EXITED) && !was_stopping);
                        if (action == SLOT_ACTION_KILL || action == SLOT_ACTION_DRAIN)
                                assert_true(had_worker);
                        if (event == SLOT_EVENT_TIMER) /* it has acted on a deadline that was due */
                                assert_true(slot.deadline_ms == 0 || slot.deadline_ms > now_ms);
                        if (slot.state == RESTMARK_SLOT_BACKOFF || slot.state == RESTMARK_SLOT_DRAINING)
                                assert_true(slot.deadline_ms > 0);
                        if (action == SLOT_ACTION_GIVE_UP)
                                break;
                }
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_ready_worker_that_dies_is_replaced_at_once),
                cmocka_unit_test(failing_starts_back_off_and_end_the_daemon),
                cmocka_unit_test(becoming_ready_forgives_failures),
                cmocka_unit_test(a_worker_that_never_gets_ready_is_killed_and_counts_as_failed),
                cmocka_unit_test(stopping_drains_then_kills),
                cmocka_unit_test(a_drained_worker_is_not_replaced),
                cmocka_unit_test(a_starting_worker_can_be_stopped),
                cmocka_unit_test(a_waiting_slot_stops_without_a_worker),
                cmocka_unit_test(killing_kills_in_every_state_with_a_worker),
                cmocka_unit_test(random_events_keep_the_promises),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
