#include "unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pace/duration.h"
#include "pace/schedule.h"
#include "pace/slo.h"

enum { REQUESTS = 20000 };

static void even_intervals(void **state) {
        struct schedule s = schedule_begin(8, false, 1, 0, 1);

        (void)state;
        for (uint64_t i = 0; i < 100; i++, schedule_advance(&s))
                assert_int_equal(schedule_due_ns(&s), i * 125000000);
        s = schedule_begin(3, false, 1, 0, 1); /* nothing adds up: the millionth is as exact as the first */
        for (uint64_t i = 0; i < 3000000; i++)
                schedule_advance(&s);
        assert_in_range(schedule_due_ns(&s), UINT64_C(999999999999999), UINT64_C(1000000000000001));
}

/* Three threads together have the schedule that one would have. */
static void threads_share_one_schedule(void **state) {
        (void)state;
        for (int poisson = 0; poisson < 2; poisson++) {
                struct schedule one = schedule_begin(1000, poisson, 7, 0, 1), three[3];

                for (uint64_t i = 0; i < 3; i++)
                        three[i] = schedule_begin(1000, poisson, 7, i, 3);
                for (uint64_t i = 0; i < 3000; i++) {
                        assert_int_equal(three[i % 3].position, i);
                        assert_in_range(schedule_due_ns(&three[i % 3]), schedule_due_ns(&one), schedule_due_ns(&one) + 1);
                        schedule_advance(&one);
                        schedule_advance(&three[i % 3]);
                }
        }
}

/* Gaps of a Poisson process are exponential: their mean is that of the rate, and so is their standard deviation. */
static void random_intervals(void **state) {
        struct schedule s = schedule_begin(1000, true, 42, 0, 1), again = s, other = schedule_begin(1000, true, 43, 0, 1);
        double sum = 0, squares = 0, mean, deviation;
        uint64_t last = 0, same = 0, short_gaps = 0;

        (void)state;
        for (int i = 0; i < REQUESTS; i++) {
                uint64_t due = schedule_due_ns(&s);
                double gap = (double)(due - last);

                assert_true(due >= last);
                assert_int_equal(due, schedule_due_ns(&again));
                same += due == schedule_due_ns(&other);
                short_gaps += gap < 1e6 * 0.6931471805599453;
                sum += gap;
                squares += gap * gap;
                last = due;
                schedule_advance(&s);
                schedule_advance(&again);
                schedule_advance(&other);
        }
        mean = sum / REQUESTS;
        deviation = sqrt(squares / REQUESTS - mean * mean);
        assert_true(fabs(mean / 1e6 - 1) < 0.03); /* four standard errors */
        assert_true(fabs(deviation / 1e6 - 1) < 0.06);
        assert_in_range(short_gaps, REQUESTS * 48 / 100, REQUESTS * 52 / 100); /* half are below ln 2 of the mean */
        assert_true(same < 10);
}

static void times_with_units(void **state) {
        static const struct {
                const char *text;
                uint64_t ns;
        } good[] = {
                { "50ms", 50000000 }, { "1.5s", 1500000000 }, { "2min", UINT64_C(120000000000) }, { "7us", 7000 }, { "3", 3000000000 }, { "0.25", 250000000 },
        };
        static const char *const bad[] = { "", "ms", "-1s", "1 s", "1h", "1e3s", "0x10s", "1.2.3s", "inf", "nan", "1ss", ".", "99999999min" };
        uint64_t ns = 0;

        (void)state;
        for (size_t i = 0; i < ELEMENTS(good); i++) {
                assert_int_equal(duration_parse(good[i].text, 1000000000, &ns), 0);
                assert_int_equal(ns, good[i].ns);
        }
        for (size_t i = 0; i < ELEMENTS(bad); i++)
                if (duration_parse(bad[i], 1000000000, &ns) == 0)
                        fail_msg("\"%s\" is taken for %llu ns", bad[i], (unsigned long long)ns);
}

static void service_levels(void **state) {
        static const char *const bad[] = { "", "p", "p99", "99=1s", "p99=", "p99=50", "p0=1s", "p100=1s", "p99=61s", "p99=1us.", "p-1=1s", "p99 =1s",
                                           "p99=0.1us", "p99=1s,", ",p99=1s", "p9=1s,,p8=1s", "p9=1s, p8=1s", "p99=1s;p50=1s", "p50=00000000000000000000000000000001s" };
        struct slo_set slo = { .n = 0 };
        char text[SLO_TEXT_BYTES];
        struct error e;

        (void)state;
        assert_int_equal(slo_parse("p99.9=50ms", &slo, &e), 0);
        assert_float_equal(slo.at[0].quantile, 0.999, 1e-12);
        assert_int_equal(slo.at[0].limit_us, 50000);
        assert_int_equal(slo_parse("p50=1.5s,p75=2s", &slo, &e), 0);
        assert_int_equal(slo.n, 3);
        assert_int_equal(slo.at[1].limit_us, 1500000);
        assert_string_equal(slo_text(&slo, text), "p99.9=50ms,p50=1.5s,p75=2s");
        for (size_t i = 0; i < ELEMENTS(bad); i++) {
                slo.n = 0;
                if (slo_parse(bad[i], &slo, &e) == 0)
                        fail_msg("\"%s\" is taken for a level", bad[i]);
                assert_non_null(strstr(e.text, "p99=50ms"));
        }
        slo.n = 0;
        assert_true(slo_parse("p99=1s,p99.0=2s", &slo, &e) < 0);
        assert_non_null(strstr(e.text, "p99=1s and p99.0=2s"));
        slo.n = 0;
        assert_int_equal(slo_parse("p1=1s,p2=1s,p3=1s,p4=1s,p5=1s,p6=1s,p7=1s,p8=1s", &slo, &e), 0);
        assert_true(slo_parse("p9=1s", &slo, &e) < 0);
        assert_non_null(strstr(e.text, "more than 8"));
}

/* All have to hold, and which do not is said. */
static void levels_are_judged_one_by_one(void **state) {
        struct slo_set slo = { .n = 0 };
        struct error e;

        (void)state;
        assert_int_equal(slo_parse("p50=1ms,p90=2ms,p99=3ms", &slo, &e), 0);
        assert_int_equal(slo_judge(&slo, (const double[SLO_LEVELS_MAX]){ 0.5, 0.9, 0.99 }), 0);
        assert_int_equal(slo_judge(&slo, (const double[SLO_LEVELS_MAX]){ 0.5, 0.89, 0.99 }), 2);
        assert_int_equal(slo_judge(&slo, (const double[SLO_LEVELS_MAX]){ 0.4, 0.9, 0.9 }), 5);
}

/* Whatever the server can do and wherever the search begins, it ends there, to the resolution. */
static void the_search_finds_the_limit(void **state) {
        static const double limits[] = { 3, 99, 1000, 123456 }, starts[] = { 10, 1000, 100000 };

        (void)state;
        for (size_t i = 0; i < ELEMENTS(limits); i++)
                for (size_t k = 0; k < ELEMENTS(starts); k++) {
                        struct slo_search s = slo_begin(starts[k]);

                        while (slo_take(&s, s.next <= limits[i]))
                                assert_true(s.next > s.held && (s.failed == 0 || s.next < s.failed));
                        assert_true(s.tries < SLO_TRIES_MAX);
                        assert_true(s.held <= limits[i] && limits[i] < s.failed);
                        assert_true(s.failed - s.held <= s.held * SLO_RESOLUTION_PERCENT / 100);
                }
}

static void the_search_ends_where_nothing_holds(void **state) {
        struct slo_search s = slo_begin(1000);

        (void)state;
        while (slo_take(&s, false))
                assert_true(s.next < 1000);
        assert_true(s.held == 0 && s.tries < SLO_TRIES_MAX);
        s = slo_begin(1000);
        while (slo_take(&s, true))
                assert_true(s.next > 1000);
        assert_true(s.failed == 0 && s.tries == SLO_TRIES_MAX);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(even_intervals),
                cmocka_unit_test(threads_share_one_schedule),
                cmocka_unit_test(random_intervals),
                cmocka_unit_test(times_with_units),
                cmocka_unit_test(service_levels),
                cmocka_unit_test(levels_are_judged_one_by_one),
                cmocka_unit_test(the_search_finds_the_limit),
                cmocka_unit_test(the_search_ends_where_nothing_holds),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
