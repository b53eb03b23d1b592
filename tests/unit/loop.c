#include "work/loop.h"

#include "unit.h"
#include "work/work.h"

static const struct {
        uint64_t n;
        uint32_t seed;
        int64_t result;
} vectors[] = {
        { 1000000, 0, INT64_C(249999500000) },
        { 1000000, 1, INT64_C(-250000499999) },
        { 1000000, 12345, INT64_C(-250000487655) },
        { 1000000, 2147483647, INT64_C(-247853016353) },
        { 10, 3, INT64_C(1000018) },
        { 0, 7, INT64_C(7) },
};

static void gives_the_vectors(void **state) {
        (void)state;
        for (size_t i = 0; i < ELEMENTS(vectors); i++)
                assert_true(loop_run(vectors[i].n, vectors[i].seed) == vectors[i].result);
}

/* The definition, word for word, in 128 bits: nothing here can overflow. */
static void agrees_with_the_definition(void **state) {
        static const uint32_t seeds[] = { 0, 1, 2, 999999, 1000000, WORK_SEED_MAX };

        (void)state;
        for (size_t s = 0; s < ELEMENTS(seeds); s++) {
                __int128 acc = seeds[s];

                for (uint64_t n = 0; n < 3000; n++) {
                        assert_true(loop_run(n, seeds[s]) == (int64_t)acc);
                        acc += n;
                        if (acc & 1)
                                acc = 1000000 - acc;
                }
        }
}

/* The greatest n and seed stay within 64 bits; ubsan would speak up. */
static void bears_the_extremes(void **state) {
        __int128 acc = WORK_SEED_MAX;

        (void)state;
        for (uint64_t i = 0; i < WORK_LOOP_STEPS_MAX; i++) {
                acc += i;
                if (acc & 1)
                        acc = 1000000 - acc;
        }
        assert_true(loop_run(WORK_LOOP_STEPS_MAX, WORK_SEED_MAX) == (int64_t)acc);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(gives_the_vectors),
                cmocka_unit_test(agrees_with_the_definition),
                cmocka_unit_test(bears_the_extremes),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
