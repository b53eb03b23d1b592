#include "unit.h"

#include <errno.h>
#include <string.h>

#include "act/control_syntax.h"

static const struct control_syntax none = { NULL, 0, 0 };
static const struct control_syntax json = { "[json]", 0, 0 };
static const struct control_syntax number = { "N", 1, 256 };
static const struct control_syntax both = { "[json] [since N]", 0, UINT64_MAX };
static const struct control_syntax slot_now = { "SLOT [now]", 0, 255 };

static void test_match(void **state) {
        (void)state;
        assert_string_equal(control_match("status", "status"), "");
        assert_string_equal(control_match("status json", "status"), "json");
        assert_string_equal(control_match("status ", "status"), " ");
        assert_string_equal(control_match("status  json", "status"), " json");
        assert_null(control_match("statusjson", "status"));
        assert_null(control_match("stat", "status"));
        assert_null(control_match("", "status"));
        assert_null(control_match(" status", "status"));
}

static void test_good(void **state) {
        static const struct {
                const struct control_syntax *syntax;
                const char *text;
                struct control_arguments want;
        } cases[] = {
                { &none, "", { 0 } },
                { &json, "", { 0 } },
                { &json, "json", { .json = true } },
                { &number, "1", { .has_number = true, .number = 1 } },
                { &number, "256", { .has_number = true, .number = 256 } },
                { &both, "", { 0 } },
                { &both, "json", { .json = true } },
                { &both, "since 18446744073709551615", { .has_number = true, .number = UINT64_MAX } },
                { &both, "json since 0", { .json = true, .has_number = true } },
                { &slot_now, "0", { .has_number = true } },
                { &slot_now, "255 now", { .now = true, .has_number = true, .number = 255 } },
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                struct control_arguments got;
                struct error e = { "" };

                if (control_parse("x", cases[i].syntax, cases[i].text, &got, &e) < 0)
                        fail_msg("\"%s\" by \"%s\": %s", cases[i].text, cases[i].syntax->text ? cases[i].syntax->text : "nothing", e.text);
                assert_int_equal(got.json, cases[i].want.json);
                assert_int_equal(got.now, cases[i].want.now);
                assert_int_equal(got.has_number, cases[i].want.has_number);
                assert_int_equal(got.number, cases[i].want.number);
        }
}

static void test_bad(void **state) {
        static const struct {
                const struct control_syntax *syntax;
                const char *text, *says;
        } cases[] = {
                { &none, "json", "x takes no arguments" },
                { &none, " ", "x takes no arguments" },
                { &json, "jso", "write: x [json]" },
                { &json, "jsonn", "write: x [json]" },
                { &json, "JSON", "write: x [json]" },
                { &json, "json json", "write: x [json]" },
                { &json, "json ", "write: x [json]" },
                { &json, " json", "write: x [json]" },
                { &json, " ", "write: x [json]" },
                { &number, "", "write: x N, with a whole number from 1 to 256" },
                { &number, "0", "from 1 to 256" },
                { &number, "257", "from 1 to 256" },
                { &number, "18446744073709551617", "from 1 to 256" },
                { &number, "-1", "from 1 to 256" },
                { &number, "+1", "from 1 to 256" },
                { &number, "0x1", "from 1 to 256" },
                { &number, "1 ", "from 1 to 256" },
                { &number, "1 1", "from 1 to 256" },
                { &number, "1\t", "from 1 to 256" },
                { &both, "since", "write: x [json] [since N]" },
                { &both, "since x", "write: x [json] [since N]" },
                { &both, "since  1", "write: x [json] [since N]" },
                { &both, "since 1 json", "write: x [json] [since N]" }, /* the order is fixed */
                { &both, "1", "write: x [json] [since N]" },
                { &slot_now, "now", "from 0 to 255" },
                { &slot_now, "now 3", "from 0 to 255" },
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                struct control_arguments got;
                struct error e = { "" };

                if (control_parse("x", cases[i].syntax, cases[i].text, &got, &e) != -EINVAL || !strstr(e.text, cases[i].says))
                        fail_msg("\"%s\" by \"%s\": \"%s\"", cases[i].text, cases[i].syntax->text ? cases[i].syntax->text : "nothing", e.text);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_match),
                cmocka_unit_test(test_good),
                cmocka_unit_test(test_bad),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
