#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ctl/options.h"

/* Splits at spaces; returns what options_parse() does. */
static int parse(const char *line, struct options *o, struct error *e) {
        static char text[256];
        char *words[16] = { (char *)"restmarkctl" }, *save = NULL;
        int n = 1;

        (void)snprintf(text, sizeof text, "%s", line);
        for (char *word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save))
                words[n++] = word;
        return options_parse(n, words, o, e);
}

static void test_lines(void **state) {
        static const struct {
                const char *arguments, *line;
                enum options_task task;
                uint64_t timeout_ms;
                bool wrap_json;
        } cases[] = {
                { "status", "status\n", OPTIONS_ASK, OPTIONS_REPLY_MS, false },
                { "status -j", "status json\n", OPTIONS_ASK, OPTIONS_REPLY_MS, false },
                { "-j status", "status json\n", OPTIONS_ASK, OPTIONS_REPLY_MS, false },
                { "--json workers", "workers json\n", OPTIONS_ASK, OPTIONS_REPLY_MS, false },
                { "memory -t 0.25", "memory\n", OPTIONS_ASK, 250, false },
                { "events", "events\n", OPTIONS_ASK, OPTIONS_REPLY_MS, false },
                { "events -f", "events\n", OPTIONS_FOLLOW, OPTIONS_REPLY_MS, false },
                { "reload", "reload\n", OPTIONS_ASK, 0, false },
                { "reload -j --timeout 90", "reload\n", OPTIONS_ASK, 90000, true },
                { "upgrade", "upgrade\n", OPTIONS_ASK, 0, false },
                { "scale 256", "scale 256\n", OPTIONS_ASK, 0, false },
                { "scale 007", "scale 7\n", OPTIONS_ASK, 0, false },
                { "drain 0", "drain 0\n", OPTIONS_ASK, 0, false },
                { "stop", "stop\n", OPTIONS_STOP, 0, false },
                { "stop --now -j", "stop now\n", OPTIONS_STOP, 0, true },
                { "reopen", "reopen\n", OPTIONS_ASK, OPTIONS_REPLY_MS, false },
                { "top", "top\n", OPTIONS_TOP, OPTIONS_REPLY_MS, false },
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                struct options o;
                struct error e = { "" };

                if (parse(cases[i].arguments, &o, &e) < 0)
                        fail_msg("%s: %s", cases[i].arguments, e.text);
                assert_string_equal(o.line, cases[i].line);
                assert_int_equal(o.task, cases[i].task);
                assert_int_equal(o.timeout_ms, cases[i].timeout_ms);
                assert_int_equal(o.wrap_json, cases[i].wrap_json);
        }
}

static void test_top(void **state) {
        struct options o;
        struct error e;

        (void)state;
        assert_int_equal(parse("top", &o, &e), 0);
        assert_false(o.batch);
        assert_int_equal(o.samples, 0);
        assert_int_equal(o.delay_ms, 1000);
        assert_int_equal(parse("top -b -n 3 -d .5", &o, &e), 0);
        assert_true(o.batch);
        assert_int_equal(o.samples, 3);
        assert_int_equal(o.delay_ms, 500);
        assert_int_equal(parse("top -j", &o, &e), 0);
        assert_true(o.batch && o.json && !o.wrap_json);
        assert_int_equal(parse("-s /x --help", &o, &e), 0);
        assert_int_equal(o.task, OPTIONS_HELP);
        assert_int_equal(parse("-V", &o, &e), 0);
        assert_int_equal(o.task, OPTIONS_VERSION);
}

static void test_refusals(void **state) {
        static const struct {
                const char *arguments, *says;
        } cases[] = {
                { "", "say a command" },
                { "statu", "\"statu\" is no command; there are: status, " },
                { "status json", "say one command only: status takes no argument" },
                { "scale", "say scale N" },
                { "scale x", "from 1 to 256, and not \"x\"" },
                { "scale 0", "from 1 to 256" },
                { "scale 257", "from 1 to 256" },
                { "scale 18446744073709551617", "from 1 to 256" },
                { "scale 1 2", "scale takes one N only" },
                { "drain", "say drain SLOT" },
                { "drain 256", "from 0 to 255" },
                { "status -f", "--follow goes with events only" },
                { "reload --now", "--now goes with stop only" },
                { "status -b", "go with top only" },
                { "status -n 1", "go with top only" },
                { "events -d 1", "--delay goes with top and events -f only" },
                { "top -n 0", "--count takes a number" },
                { "top -n -1", "--count takes a number" },
                { "top -d 0", "--delay takes more than 0 seconds" },
                { "top -d 0.0001", "--delay takes seconds" },
                { "top -d 1s", "--delay takes seconds" },
                { "top -d .", "--delay takes seconds" },
                { "top -d 3601", "up to 3600" },
                { "status -t -1", "--timeout takes seconds" },
                { "top -t 9", "--timeout does not go with top" },
                { "-x status", "that option is not known" },
                { "status -s", "lacks its value" },
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                struct options o;
                struct error e = { "" };

                if (parse(cases[i].arguments, &o, &e) != -EINVAL || !strstr(e.text, cases[i].says))
                        fail_msg("%s: \"%s\"", cases[i].arguments, e.text);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_lines),
                cmocka_unit_test(test_top),
                cmocka_unit_test(test_refusals),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
