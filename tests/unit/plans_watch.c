/* What the plans that watch want: who gets connections, who is well, when to leave, what systemd hears. */
#include "plan.h"

#include "plan/bulletin.h"
#include "plan/health.h"
#include "plan/relay.h"
#include "plan/rotation.h"
#include "plan/upgrade.h"

/* ---- rotation, relay, health ---- */

static void the_rotation_has_the_slots_that_serve(void **state) {
        static const struct {
                const char *facts, *expected;
        } rows[] = {
                { "R. R. R.", "STEER 0 1 2" }, { "R. S. RS", "STEER 0 2" }, { "SP R. D.", "STEER 1" }, { "DR R. K.", "STEER 0 1" },
                { "S. S.", "STEER 0 1" }, /* nobody does */
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTS(rows); i++) {
                struct rotation rotation = { 0 };

                plan_fleet(&fleet, rows[i].facts);
                assert_string_equal(WANTS(plan_rotation, &rotation, .kind = HAPPENING_AGAIN), rows[i].expected);
                assert_string_equal(WANTS(plan_rotation, &rotation, .kind = HAPPENING_AGAIN), "");
                assert_string_equal(WANTS(plan_rotation, &rotation, .kind = HAPPENING_UNSTEERED), "");
                assert_string_equal(WANTS(plan_rotation, &rotation, .kind = HAPPENING_ROUND), rows[i].expected); /* tried again */
        }
}

static void connections_go_to_the_worker_with_most_room(void **state) {
        struct relay relay = { .n_addresses = 1 };

        (void)state;
        plan_fleet(&fleet, "B. R. R.");
        fleet.seats[1][0].seen.connections = 9;
        fleet.seats[2][0].seen.connections = 8;
        assert_string_equal(WANTS(plan_relay, &relay, .kind = HAPPENING_AGAIN), "WATCH 0 yes");
        assert_string_equal(WANTS(plan_relay, &relay, .kind = HAPPENING_QUEUE, .slot = 0), "TAKE 0 for 2.0");
        assert_string_equal(WANTS(plan_relay, &relay, .kind = HAPPENING_UNPASSED, .slot = 2), "FACT 4 yes; TAKE 0 for 1.0");
        fleet.seats[1][0].n_passed = 1;
        assert_string_equal(WANTS(plan_relay, &relay, .kind = HAPPENING_PASSED, .slot = 1), "FACT 4 no; TAKE 0 for 2.0");
        fleet.seats[2][0].seen.connections = 10;
        assert_string_equal(WANTS(plan_relay, &relay, .kind = HAPPENING_PASSED, .slot = 2), "PAUSE"); /* nobody has room */
        assert_int_equal(relay_wake_ms(&relay), PLAN_NOW_MS + RELAY_PAUSE_MS);
        relay.pause_ms = PLAN_NOW_MS;
        assert_string_equal(WANTS(plan_relay, &relay, .kind = HAPPENING_TIME), "PAUSE");
        assert_int_equal(relay_wake_ms(&relay), 0);
}

static void a_worker_leaves_when_nothing_is_on_its_way_to_it(void **state) {
        struct relay relay = { .n_addresses = 1 };

        (void)state;
        plan_fleet(&fleet, "D. D.");
        fleet.seats[0][0].n_passed = 3;
        fleet.seats[0][0].seen.taken_over = 2;
        assert_string_equal(WANTS(plan_relay, &relay, .kind = HAPPENING_DONE, .slot = 0), "");
        fleet.seats[0][0].seen.taken_over = 3;
        assert_string_equal(WANTS(plan_relay, &relay, .kind = HAPPENING_DONE, .slot = 0), "RETIRED 0.0; TELL 0.0 L");
}

static void a_worker_is_judged_by_what_it_shows(void **state) {
        static const struct {
                uint64_t beat_ms, working_since_ms, harakiri_ms, deaf_ms;
                bool lies, unresponsive;
                const char *expected;
        } rows[] = {
                { PLAN_NOW_MS, 0, 5000, 0, false, false, "" },
                { 1, 0, 0, 0, false, false, "RESPONDS 0.0 no; HAPPEN AGAIN" },
                { 1, 0, 5000, 0, false, false, "DOOM 0.0; TRACE 0.0; HAPPEN AGAIN" },
                { PLAN_NOW_MS, PLAN_NOW_MS - 5000, 5000, 0, false, false, "DOOM 0.0; TRACE 0.0; HAPPEN AGAIN" },
                { PLAN_NOW_MS, 0, 0, 0, false, true, "RESPONDS 0.0 yes; HAPPEN AGAIN" },
                { PLAN_NOW_MS, 0, 0, 0, true, false, "DOOM 0.0; CONDEMN 0.0; HAPPEN AGAIN" },
                { PLAN_NOW_MS, 0, 0, PLAN_NOW_MS - HEALTH_DEAF_MS - 1, false, false, "DOOM 0.0; CONDEMN 0.0; HAPPEN AGAIN" },
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTS(rows); i++) {
                struct health health = { .round_ms = PLAN_NOW_MS - 1000, .interval_ms = 1000 };
                struct seat *seat;

                plan_fleet(&fleet, "R.");
                seat = &fleet.seats[0][0];
                fleet.current.harakiri_ms = rows[i].harakiri_ms;
                seat->seen = (struct seen){ .beat_ms = rows[i].beat_ms, .working_since_ms = rows[i].working_since_ms };
                seat->deaf_ms = rows[i].deaf_ms;
                seat->lies = rows[i].lies;
                seat->unresponsive = rows[i].unresponsive;
                health.vitals[0][0] = (struct vital){ .beat_ms = 1, .moved_ms = PLAN_NOW_MS - 10000, .working_since_ms = rows[i].working_since_ms };
                assert_string_equal(WANTS(plan_health, &health, .kind = HAPPENING_ROUND), rows[i].expected);
        }
}

/* ---- upgrade and bulletin ---- */

static void an_upgrade_waits_until_nothing_is_on_its_way(void **state) {
        struct upgrade u = { .path = "/restmarkd" };

        (void)state;
        plan_fleet(&fleet, "R. RD");
        assert_string_equal(WANTS(plan_upgrade, &u, .kind = HAPPENING_UPGRADE, .ticket = 1), "TRY");
        assert_string_equal(WANTS(plan_upgrade, &u, .kind = HAPPENING_TRIED, .ok = true, .text = (char *)"9.9"), "UNTRY; FACT 3 yes");
        assert_string_equal(WANTS(plan_upgrade, &u, .kind = HAPPENING_UPGRADE, .ticket = 2), ""); /* it has the answer of the first */
        fleet.seats[1][1] = plan_seat('.', 3);
        for (int fact = FACT_RELOADS; fact <= FACT_HOLDS; fact++) {
                fleet.facts[fact] = fact != FACT_LEAVES;
                assert_string_equal(WANTS(plan_upgrade, &u, .kind = HAPPENING_AGAIN), fact == FACT_LEAVES ? "AWAIT_IDLE" : "");
                u.is_leaving = fleet.facts[fact] = false;
        }
        assert_string_equal(WANTS(plan_upgrade, &u, .kind = HAPPENING_AGAIN), "AWAIT_IDLE");
        assert_string_equal(WANTS(plan_upgrade, &u, .kind = HAPPENING_IDLE), "EXECUTE");
        assert_string_equal(WANTS(plan_upgrade, &u, .kind = HAPPENING_OUTDATED), "FACT 3 no; TRY");
        assert_string_equal(WANTS(plan_upgrade, &u, .kind = HAPPENING_TRIED, .text = (char *)"it fails"), "FACT 3 no; UNTRY; REPLY 2 no");
}

static void systemd_hears_of_readiness_and_then_of_what_changes(void **state) {
        struct bulletin b = { .is_heard = true };

        (void)state;
        plan_fleet(&fleet, "R. R.");
        assert_string_equal(WANTS(plan_bulletin, &b, .kind = HAPPENING_AGAIN), "");
        assert_string_equal(WANTS(plan_bulletin, &b, .kind = HAPPENING_SERVES), "NOTIFY");
        assert_string_equal(b.told, "2 of 2 workers ready, generation 1, 0 requests/s");
        assert_string_equal(WANTS(plan_bulletin, &b, .kind = HAPPENING_AGAIN), "");
        fleet.seats[1][0] = plan_seat('S', 2);
        assert_string_equal(WANTS(plan_bulletin, &b, .kind = HAPPENING_AGAIN), "NOTIFY");
        assert_string_equal(b.told, "1 of 2 workers ready, generation 1, 0 requests/s");
        fleet.requests = 5000;
        b.counted_ms = PLAN_NOW_MS - BULLETIN_PERIOD_MS;
        assert_string_equal(WANTS(plan_bulletin, &b, .kind = HAPPENING_ROUND), "NOTIFY");
        assert_string_equal(b.told, "1 of 2 workers ready, generation 1, 1000 requests/s");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_rotation_has_the_slots_that_serve),
                cmocka_unit_test(connections_go_to_the_worker_with_most_room),
                cmocka_unit_test(a_worker_leaves_when_nothing_is_on_its_way_to_it),
                cmocka_unit_test(a_worker_is_judged_by_what_it_shows),
                cmocka_unit_test(an_upgrade_waits_until_nothing_is_on_its_way),
                cmocka_unit_test(systemd_hears_of_readiness_and_then_of_what_changes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
