#include <errno.h>
#include <string.h>

#include "data/dataset.h"
#include "unit.h"
#include "work/work.h"

static const struct dataset thousand = { .n_records = 1000 };

static int set(struct work_params *p, const char *key, const char *value, struct error *e) {
        return work_params_set(p, key, strlen(key), value, value ? strlen(value) : 0, e);
}

static void begins_as_the_full_work(void **state) {
        struct work_params p;

        (void)state;
        work_params_init(&p, WORKLOAD_ENCODE_JSON, &thousand);
        assert_int_equal(p.count, 1000);
        assert_int_equal(p.n, 1000000);
        assert_int_equal(p.seed, 0);
        assert_int_equal(p.digest_times, 0);
}

static const struct {
        enum workload which;
        const char *key, *value;
        uint64_t expected;
} good[] = {
        { WORKLOAD_PARSE_MSGPACK, "count", "0", 0 },
        { WORKLOAD_ENCODE_JSON, "count", "1000", 1000 },
        { WORKLOAD_TRANSFER_DATA, "count", "0007", 7 },
        { WORKLOAD_TRANSFER_DATA, "count", "000000000000000000000000000000000000000000000000999", 999 },
        { WORKLOAD_PARSE_MSGPACK, "digest", "1", 1 },
        { WORKLOAD_ENCODE_JSON, "digest", "8", 8 },
        { WORKLOAD_ENCODE_JSON, "digest", "0003", 3 },
        { WORKLOAD_MILLION_LOOP, "n", "0", 0 },
        { WORKLOAD_MILLION_LOOP, "n", "100000000", 100000000 },
        { WORKLOAD_MILLION_LOOP, "seed", "0", 0 },
        { WORKLOAD_MILLION_LOOP, "seed", "2147483647", 2147483647 },
};

static void takes_what_is_in_range(void **state) {
        (void)state;
        for (size_t i = 0; i < ELEMENTS(good); i++) {
                struct work_params p;
                uint64_t got;

                work_params_init(&p, good[i].which, &thousand);
                assert_int_equal(set(&p, good[i].key, good[i].value, NULL), 0);
                got = good[i].key[0] == 'c' ? p.count : good[i].key[0] == 'n' ? p.n : good[i].key[0] == 'd' ? p.digest_times : p.seed;
                assert_int_equal(got, good[i].expected);
        }
}

static const struct {
        enum workload which;
        const char *key, *value, *sentence;
} bad[] = {
        { WORKLOAD_WELCOME, "count", "1", "Unknown parameter \"count\"; none is known here." },
        { WORKLOAD_WELCOME, "", NULL, "Unknown parameter \"\"; none is known here." },
        { WORKLOAD_ENCODE_JSON, "n", "1", "Unknown parameter \"n\"; known here: count, digest, seed." },
        { WORKLOAD_ENCODE_JSON, "counts", "1", "Unknown parameter \"counts\"; known here: count, digest, seed." },
        { WORKLOAD_ENCODE_JSON, "coun", "1", "Unknown parameter \"coun\"; known here: count, digest, seed." },
        { WORKLOAD_ENCODE_JSON, "Count", "1", "Unknown parameter \"Count\"; known here: count, digest, seed." },
        { WORKLOAD_ENCODE_JSON, "\x01\"", "1", "Unknown parameter \"\\x01\\x22\"; known here: count, digest, seed." },
        { WORKLOAD_WELCOME, "digest", "1", "Unknown parameter \"digest\"; none is known here." },
        { WORKLOAD_TRANSFER_DATA, "digest", "1", "Unknown parameter \"digest\"; known here: count." },
        { WORKLOAD_TRANSFER_DATA, "seed", "1", "Unknown parameter \"seed\"; known here: count." },
        { WORKLOAD_MILLION_LOOP, "digest", "1", "Unknown parameter \"digest\"; known here: n, seed." },
        { WORKLOAD_PARSE_MSGPACK, "digest", NULL, "Parameter \"digest\" has no value; give a number from 1 to 8." },
        { WORKLOAD_PARSE_MSGPACK, "digest", "", "Parameter \"digest\" has no value; give a number from 1 to 8." },
        { WORKLOAD_PARSE_MSGPACK, "digest", "0", "Parameter \"digest\" is 0; give a number from 1 to 8." },
        { WORKLOAD_ENCODE_JSON, "digest", "9", "Parameter \"digest\" is 9; give a number from 1 to 8." },
        { WORKLOAD_ENCODE_JSON, "digest", "18446744073709551617",
          "Parameter \"digest\" is 18446744073709551617; give a number from 1 to 8." },
        { WORKLOAD_ENCODE_JSON, "digest", "-1", "Parameter \"digest\" is \"-1\"; give decimal digits only, from 1 to 8." },
        { WORKLOAD_ENCODE_JSON, "seed", "2147483648", "Parameter \"seed\" is 2147483648; give a number from 0 to 2147483647." },
        { WORKLOAD_ENCODE_JSON, "seed", "", "Parameter \"seed\" has no value; give a number from 0 to 2147483647." },
        { WORKLOAD_MILLION_LOOP, "count", "1", "Unknown parameter \"count\"; known here: n, seed." },
        { WORKLOAD_PARSE_MSGPACK, "count", NULL, "Parameter \"count\" has no value; give a number from 0 to 1000." },
        { WORKLOAD_PARSE_MSGPACK, "count", "", "Parameter \"count\" has no value; give a number from 0 to 1000." },
        { WORKLOAD_PARSE_MSGPACK, "count", "1001", "Parameter \"count\" is 1001; give a number from 0 to 1000." },
        { WORKLOAD_PARSE_MSGPACK, "count", "18446744073709551616",
          "Parameter \"count\" is 18446744073709551616; give a number from 0 to 1000." },
        { WORKLOAD_PARSE_MSGPACK, "count", "18446744073709551617000000000000000000000",
          "Parameter \"count\" is 1844674407370955161700000000000000000000...; give a number from 0 to 1000." },
        { WORKLOAD_PARSE_MSGPACK, "count", "-1", "Parameter \"count\" is \"-1\"; give decimal digits only, from 0 to 1000." },
        { WORKLOAD_PARSE_MSGPACK, "count", "+1", "Parameter \"count\" is \"+1\"; give decimal digits only, from 0 to 1000." },
        { WORKLOAD_PARSE_MSGPACK, "count", " 1", "Parameter \"count\" is \" 1\"; give decimal digits only, from 0 to 1000." },
        { WORKLOAD_PARSE_MSGPACK, "count", "1 ", "Parameter \"count\" is \"1 \"; give decimal digits only, from 0 to 1000." },
        { WORKLOAD_PARSE_MSGPACK, "count", "0x10", "Parameter \"count\" is \"0x10\"; give decimal digits only, from 0 to 1000." },
        { WORKLOAD_PARSE_MSGPACK, "count", "1.0", "Parameter \"count\" is \"1.0\"; give decimal digits only, from 0 to 1000." },
        { WORKLOAD_PARSE_MSGPACK, "count", "1e2", "Parameter \"count\" is \"1e2\"; give decimal digits only, from 0 to 1000." },
        { WORKLOAD_PARSE_MSGPACK, "count", "\xd9\xa1",
          "Parameter \"count\" is \"\\xd9\\xa1\"; give decimal digits only, from 0 to 1000." },
        { WORKLOAD_MILLION_LOOP, "n", "100000001", "Parameter \"n\" is 100000001; give a number from 0 to 100000000." },
        { WORKLOAD_MILLION_LOOP, "seed", "2147483648", "Parameter \"seed\" is 2147483648; give a number from 0 to 2147483647." },
};

static void refuses_the_rest_in_words(void **state) {
        (void)state;
        for (size_t i = 0; i < ELEMENTS(bad); i++) {
                struct work_params p, before;
                struct error e;

                work_params_init(&p, bad[i].which, &thousand);
                before = p;
                assert_int_equal(set(&p, bad[i].key, bad[i].value, &e), -EINVAL);
                assert_string_equal(e.text, bad[i].sentence);
                assert_int_equal(p.count, before.count);
                assert_int_equal(p.n, before.n);
                assert_int_equal(p.seed, before.seed);
                assert_int_equal(p.digest_times, before.digest_times);
        }
}

/* On the record routes; until the digest comes, whatever else does. The loop's seed stands alone. */
static void seed_waits_for_its_digest(void **state) {
        static const char sentence[] = "Parameter \"seed\" is the digest's here; give digest as well.";
        struct work_params p;
        struct error e;

        (void)state;
        work_params_init(&p, WORKLOAD_PARSE_MSGPACK, &thousand);
        assert_int_equal(set(&p, "seed", "5", &e), WORK_PARAMS_INCOMPLETE);
        assert_string_equal(e.text, sentence);
        e.text[0] = '\0';
        assert_int_equal(set(&p, "count", "3", &e), WORK_PARAMS_INCOMPLETE);
        assert_string_equal(e.text, sentence);
        assert_int_equal(set(&p, "digest", "2", &e), 0);
        assert_int_equal(p.digest_times, 2);
        assert_int_equal(p.seed, 5);
        assert_int_equal(p.count, 3);
        work_params_init(&p, WORKLOAD_ENCODE_JSON, &thousand);
        assert_int_equal(set(&p, "digest", "1", &e), 0);
        assert_int_equal(set(&p, "seed", "2147483647", &e), 0);
        work_params_init(&p, WORKLOAD_MILLION_LOOP, &thousand);
        assert_int_equal(set(&p, "seed", "5", &e), 0);
}

static void refuses_nul_inside(void **state) {
        struct work_params p;
        struct error e;

        (void)state;
        work_params_init(&p, WORKLOAD_ENCODE_JSON, &thousand);
        assert_int_equal(work_params_set(&p, BYTES("count"), BYTES("1\0"), &e), -EINVAL);
        assert_string_equal(e.text, "Parameter \"count\" is \"1\\x00\"; give decimal digits only, from 0 to 1000.");
        assert_int_equal(work_params_set(&p, BYTES("count\0"), BYTES("1"), &e), -EINVAL);
        assert_string_equal(e.text, "Unknown parameter \"count\\x00\"; known here: count, digest, seed.");
}

static void refuses_repetition(void **state) {
        struct work_params p;
        struct error e;

        (void)state;
        work_params_init(&p, WORKLOAD_MILLION_LOOP, &thousand);
        assert_int_equal(set(&p, "n", "5", &e), 0);
        assert_int_equal(set(&p, "seed", "6", &e), 0);
        assert_int_equal(set(&p, "n", "5", &e), -EINVAL);
        assert_string_equal(e.text, "Parameter \"n\" is given more than once.");
        assert_int_equal(p.n, 5);
        assert_int_equal(p.seed, 6);
        work_params_init(&p, WORKLOAD_ENCODE_JSON, &thousand);
        assert_int_equal(set(&p, "digest", "5", &e), 0);
        assert_int_equal(set(&p, "digest", "5", &e), -EINVAL);
        assert_string_equal(e.text, "Parameter \"digest\" is given more than once.");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(begins_as_the_full_work), cmocka_unit_test(takes_what_is_in_range),
                cmocka_unit_test(refuses_the_rest_in_words), cmocka_unit_test(refuses_nul_inside),
                cmocka_unit_test(refuses_repetition), cmocka_unit_test(seed_waits_for_its_digest),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
