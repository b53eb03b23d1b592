#include "plan/recycle.h"

#include "unit.h"

static void nothing_is_due_when_nothing_is_policyured(void **state) {
        const struct policy policy = { 0 };
        const struct recycle_facts facts = { UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX };
        enum restmark_cause why;

        (void)state;
        assert_false(recycle_due(&policy, &facts, &why));
        assert_false(recycle_needs_memory(&policy));
        assert_int_equal(recycle_interval_ms(&policy), 0);
}

static void each_limit_is_due_at_its_value(void **state) {
        static const struct {
                struct policy policy;
                struct recycle_facts facts;
                bool due;
                enum restmark_cause why;
        } vectors[] = {
                { { .max_requests = 100 }, { .requests = 99 }, false, 0 },
                { { .max_requests = 100 }, { .requests = 100 }, true, RESTMARK_CAUSE_MAX_REQUESTS },
                { { .max_requests = 100, .max_requests_delta = 9 }, { .requests = 106, .dice = 27 }, false, 0 }, /* 27 % 10 = 7 */
                { { .max_requests = 100, .max_requests_delta = 9 }, { .requests = 107, .dice = 27 }, true, RESTMARK_CAUSE_MAX_REQUESTS },
                { { .max_requests = 100, .max_requests_delta = 9 }, { .requests = 109, .dice = UINT64_MAX }, true, RESTMARK_CAUSE_MAX_REQUESTS },
                { { .max_requests_delta = 9 }, { .requests = 1000 }, false, 0 }, /* a delta alone means nothing */
                { { .max_lifetime_ms = 1000 }, { .age_ms = 999 }, false, 0 },
                { { .max_lifetime_ms = 1000 }, { .age_ms = 1000 }, true, RESTMARK_CAUSE_LIFETIME },
                { { .reload_rss_bytes = 50 }, { .age_ms = 60000, .rss_bytes = 50 }, false, 0 },
                { { .reload_rss_bytes = 50 }, { .age_ms = 60000, .rss_bytes = 51 }, true, RESTMARK_CAUSE_RSS },
                { { .reload_rss_bytes = 50 }, { .age_ms = RECYCLE_MEMORY_AGE_MS - 1, .rss_bytes = 51 }, false, 0 }, /* too young */
                { { .reload_rss_bytes = 50 }, { .age_ms = 60000, .rss_bytes = 0 }, false, 0 },                      /* not known */
                { { .reload_pss_bytes = 50 }, { .age_ms = 60000, .rss_bytes = 99, .pss_bytes = 50 }, false, 0 },
                { { .reload_pss_bytes = 50 }, { .age_ms = 60000, .rss_bytes = 99, .pss_bytes = 51 }, true, RESTMARK_CAUSE_PSS },
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTS(vectors); i++) {
                enum restmark_cause why = 0;

                assert_int_equal(recycle_due(&vectors[i].policy, &vectors[i].facts, &why), vectors[i].due);
                assert_int_equal(why, vectors[i].why);
        }
}

static void one_looks_as_often_as_the_limits_need(void **state) {
        (void)state;
        assert_int_equal(recycle_interval_ms(&(struct policy){ .max_requests = 1, .max_lifetime_ms = 1 }), RECYCLE_REQUESTS_MS);
        assert_int_equal(recycle_interval_ms(&(struct policy){ .max_lifetime_ms = 1, .reload_pss_bytes = 1 }), RECYCLE_LIFETIME_MS);
        assert_int_equal(recycle_interval_ms(&(struct policy){ .reload_rss_bytes = 1 }), RECYCLE_MEMORY_MS);
        assert_true(recycle_needs_memory(&(struct policy){ .reload_pss_bytes = 1 }));
        assert_false(recycle_needs_memory(&(struct policy){ .max_requests = 1 }));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(nothing_is_due_when_nothing_is_policyured),
                cmocka_unit_test(each_limit_is_due_at_its_value),
                cmocka_unit_test(one_looks_as_often_as_the_limits_need),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
