#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "view/options.h"

/* Splits at spaces; returns what options_parse() does. */
static int parse(const char *line, struct options *o, struct error *e) {
        static char text[512];
        char *words[64] = { (char *)"restmark-load" }, *save = NULL;
        int n = 1;

        (void)snprintf(text, sizeof text, "%s", line);
        for (char *word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save))
                words[n++] = word;
        return options_parse(n, words, o, e);
}

static void parse_good(const char *line, struct options *o) {
        struct error e;

        if (parse(line, o, &e) < 0)
                fail_msg("%s: %s", line, e.text);
}

static void defaults(void **state) {
        struct options o;

        (void)state;
        parse_good("http://h/", &o);
        assert_string_equal(o.url, "http://h/");
        assert_string_equal(o.method, "GET");
        assert_int_equal(o.connections, 64);
        assert_int_equal(o.threads, 1);
        assert_int_equal(o.pipeline, 1);
        assert_int_equal(o.duration_ns, UINT64_C(10000000000));
        assert_int_equal(o.timeout_ns, UINT64_C(10000000000));
        assert_true(o.part == 0 && o.parts == 1);
        assert_true(o.check && o.rate == 0 && o.requests == 0 && o.n_wishes == 0);
        options_deinit(&o);
}

/* What several machines send together is what one would have sent alone. */
static void parts_of_a_load(void **state) {
        static const char *const wrong[] = { "0/2", "3/2", "1", "1/", "/2", "1/0", "1/2/3", "-1/2", "1/10001" };
        struct options o;
        struct error e;
        char line[64];

        (void)state;
        parse_good("--part 3/4 http://h/", &o);
        assert_int_equal(o.part, 2);
        assert_int_equal(o.parts, 4);
        options_deinit(&o);
        for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
                (void)snprintf(line, sizeof line, "--part %s http://h/", wrong[i]);
                assert_int_equal(parse(line, &o, &e), -EINVAL);
                assert_non_null(strstr(e.text, wrong[i]));
                options_deinit(&o);
        }
        assert_int_equal(parse("--part 1/2 -r 5 --slo p99=1ms http://h/", &o, &e), -EINVAL);
        options_deinit(&o);
}

static void everything_that_can_be_said(void **state) {
        struct options o;

        (void)state;
        parse_good("-c 7 -t 3 --cpus auto -n 1000 --timeout 1.5s --seed 9 --header A:b --method PUT --body f --pipeline 4 --reconnect 10 "
                   "--expect e --status 201 -j --hdr-log l --die-with-parent http://h /a=2 /b",
                   &o);
        assert_int_equal(o.connections, 7);
        assert_int_equal(o.threads, 3);
        assert_true(o.cpus.n > 0);
        assert_int_equal(o.requests, 1000);
        assert_int_equal(o.duration_ns, 0); /* requests alone end it */
        assert_int_equal(o.timeout_ns, 1500000000);
        assert_int_equal(o.seed, 9);
        assert_string_equal(o.headers[0], "A:b");
        assert_string_equal(o.method, "PUT");
        assert_int_equal(o.pipeline, 4);
        assert_int_equal(o.reconnect, 10);
        assert_int_equal(o.status, 201);
        assert_true(o.json && o.die_with_parent);
        assert_int_equal(o.n_wishes, 2);
        assert_int_equal(o.wishes[0].weight, 2);
        options_deinit(&o);
        parse_good("--rate 5000 --poisson --slo p99=50ms -d 500ms --body f unix:/x", &o);
        assert_true(o.rate == 5000 && o.poisson && o.slo.n == 1);
        assert_string_equal(o.method, "POST");
        assert_int_equal(o.duration_ns, 500000000);
        options_deinit(&o);
        parse_good("--rate 50 --slo p99=50ms,p50=10ms --slo p99.9=1s unix:/x", &o);
        assert_int_equal(o.slo.n, 3);
        assert_int_equal(o.slo.at[1].limit_us, 10000);
        assert_string_equal(o.slo.at[2].text, "p99.9=1s");
        options_deinit(&o);
        parse_good("--merge a -j b --hdr-log l", &o);
        assert_true(o.task == OPTIONS_MERGE && o.n_files == 2 && o.json);
        assert_string_equal(o.files[1], "b");
        parse_good("--think 20ms --no-check -d 2 -n 5 unix:/x", &o);
        assert_int_equal(o.think_ns, 20000000);
        assert_int_equal(o.duration_ns, 2000000000);
        assert_int_equal(o.requests, 5);
        assert_false(o.check);
        options_deinit(&o);
        parse_good("--help", &o);
        assert_int_equal(o.task, OPTIONS_HELP);
        parse_good("-V --nonsense", &o);
        assert_int_equal(o.task, OPTIONS_VERSION);
}

static void refusals(void **state) {
        static const struct {
                const char *arguments, *says;
        } cases[] = {
                { "", "say a URL" },
                { "--nope http://h/", "--nope is not known" },
                { "--re 5 http://h/", "--re is not known, or short for several" },
                { "-jq http://h/", "-q is not known" },
                { "--json=5 http://h/", "--json takes no value" },
                { "http://h/ -c", "-c lacks its value" },
                { "http://h/ --rate", "--rate lacks its value" },
                { "-r 10000001 http://h/", "--rate takes requests a second, from 0.001 to 10000000" },
                { "-c 0 http://h/", "--connections takes a whole number from 1" },
                { "-t 5 -c 4 http://h/", "each thread needs one" },
                { "-d 0 http://h/", "--duration takes a time" },
                { "-d 1h http://h/", "--duration takes a time" },
                { "--timeout 61s http://h/", "--timeout takes a time" },
                { "-n x http://h/", "--requests takes" },
                { "-r 0 http://h/", "--rate takes" },
                { "-r 1e3 http://h/", "--rate takes" },
                { "-r nan http://h/", "--rate takes" },
                { "--poisson http://h/", "--poisson goes with --rate" },
                { "--slo p99=1s http://h/", "--slo needs a --rate" },
                { "--slo p99 -r 1 http://h/", "p99=50ms" },
                { "--slo p99=1s --slo p99=2s -r 1 http://h/", "two limits for one percentile, p99=1s and p99=2s" },
                { "--merge", "--merge takes files" },
                { "--merge -r 1 file", "--rate does not go with it" },
                { "--hold --merge file", "--hold does not go with it" },
                { "--slo p99=1s -r 1 -n 5 http://h/", "--duration" },
                { "--slo p99=1s -r 1 --hdr-log x http://h/", "--hdr-log is of one run" },
                { "--think 1s -r 1 http://h/", "--think goes neither" },
                { "--pipeline 2 -r 1 http://h/", "--pipeline does not go with --rate" },
                { "--expect f --no-check http://h/", "--expect does not go" },
                { "--mix f http://h /a", "not both" },
                { "--cpus 99999 http://h/", "--cpus 99999" },
                { "--header nocolon http://h/", "--header takes" },
                { "--method a/b http://h/", "--method takes" },
                { "--status 99 http://h/", "--status takes" },
                { "http://h a=1", "no target" },
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                struct options o;
                struct error e = { "" };

                if (parse(cases[i].arguments, &o, &e) == 0)
                        fail_msg("\"%s\" is taken", cases[i].arguments);
                if (!strstr(e.text, cases[i].says))
                        fail_msg("\"%s\": %s", cases[i].arguments, e.text);
                options_deinit(&o);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(defaults),
                cmocka_unit_test(parts_of_a_load),
                cmocka_unit_test(everything_that_can_be_said),
                cmocka_unit_test(refusals),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
