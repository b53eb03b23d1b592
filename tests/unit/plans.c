/* What the plans about workers and generations want, by tables: facts, a happening, and the intents that follow. What follows from many of them
 * is for the simulation. */
#include "plan.h"

#include "fleet/wish.h"
#include "plan/reload.h"
#include "plan/replace.h"
#include "plan/resize.h"
#include "plan/slots.h"

static void expect_slots(struct happening h, const char *expected) {
        struct slots state = { 0 };

        intents_clear(&intents);
        plan_slots(&state, &fleet, &h, PLAN_NOW_MS, &intents);
        assert_string_equal(plan_write(&intents, text), expected);
}

static void slots_do_what_their_machines_say(void **state) {
        static const struct {
                const char *facts;
                enum restmark_slot_state before;
                enum slot_action action;
                const char *expected;
        } rows[] = {
                { "S.", RESTMARK_SLOT_EMPTY, SLOT_ACTION_FORK, "FORK 0.0" },
                { "R.", RESTMARK_SLOT_STARTING, SLOT_ACTION_NONE, "" },
                { "D. R.", RESTMARK_SLOT_READY, SLOT_ACTION_DRAIN, "TELL 0.0 S" },
                { "K. R.", RESTMARK_SLOT_DRAINING, SLOT_ACTION_KILL, "KILL 0.0" },
                { "B. R.", RESTMARK_SLOT_STARTING, SLOT_ACTION_GIVE_UP, "" }, /* the other serves */
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTS(rows); i++) {
                plan_fleet(&fleet, rows[i].facts);
                expect_slots(changed(0, 0, rows[i].before, rows[i].action), rows[i].expected);
        }
}

static void what_was_wanted_of_a_worker_that_is_no_more_is_not_done_to_its_successor(void **state) {
        struct happening h;

        (void)state;
        plan_fleet(&fleet, "S.");
        fleet.seats[0][0].life = 8;
        h = changed(0, 0, RESTMARK_SLOT_STARTING, SLOT_ACTION_KILL);
        h.change.life = 7;
        expect_slots(h, "");
        h.change.life = 8;
        expect_slots(h, "KILL 0.0");
}

static void the_daemon_serves_when_all_do_that_can_and_ends_when_all_have_stopped(void **state) {
        (void)state;
        plan_fleet(&fleet, "R. R.");
        fleet.was_ready = false;
        expect_slots(changed(0, 0, RESTMARK_SLOT_STARTING, SLOT_ACTION_NONE), "SERVE; HAPPEN SERVES");
        plan_fleet(&fleet, "R. S.");
        fleet.was_ready = false;
        expect_slots(changed(0, 0, RESTMARK_SLOT_STARTING, SLOT_ACTION_NONE), "");
        plan_fleet(&fleet, "XX X.");
        fleet.stopping = true;
        expect_slots(changed(0, 0, RESTMARK_SLOT_KILLED, SLOT_ACTION_NONE), "");
        plan_fleet(&fleet, "XX XX");
        fleet.stopping = true;
        expect_slots(changed(0, 0, RESTMARK_SLOT_KILLED, SLOT_ACTION_NONE), "REPLY 0 yes; EXIT 0");
}

/* ---- replace ---- */

static void wish(unsigned int slot, enum restmark_cause cause, uint64_t ticket) {
        fleet.wishes[slot] = (struct wish){ .wanted = true,
                                            .cause = cause,
                                            .order = slot,
                                            .ticket = ticket,
                                            .pid = fleet_primary(&fleet, slot)->pid,
                                            .drained_pid = fleet_primary(&fleet, slot)->pid };
}

static void when_wishes_meet_one_table_says_who_wins(void **state) {
        enum { NONE = RESTMARK_CAUSE_COUNT };
        static const enum restmark_cause wanted[] = { RESTMARK_CAUSE_RSS, RESTMARK_CAUSE_DRAIN, RESTMARK_CAUSE_RELOAD };
        static const struct {
                unsigned int present; /* a cause */
                uint64_t ticket;
                enum merge expected[ELEMENTS(wanted)];
        } rows[] = {
                { NONE, 0, { MERGE_TAKE, MERGE_TAKE, MERGE_TAKE } },
                { RESTMARK_CAUSE_LIFETIME, 0, { MERGE_REFUSE, MERGE_OUTRANK, MERGE_OUTRANK } },
                { RESTMARK_CAUSE_DRAIN, 5, { MERGE_REFUSE, MERGE_REFUSE, MERGE_OUTRANK } },
                { RESTMARK_CAUSE_RELOAD, 0, { MERGE_REFUSE, MERGE_JOIN, MERGE_JOIN } },
                { RESTMARK_CAUSE_RELOAD, 5, { MERGE_REFUSE, MERGE_REFUSE, MERGE_JOIN } },
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTS(rows); i++)
                for (size_t j = 0; j < ELEMENTS(wanted); j++) {
                        plan_fleet(&fleet, "R. R.");
                        if (rows[i].present != NONE)
                                wish(1, (enum restmark_cause)rows[i].present, rows[i].ticket);
                        assert_int_equal(wish_merge(&fleet, 1, wanted[j]), rows[i].expected[j]);
                        fleet.n_workers = 1; /* the slot is to be no more */
                        assert_int_equal(wish_merge(&fleet, 1, wanted[j]), MERGE_REFUSE);
                        fleet.n_workers = 2;
                        fleet.stopping = true;
                        assert_int_equal(wish_merge(&fleet, 1, wanted[j]), MERGE_REFUSE);
                }
}

static void one_worker_is_replaced_at_a_time(void **state) {
        static const struct {
                const char *facts;
                enum restmark_cause cause; /* of wishes for slots 1 and 2 */
                int awaited;
                bool examines, leaves;
                const char *expected;
        } rows[] = {
                { "R. R. R.", RESTMARK_CAUSE_RELOAD, -1, false, false, "AWAIT 1; START 1.1" },
                { "R. RD R.", RESTMARK_CAUSE_RELOAD, -1, false, false, "AWAIT 2; START 2.1" }, /* the seat is taken */
                { "R. RD RD", RESTMARK_CAUSE_RELOAD, -1, false, false, "" },
                { "RS R. R.", RESTMARK_CAUSE_RELOAD, 0, false, false, "" },
                { "R. R. R.", RESTMARK_CAUSE_RELOAD, -1, true, false, "" }, /* not while a canary is examined */
                { "R. R. R.", RESTMARK_CAUSE_LIFETIME, -1, false, false, "AWAIT 1; START 1.1" },
                { "RD R. R.", RESTMARK_CAUSE_LIFETIME, -1, false, false, "" }, /* recycling waits until nobody is beside another … */
                { "R. R. R.", RESTMARK_CAUSE_LIFETIME, -1, false, true, "" },  /* … and no upgrade waits */
                { "RD R. R.", RESTMARK_CAUSE_DRAIN, -1, false, true, "AWAIT 1; START 1.1" },
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTS(rows); i++) {
                struct replace replace = { 0 };

                plan_fleet(&fleet, rows[i].facts);
                wish(1, rows[i].cause, 0);
                wish(2, rows[i].cause, 0);
                fleet.awaited = rows[i].awaited;
                fleet.facts[FACT_EXAMINES] = rows[i].examines;
                fleet.facts[FACT_LEAVES] = rows[i].leaves;
                assert_string_equal(WANTS(plan_replace, &replace, .kind = HAPPENING_AGAIN), rows[i].expected);
        }
}

static void a_new_worker_takes_the_place_of_the_old_one_when_it_is_ready(void **state) {
        struct replace replace = { 0 };
        struct happening h;

        (void)state;
        plan_fleet(&fleet, "RR R.");
        fleet.awaited = 0;
        wish(0, RESTMARK_CAUSE_DRAIN, 5);
        h = changed(0, 1, RESTMARK_SLOT_STARTING, SLOT_ACTION_NONE);
        intents_clear(&intents);
        plan_replace(&replace, &fleet, &h, PLAN_NOW_MS, &intents);
        assert_string_equal(plan_write(&intents, text), "SWAP 0; UNWISH 0; ORDER 0.0; HAPPEN REPLACED");
        assert_int_equal(replace.farewells[0].ticket, 5);
        assert_int_equal(replace.farewells[0].pid, 100);
        /* Whoever drains is told when the old one is gone. */
        fleet.primary[0] = 1;
        fleet.wishes[0].wanted = false;
        fleet.awaited = -1;
        assert_string_equal(WANTS(plan_replace, &replace, .kind = HAPPENING_EXITED, .slot = 1), "");
        fleet.seats[0][0].pid = 0;
        assert_string_equal(WANTS(plan_replace, &replace, .kind = HAPPENING_EXITED, .slot = 1), "REPLY 5 yes");
        assert_string_equal(WANTS(plan_replace, &replace, .kind = HAPPENING_EXITED, .slot = 1), "");
}

static void a_new_worker_that_fails_leaves_everything_as_it_was(void **state) {
        static const struct {
                enum restmark_cause cause;
                uint64_t ticket;
                bool yields;
                const char *expected;
        } rows[] = {
                { RESTMARK_CAUSE_DRAIN, 5, false, "FREE 0.1; AWAIT -1; UNWISH 0; REPLY 5 no; HAPPEN FREED" },
                { RESTMARK_CAUSE_LIFETIME, 0, false, "FREE 0.1; AWAIT -1; POSTPONE 0; HAPPEN FREED" },
                { RESTMARK_CAUSE_RELOAD, 0, false, "FREE 0.1; AWAIT -1; POSTPONE 0; HAPPEN STUCK; HAPPEN FREED" },
                { RESTMARK_CAUSE_RELOAD, 0, true, "FREE 0.1; AWAIT -1; HAPPEN FREED" }, /* it has given way */
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTS(rows); i++) {
                struct replace replace = { .yielding = rows[i].yields };
                struct happening h;

                plan_fleet(&fleet, "RX R.");
                fleet.awaited = 0;
                wish(0, rows[i].cause, rows[i].ticket);
                h = changed(0, 1, RESTMARK_SLOT_STARTING, SLOT_ACTION_NONE);
                intents_clear(&intents);
                plan_replace(&replace, &fleet, &h, PLAN_NOW_MS, &intents);
                assert_string_equal(plan_write(&intents, text), rows[i].expected);
        }
}

/* ---- reload ---- */

static void a_reload_loads_examines_and_then_rolls(void **state) {
        struct reload r = { 0 };

        (void)state;
        plan_fleet(&fleet, "R. R.");
        assert_string_equal(WANTS(plan_reload, &r, .kind = HAPPENING_RELOAD, .ticket = 1), "FACT 0 yes; FACT 1 yes; NOTIFY; HAPPEN YIELD");
        assert_string_equal(WANTS(plan_reload, &r, .kind = HAPPENING_YIELD), "FACT 0 yes; FACT 1 yes; LOAD 2");
        fleet.next = fleet.current;
        fleet.next.number = 2;
        assert_string_equal(WANTS(plan_reload, &r, .kind = HAPPENING_LOADED, .ok = true), "FACT 0 yes; FACT 1 yes; START 0.1");
        assert_int_equal(reload_wake_ms(&r), PLAN_NOW_MS + 10000);
        fleet.seats[0][1] = plan_seat('P', 1);
        assert_string_equal(WANTS(plan_reload, &r, .kind = HAPPENING_READY, .slot = 0, .seat = 1, .has_change = true,
                                  .change = { .after = RESTMARK_SLOT_READY }),
                            "EXAMINE 0.1");
        assert_int_equal(reload_wake_ms(&r), 0);
        assert_string_equal(WANTS(plan_reload, &r, .kind = HAPPENING_EXAMINED),
                            "COMMIT 0.1; TELL 0.1 A; FACT 0 no; FACT 1 yes; WISH 1; HAPPEN PROVEN");
        fleet.current.number = 2;
        wish(1, RESTMARK_CAUSE_RELOAD, 0);
        assert_string_equal(WANTS(plan_reload, &r, .kind = HAPPENING_PROVEN), "");
        fleet.wishes[1].wanted = false;
        fleet.seats[0][1].generation = 1; /* the old one leaves */
        assert_string_equal(WANTS(plan_reload, &r, .kind = HAPPENING_REPLACED), "");
        fleet.seats[0][1] = plan_seat('.', 1);
        assert_string_equal(WANTS(plan_reload, &r, .kind = HAPPENING_FREED),
                            "FACT 0 no; FACT 1 no; COUNT_RELOAD; DISCARD; REPLY 1 yes; HAPPEN RELOADED");
}

static void a_canary_that_fails_ends_the_reload_by_its_death(void **state) {
        struct reload r = { .stage = RELOAD_EXAMINES, .is_examining = true, .ticket = 1, .wanted = 2, .old_number = 1 };

        (void)state;
        plan_fleet(&fleet, "RP R.");
        assert_string_equal(WANTS(plan_reload, &r, .kind = HAPPENING_EXAMINED, .text = (char *)"it lies"), "ORDER 0.1");
        fleet.seats[0][1] = plan_seat('.', 1);
        assert_string_equal(WANTS(plan_reload, &r, .kind = HAPPENING_FREED),
                            "FACT 0 no; FACT 1 yes; COUNT_RELOAD; DISCARD; REPLY 1 no; HAPPEN RELOADED");
        /* The next one follows. */
        assert_string_equal(WANTS(plan_reload, &r, .kind = HAPPENING_RELOADED), "FACT 0 yes; FACT 1 yes; NOTIFY; HAPPEN YIELD");
}

static void an_upgrade_that_cannot_serve_goes_back_when_nothing_waits(void **state) {
        struct reload r = { .stage = RELOAD_EXAMINES, .is_upgrade = true, .ticket = 1, .wanted = 1, .text = "it dies" };

        (void)state;
        plan_fleet(&fleet, "K. R.");
        assert_string_equal(WANTS(plan_reload, &r, .kind = HAPPENING_FREED), "FACT 0 yes; FACT 1 yes; HAPPEN AGAIN");
        assert_string_equal(WANTS(plan_reload, &r, .kind = HAPPENING_AGAIN), ""); /* nobody could take over the first one */
        fleet.seats[0][0] = plan_seat('S', 0);
        assert_string_equal(WANTS(plan_reload, &r, .kind = HAPPENING_AGAIN), "AWAIT_IDLE");
        assert_string_equal(WANTS(plan_reload, &r, .kind = HAPPENING_AGAIN), "");
        assert_string_equal(WANTS(plan_reload, &r, .kind = HAPPENING_IDLE),
                            "RETURN; FACT 0 no; FACT 1 no; COUNT_RELOAD; DISCARD; REPLY 1 no; HAPPEN RELOADED");
}

/* ---- resize ---- */

static struct resize settled(void) {
        struct resize r = { 0 };

        assert_string_equal(WANTS(plan_resize, &r, .kind = HAPPENING_BEGIN), "");
        return r;
}

static void growing_opens_sockets_first(void **state) {
        struct resize r;

        (void)state;
        plan_fleet(&fleet, "R. R.");
        r = settled();
        assert_string_equal(WANTS(plan_resize, &r, .kind = HAPPENING_SCALE, .number = 3, .ticket = 1), "MEASURE 3");
        assert_string_equal(WANTS(plan_resize, &r, .kind = HAPPENING_MEASURED, .number = 3, .ticket = 1), "FACT 2 yes; HAPPEN AGAIN");
        assert_string_equal(WANTS(plan_resize, &r, .kind = HAPPENING_AGAIN), "OPEN 3");
        assert_string_equal(WANTS(plan_resize, &r, .kind = HAPPENING_OPENED, .number = 3), "SLOTS 3; WORKERS 3; HAPPEN AGAIN");
        fleet.n_slots = fleet.n_workers = 3;
        assert_string_equal(WANTS(plan_resize, &r, .kind = HAPPENING_AGAIN), "START 2.0");
        fleet.seats[2][0] = plan_seat('B', 4); /* it does not start: all new ones are given up */
        fleet.seats[2][0].slot.failures = 1;
        assert_string_equal(WANTS(plan_resize, &r, .kind = HAPPENING_AGAIN),
                            "WORKERS 2; HAPPEN ENDS; ORDER 2.0; FACT 2 no; REPLY 1 no; HAPPEN AGAIN");
}

static void shrinking_closes_sockets_when_nobody_can_wait_there(void **state) {
        struct resize r;

        (void)state;
        plan_fleet(&fleet, "R. RS");
        r = settled();
        assert_string_equal(WANTS(plan_resize, &r, .kind = HAPPENING_SCALE, .number = 1, .ticket = 1), "FACT 2 yes; HAPPEN AGAIN");
        assert_string_equal(WANTS(plan_resize, &r, .kind = HAPPENING_AGAIN), "WORKERS 1; HAPPEN ENDS; ORDER 1.0; ORDER 1.1; PROVEN 1");
        fleet.n_workers = fleet.n_proven = 1;
        fleet.seats[1][0] = fleet.seats[1][1] = plan_seat('.', 2);
        assert_string_equal(WANTS(plan_resize, &r, .kind = HAPPENING_FREED), "");
        assert_int_equal(resize_wake_ms(&r), PLAN_NOW_MS + RESIZE_LINGER_MS);
        r.left_ms[1] = PLAN_NOW_MS - RESIZE_LINGER_MS;
        r.wake_ms = PLAN_NOW_MS;
        assert_string_equal(WANTS(plan_resize, &r, .kind = HAPPENING_TIME), "HAPPEN FLUSH");
        assert_string_equal(WANTS(plan_resize, &r, .kind = HAPPENING_FLUSHED, .slot = 1, .ok = false), "");
        assert_int_equal(resize_wake_ms(&r), PLAN_NOW_MS + RESIZE_LOOK_AGAIN_MS);
        r.wake_ms = PLAN_NOW_MS;
        assert_string_equal(WANTS(plan_resize, &r, .kind = HAPPENING_TIME), "HAPPEN FLUSH");
        assert_string_equal(WANTS(plan_resize, &r, .kind = HAPPENING_FLUSHED, .slot = 1, .ok = true), "CLOSE 1; SLOTS 1; HAPPEN AGAIN");
        fleet.n_slots = 1;
        assert_string_equal(WANTS(plan_resize, &r, .kind = HAPPENING_AGAIN), "FACT 2 no; REPLY 1 yes; HAPPEN AGAIN");
}

static void an_answer_to_an_older_request_counts_no_more(void **state) {
        struct resize r;

        (void)state;
        plan_fleet(&fleet, "R. R.");
        r = settled();
        assert_string_equal(WANTS(plan_resize, &r, .kind = HAPPENING_SCALE, .number = 5, .ticket = 1), "MEASURE 5");
        assert_string_equal(WANTS(plan_resize, &r, .kind = HAPPENING_SCALE, .number = 1, .ticket = 2), "FACT 2 yes; HAPPEN AGAIN");
        assert_string_equal(WANTS(plan_resize, &r, .kind = HAPPENING_MEASURED, .number = 5, .ticket = 1), "");
        assert_int_equal(r.goal, 1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(slots_do_what_their_machines_say),
                cmocka_unit_test(what_was_wanted_of_a_worker_that_is_no_more_is_not_done_to_its_successor),
                cmocka_unit_test(the_daemon_serves_when_all_do_that_can_and_ends_when_all_have_stopped),
                cmocka_unit_test(when_wishes_meet_one_table_says_who_wins),
                cmocka_unit_test(one_worker_is_replaced_at_a_time),
                cmocka_unit_test(a_new_worker_takes_the_place_of_the_old_one_when_it_is_ready),
                cmocka_unit_test(a_new_worker_that_fails_leaves_everything_as_it_was),
                cmocka_unit_test(a_reload_loads_examines_and_then_rolls),
                cmocka_unit_test(a_canary_that_fails_ends_the_reload_by_its_death),
                cmocka_unit_test(an_upgrade_that_cannot_serve_goes_back_when_nothing_waits),
                cmocka_unit_test(growing_opens_sockets_first),
                cmocka_unit_test(shrinking_closes_sockets_when_nobody_can_wait_there),
                cmocka_unit_test(an_answer_to_an_older_request_counts_no_more),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
