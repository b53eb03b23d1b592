#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fleet/slot.h"

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
        assert_int_equal(slot.deadline_ms, 1001 + SLOT_HEALTHY_MS);
        return slot;
}

static void a_ready_worker_that_dies_is_replaced_at_once(void **state) {
        struct slot slot = ready();

        (void)state;
        for (uint64_t now_ms = 1001 + SLOT_HEALTHY_MS, i = 0; i < 100; now_ms += SLOT_HEALTHY_MS, i++) {
                if (i % 2) /* whether the timer was in time makes no difference */
                        assert_int_equal(step(&slot, SLOT_EVENT_TIMER, now_ms), SLOT_ACTION_NONE);
                assert_int_equal(step(&slot, SLOT_EVENT_EXITED, now_ms), SLOT_ACTION_FORK);
                assert_int_equal(slot.state, RESTMARK_SLOT_STARTING);
                assert_int_equal(slot.deadline_ms, now_ms + SLOT_START_MS);
                assert_int_equal(step(&slot, SLOT_EVENT_READY, now_ms), SLOT_ACTION_NONE);
                assert_int_equal(slot.short_lives, 0);
        }
        assert_int_equal(slot.failures, 0);
}

static void a_single_short_life_says_nothing(void **state) {
        struct slot slot = ready();

        (void)state;
        assert_int_equal(step(&slot, SLOT_EVENT_EXITED, 1000 + SLOT_HEALTHY_MS), SLOT_ACTION_FORK);
        assert_false(slot_is_in_crash_loop(&slot));
        assert_int_equal(step(&slot, SLOT_EVENT_READY, 2000), SLOT_ACTION_NONE);
        assert_int_equal(slot_timer_ms(&slot), 2000 + SLOT_HEALTHY_MS); /* to forget it */
        slot = ready();
        assert_int_equal(slot_timer_ms(&slot), 0); /* there is nothing to forget */
}

static void short_lives_back_off_and_end_nothing(void **state) {
        static const uint64_t waits_ms[] = { 100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000, 5000, 5000, 5000 };
        uint64_t now_ms = 1001;
        struct slot slot = ready();

        (void)state;
        assert_int_equal(step(&slot, SLOT_EVENT_EXITED, now_ms), SLOT_ACTION_FORK);
        for (size_t i = 0; i < sizeof waits_ms / sizeof *waits_ms; i++) {
                assert_int_equal(step(&slot, SLOT_EVENT_READY, now_ms), SLOT_ACTION_NONE);
                now_ms += SLOT_HEALTHY_MS - 1;
                assert_int_equal(step(&slot, SLOT_EVENT_EXITED, now_ms), SLOT_ACTION_NONE);
                assert_int_equal(slot.state, RESTMARK_SLOT_BACKOFF);
                assert_int_equal(slot.deadline_ms, now_ms + waits_ms[i]);
                assert_true(slot_is_in_crash_loop(&slot));
                now_ms = slot.deadline_ms;
                assert_int_equal(step(&slot, SLOT_EVENT_TIMER, now_ms), SLOT_ACTION_FORK);
        }
        assert_int_equal(slot.failures, 0);
        assert_int_equal(slot.short_lives, 1 + sizeof waits_ms / sizeof *waits_ms);

        assert_int_equal(step(&slot, SLOT_EVENT_READY, now_ms), SLOT_ACTION_NONE);
        assert_int_equal(step(&slot, SLOT_EVENT_TIMER, now_ms + SLOT_HEALTHY_MS), SLOT_ACTION_NONE);
        assert_false(slot_is_in_crash_loop(&slot)); /* while it lives */
        assert_int_equal(slot.state, RESTMARK_SLOT_READY);
        assert_int_equal(step(&slot, SLOT_EVENT_EXITED, now_ms + SLOT_HEALTHY_MS), SLOT_ACTION_FORK);
}

/* Ready or not, what ends badly is started again ever later. */
static void short_lives_and_failed_starts_add_up(void **state) {
        struct slot slot = ready();

        (void)state;
        assert_int_equal(step(&slot, SLOT_EVENT_EXITED, 1100), SLOT_ACTION_FORK);
        assert_int_equal(step(&slot, SLOT_EVENT_READY, 1100), SLOT_ACTION_NONE);
        assert_int_equal(step(&slot, SLOT_EVENT_EXITED, 1100), SLOT_ACTION_NONE);
        assert_int_equal(step(&slot, SLOT_EVENT_TIMER, 1200), SLOT_ACTION_FORK);
        assert_int_equal(step(&slot, SLOT_EVENT_EXITED, 1200), SLOT_ACTION_NONE);
        assert_int_equal(slot.deadline_ms, 1200 + 200);
}

static void failing_starts_back_off_and_lose_the_slot(void **state) {
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
        for (int i = 0; i < 5; i++) { /* each time: by now it may be the last one */
                assert_int_equal(slot.state, RESTMARK_SLOT_BACKOFF);
                assert_int_equal(slot.deadline_ms, now_ms + (i == 0 ? 51200 : SLOT_BACKOFF_LOST_MS));
                now_ms = slot.deadline_ms;
                assert_int_equal(step(&slot, SLOT_EVENT_TIMER, now_ms), SLOT_ACTION_FORK);
                assert_int_equal(step(&slot, SLOT_EVENT_EXITED, now_ms), SLOT_ACTION_GIVE_UP);
        }
}

static void a_refusal_loses_the_slot_at_once(void **state) {
        struct slot slot = starting();

        (void)state;
        assert_int_equal(step(&slot, SLOT_EVENT_REFUSED, 1000), SLOT_ACTION_GIVE_UP);
        assert_int_equal(slot.failures, SLOT_FAILURES_MAX);
        assert_int_equal(slot.state, RESTMARK_SLOT_BACKOFF);
        assert_int_equal(step(&slot, SLOT_EVENT_TIMER, slot.deadline_ms), SLOT_ACTION_FORK);
        assert_int_equal(step(&slot, SLOT_EVENT_REFUSED, 90000), SLOT_ACTION_GIVE_UP);
        assert_int_equal(slot.failures, SLOT_FAILURES_MAX + 1);
}

/* One that was to replace a worker, which goes on. */
static void a_limited_slot_stops_when_it_is_lost(void **state) {
        struct slot slot = starting();

        (void)state;
        slot.limited = true;
        for (int i = 1; i < SLOT_FAILURES_MAX; i++) {
                assert_int_equal(step(&slot, SLOT_EVENT_EXITED, 1000), SLOT_ACTION_NONE);
                assert_int_equal(step(&slot, SLOT_EVENT_TIMER, slot.deadline_ms), SLOT_ACTION_FORK);
        }
        assert_int_equal(step(&slot, SLOT_EVENT_EXITED, 1000), SLOT_ACTION_NONE);
        assert_int_equal(slot.state, RESTMARK_SLOT_STOPPED);

        slot = starting();
        slot.limited = true;
        assert_int_equal(step(&slot, SLOT_EVENT_READY, 1000), SLOT_ACTION_NONE);
        assert_false(slot.limited); /* now it is the one that goes on */
}

static struct slots_tally tally_of(const struct slot *slots, size_t n) {
        struct slots_tally tally = { 0 };

        for (size_t i = 0; i < n; i++)
                slots_count(&tally, &slots[i]);
        return tally;
}

static void the_daemon_ends_only_when_all_slots_are_lost(void **state) {
        struct slot lost = starting(), loop = ready(), waiting = starting();
        struct slots_tally tally;

        (void)state;
        assert_int_equal(step(&lost, SLOT_EVENT_REFUSED, 1000), SLOT_ACTION_GIVE_UP);
        assert_int_equal(step(&waiting, SLOT_EVENT_EXITED, 1000), SLOT_ACTION_NONE);
        assert_int_equal(step(&loop, SLOT_EVENT_EXITED, 1001), SLOT_ACTION_FORK);
        assert_int_equal(step(&loop, SLOT_EVENT_READY, 1001), SLOT_ACTION_NONE);
        assert_int_equal(step(&loop, SLOT_EVENT_EXITED, 1001), SLOT_ACTION_NONE);
        const struct {
                struct slot slots[3];
                size_t n;
                enum slots_verdict verdict;
        } vectors[] = {
                { { lost }, 1, SLOTS_GIVE_UP },
                { { lost, lost, lost }, 3, SLOTS_GIVE_UP },
                { { lost, ready(), lost }, 3, SLOTS_SERVE },
                { { ready(), ready(), ready() }, 3, SLOTS_SERVE },
                { { lost, starting(), lost }, 3, SLOTS_WAIT },
                { { lost, waiting, lost }, 3, SLOTS_WAIT },
                { { lost, loop }, 2, SLOTS_WAIT }, /* it does serve, for moments */
                { { ready(), starting() }, 2, SLOTS_WAIT },
        };
        for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
                tally = tally_of(vectors[i].slots, vectors[i].n);
                assert_int_equal(slots_judge(&tally), vectors[i].verdict);
        }
        assert_int_equal(step(&lost, SLOT_EVENT_TIMER, lost.deadline_ms), SLOT_ACTION_FORK);
        tally = tally_of(&lost, 1);
        assert_int_equal(slots_judge(&tally), SLOTS_GIVE_UP); /* that it is tried again gives no hope … */
        assert_int_equal(step(&lost, SLOT_EVENT_READY, 90000), SLOT_ACTION_NONE);
        tally = tally_of(&lost, 1);
        assert_int_equal(slots_judge(&tally), SLOTS_SERVE); /* … before it succeeds */
}

/* A machine that has stood still: the worker has not had the time that its deadline says. */
static void a_deadline_that_is_noticed_late_is_put_off_once(void **state) {
        struct slot slots[] = { starting(), ready() };

        (void)state;
        assert_int_equal(step(&slots[1], SLOT_EVENT_STOP, 2000), SLOT_ACTION_DRAIN);
        for (size_t i = 0; i < sizeof slots / sizeof *slots; i++) {
                uint64_t now_ms = slots[i].deadline_ms + 100000;
                enum restmark_slot_state before = slots[i].state;

                assert_int_equal(step(&slots[i], SLOT_EVENT_TIMER, now_ms), SLOT_ACTION_NONE);
                assert_int_equal(slots[i].state, before);
                assert_int_equal(slots[i].deadline_ms, now_ms + SLOT_LATE_GRACE_MS);
                assert_int_equal(step(&slots[i], SLOT_EVENT_TIMER, now_ms + SLOT_LATE_GRACE_MS), SLOT_ACTION_KILL);
        }
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
                        if ((event == SLOT_EVENT_EXITED || event == SLOT_EVENT_REFUSED) && !had_worker)
                                continue; /* the supervisor reports the death of workers only */
                        now_ms += (random >> 20) % 4000;
                        action = step(&slot, event, now_ms);
                        if (action == SLOT_ACTION_FORK)
                                assert_true((!had_worker || event == SLOT_EVENT_EXITED || event == SLOT_EVENT_REFUSED) && !was_stopping);
                        if (action == SLOT_ACTION_KILL || action == SLOT_ACTION_DRAIN)
                                assert_true(had_worker);
                        if (event == SLOT_EVENT_TIMER) /* it has acted on a deadline that was due */
                                assert_true(slot.deadline_ms == 0 || slot.deadline_ms > now_ms);
                        if (slot.state == RESTMARK_SLOT_BACKOFF || slot.state == RESTMARK_SLOT_DRAINING)
                                assert_true(slot.deadline_ms > 0);
                        if (action == SLOT_ACTION_GIVE_UP)
                                assert_true(slot.state == RESTMARK_SLOT_BACKOFF && slot.failures >= SLOT_FAILURES_MAX);
                }
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_ready_worker_that_dies_is_replaced_at_once),
                cmocka_unit_test(a_single_short_life_says_nothing),
                cmocka_unit_test(short_lives_back_off_and_end_nothing),
                cmocka_unit_test(short_lives_and_failed_starts_add_up),
                cmocka_unit_test(failing_starts_back_off_and_lose_the_slot),
                cmocka_unit_test(a_refusal_loses_the_slot_at_once),
                cmocka_unit_test(a_limited_slot_stops_when_it_is_lost),
                cmocka_unit_test(the_daemon_ends_only_when_all_slots_are_lost),
                cmocka_unit_test(a_deadline_that_is_noticed_late_is_put_off_once),
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
