#include "plan/vital.h"

#include "unit.h"

static struct {
        uint64_t beat_ms, working_since_ms, requests;
} cell;

static void set(uint64_t beat_ms, uint64_t working_since_ms, uint64_t requests) {
        cell.beat_ms = beat_ms;
        cell.working_since_ms = working_since_ms;
        cell.requests = requests;
}

static enum vital_verdict look(struct vital *vital, uint64_t harakiri_ms, uint64_t now_ms) {
        vital_look(vital, cell.beat_ms, cell.working_since_ms, cell.requests, now_ms);
        return vital_judge(vital, harakiri_ms, now_ms);
}

static void a_request_may_run_as_long_as_it_may(void **state) {
        struct vital vital = vital_begin(1000);

        (void)state;
        set(2000, 2000, 5);
        assert_int_equal(look(&vital, 500, 2499), VITAL_WELL);
        assert_int_equal(look(&vital, 500, 2500), VITAL_HARAKIRI);
        assert_int_equal(look(&vital, 0, 9999999), VITAL_WELL); /* off */
        set(2000, 2600, 6); /* the next one, in the same turn of the loop */
        assert_int_equal(look(&vital, 500, 2700), VITAL_WELL);
        assert_int_equal(look(&vital, 500, 3100), VITAL_HARAKIRI);
}

static void an_idle_worker_is_well_as_long_as_its_heart_beats(void **state) {
        struct vital vital = vital_begin(0);
        uint64_t now_ms = 0;

        (void)state;
        for (; now_ms < 60000; now_ms += 250) {
                set(now_ms / 1000 * 1000, 0, 7);
                assert_int_equal(look(&vital, 100, now_ms), VITAL_WELL);
        }
        now_ms = 59000;
        assert_int_equal(look(&vital, 100, now_ms + VITAL_SILENCE_MIN_MS - 1), VITAL_WELL);
        assert_int_equal(look(&vital, 100, now_ms + VITAL_SILENCE_MIN_MS), VITAL_WEDGED);
        assert_int_equal(look(&vital, 0, now_ms + VITAL_SILENCE_MIN_MS), VITAL_WELL); /* off: a debugger may hold it */
        assert_int_equal(look(&vital, 10000, now_ms + 9999), VITAL_WELL);             /* harakiri is longer than the least silence */
        assert_int_equal(look(&vital, 10000, now_ms + 10000), VITAL_WEDGED);
}

/* One turn of the loop may serve a thousand requests, of which none takes long. */
static void a_long_turn_with_many_requests_is_no_silence(void **state) {
        struct vital vital = vital_begin(0);

        (void)state;
        for (uint64_t i = 1; i < 1000; i++) {
                set(1, i % 2 ? i * 50 : 0, i);
                assert_int_equal(look(&vital, 200, i * 50 + 10), VITAL_WELL);
        }
}

static void a_worker_that_never_showed_a_sign_is_wedged_from_its_begin_on(void **state) {
        struct vital vital = vital_begin(5000);

        (void)state;
        set(0, 0, 0);
        assert_int_equal(look(&vital, 100, 5000 + VITAL_SILENCE_MIN_MS - 1), VITAL_WELL);
        assert_int_equal(look(&vital, 100, 5000 + VITAL_SILENCE_MIN_MS), VITAL_WEDGED);
}

/* Whether it is at work makes no difference to those who wait for it. */
static void silence_is_what_does_not_move(void **state) {
        struct vital vital = vital_begin(1000);

        (void)state;
        set(1000, 1500, 5);
        vital_look(&vital, cell.beat_ms, cell.working_since_ms, cell.requests, 2000);
        assert_false(vital_is_silent(&vital, 2000 + VITAL_SILENCE_MIN_MS - 1));
        vital_look(&vital, cell.beat_ms, cell.working_since_ms, cell.requests, 2000 + VITAL_SILENCE_MIN_MS);
        assert_true(vital_is_silent(&vital, 2000 + VITAL_SILENCE_MIN_MS));
        set(1000, 0, 6);
        vital_look(&vital, cell.beat_ms, cell.working_since_ms, cell.requests, 2000 + VITAL_SILENCE_MIN_MS);
        assert_false(vital_is_silent(&vital, 2000 + VITAL_SILENCE_MIN_MS));
}

/* Of 60 s nobody ran for 50. */
static void standing_still_is_no_silence_and_no_work(void **state) {
        struct vital vital = vital_begin(0);

        (void)state;
        set(1000, 0, 1);
        assert_int_equal(look(&vital, 2000, 1000), VITAL_WELL);
        vital_look(&vital, cell.beat_ms, cell.working_since_ms, cell.requests, 51500);
        vital_excuse(&vital, 50000, 51500);
        assert_int_equal(look(&vital, 2000, 51500), VITAL_WELL);
        assert_int_equal(look(&vital, 2000, 50000 + 1000 + VITAL_SILENCE_MIN_MS - 1), VITAL_WELL);
        assert_int_equal(look(&vital, 2000, 50000 + 1000 + VITAL_SILENCE_MIN_MS), VITAL_WEDGED);

        set(60000, 60000, 2); /* a request, in which it happens twice, and which is seen for the first time after that */
        vital_look(&vital, cell.beat_ms, cell.working_since_ms, cell.requests, 71000);
        vital_excuse(&vital, 10000, 71000);
        vital_look(&vital, cell.beat_ms, cell.working_since_ms, cell.requests, 81000);
        vital_excuse(&vital, 9500, 81000);
        assert_int_equal(look(&vital, 2000, 81499), VITAL_WELL);
        assert_int_equal(look(&vital, 2000, 81500), VITAL_HARAKIRI);

        set(81500, 81500, 3); /* the next one has its own time */
        assert_int_equal(look(&vital, 2000, 83499), VITAL_WELL);
        assert_int_equal(look(&vital, 2000, 83500), VITAL_HARAKIRI);

        vital_excuse(&vital, 100000, 83500); /* no sign of life comes from the future */
        assert_true(vital.moved_ms <= 83500);
}

static void a_little_late_is_in_time(void **state) {
        (void)state;
        assert_int_equal(vital_stood_still_ms(1000, 0), 0);
        assert_int_equal(vital_stood_still_ms(1000, 1000 + VITAL_LATE_MS), 0);
        assert_int_equal(vital_stood_still_ms(1000, 1001 + VITAL_LATE_MS), 1 + VITAL_LATE_MS);
}

static void one_looks_as_often_as_harakiri_needs(void **state) {
        static const struct {
                uint64_t harakiri_ms, interval_ms;
        } vectors[] = { { 0, 1000 }, { 1, 100 }, { 400, 100 }, { 404, 101 }, { 2000, 500 }, { 4000, 1000 }, { 86400000, 1000 } };

        (void)state;
        for (size_t i = 0; i < ELEMENTS(vectors); i++)
                assert_int_equal(vital_interval_ms(vectors[i].harakiri_ms), vectors[i].interval_ms);
}

static void the_quorum_is_a_majority_of_those_that_count(void **state) {
        static const struct {
                struct quorum quorum; /* alive, awaited, dead */
                bool holds;
        } vectors[] = {
                { { 4, 0, 0 }, true },
                { { 3, 0, 1 }, true },
                { { 2, 0, 2 }, false }, /* half is no majority */
                { { 1, 0, 3 }, false },
                { { 0, 0, 1 }, false },
                { { 1, 0, 0 }, true },
                { { 0, 4, 0 }, true }, /* all are being started */
                { { 1, 6, 0 }, true }, /* many slots are new */
                { { 1, 6, 1 }, false },
                { { 2, 6, 1 }, true },
                { { 0, 3, 1 }, false },
                { { 0, 0, 0 }, true },
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTS(vectors); i++)
                assert_int_equal(quorum_holds(&vectors[i].quorum), vectors[i].holds);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_request_may_run_as_long_as_it_may),
                cmocka_unit_test(an_idle_worker_is_well_as_long_as_its_heart_beats),
                cmocka_unit_test(a_long_turn_with_many_requests_is_no_silence),
                cmocka_unit_test(a_worker_that_never_showed_a_sign_is_wedged_from_its_begin_on),
                cmocka_unit_test(silence_is_what_does_not_move),
                cmocka_unit_test(standing_still_is_no_silence_and_no_work),
                cmocka_unit_test(a_little_late_is_in_time),
                cmocka_unit_test(one_looks_as_often_as_harakiri_needs),
                cmocka_unit_test(the_quorum_is_a_majority_of_those_that_count),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
