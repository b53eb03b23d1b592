#include "gate_run.h"

#define BARE "GET / HTTP/1.1\r\nHost:\r\n"

/* What the library gets to see. */
static void heads_are_written_without_what_means_nothing(void **state) {
        static const char *const cases[][2] = {
                { GET "\r\n", BARE "\r\n" },
                { "GET / HTTP/1.1\r\nHost:\r\n\r\n", BARE "\r\n" },
                { GET "Accept: */*\r\nCookie: a=b\r\n\r\n", BARE "\r\n" },
                { "GET /a?b HTTP/1.1\r\nX: y\r\nhost:z\r\nUser-Agent: q\r\n\r\n", BARE "\r\n" },
                { "OPTIONS * HTTP/1.1\r\n" H "\r\n", "OPTIONS / HTTP/1.1\r\nHost:\r\n\r\n" },
                { "GET http://a/b HTTP/1.1\r\n" H "\r\n", BARE "\r\n" },
                { "GET / HTTP/1.7\r\n" H "\r\n", BARE "\r\n" },
                { "GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.0\r\n\r\n" },
                { "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", "GET / HTTP/1.0\r\nConnection:keep-alive\r\n\r\n" },
                { GET "Connection: foo, Close ,bar\r\n\r\n", BARE "Connection:close\r\n\r\n" },
                { GET "Connection: keep-alive\r\nConnection: close\r\n\r\n", BARE "Connection:close\r\n\r\n" },
                { GET "Connection: closed, \"close\"\r\n\r\n", BARE "\r\n" },
                { "POST / HTTP/1.1\r\nContent-Length: 5\r\n" H "Expect: 100-continue\r\n\r\nhello", "POST / HTTP/1.1\r\nHost:\r\n\r\n" },
                { "GET / HTTP/1.1\r\nIf-Match: \"a\"\r\nX: y\r\n" H "\r\n", BARE "\r\n" },
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTS(cases); i++)
                for (size_t split = 0; split <= strlen(cases[i][0]); split++) {
                        struct outcome o = run(cases[i][0], strlen(cases[i][0]), split);

                        assert_int_equal(o.requests, 1);
                        assert_true(o.written <= GATE_WRITTEN_MAX);
                        o.heads[o.written] = '\0';
                        assert_string_equal(o.heads, cases[i][1]);
                }
}

static void heads_are_written_in_place(void **state) {
        char text[] = "GET / HTTP/1.1\r\nX-A: b\r\n" H "Connection: close\r\nX: y\r\n\r\n";
        struct gate g;
        size_t used;

        (void)state;
        gate_init(&g, &limits);
        assert_int_equal(gate_take(&g, BYTES(text), &used), GATE_HEAD);
        used = gate_write(&g, text, text);
        text[used] = '\0';
        assert_string_equal(text, BARE "Connection:close\r\n\r\n");
        assert_true(gate_is_last(&g));
}

/* The longest that there is. */
static void no_head_is_longer_than_promised(void **state) {
        static const char longest[] = "OPTIONS / HTTP/1.1\r\n" H "Connection: keep-alive\r\n\r\n";
        struct outcome o = run(BYTES(longest), sizeof longest - 1);

        (void)state;
        assert_in_range(o.written, GATE_WRITTEN_MAX - 16, GATE_WRITTEN_MAX);
}

static enum gate_condition condition_of(const char *fields) {
        char text[512];
        struct gate g;
        size_t used;

        (void)snprintf(text, sizeof text, GET "%s\r\n", fields);
        gate_init(&g, &limits);
        assert_int_equal(gate_take(&g, text, strlen(text), &used), GATE_HEAD);
        return g.condition;
}

/* Of both If-Match comes first, wherever it stands (RFC 9110, 13.2.2). */
static void conditions_are_told(void **state) {
        (void)state;
        assert_int_equal(condition_of(""), GATE_UNCONDITIONAL);
        assert_int_equal(condition_of("If-Match: *\r\n"), GATE_UNCONDITIONAL);
        assert_int_equal(condition_of("If-Match: \"a\"\r\n"), GATE_IF_MATCH);
        assert_int_equal(condition_of("If-None-Match: \"a\"\r\n"), GATE_UNCONDITIONAL);
        assert_int_equal(condition_of("If-None-Match: *\r\n"), GATE_IF_NONE_MATCH);
        assert_int_equal(condition_of("If-None-Match: *\r\nIf-Match: \"a\"\r\n"), GATE_IF_MATCH);
        assert_int_equal(condition_of("If-Match: \"a\"\r\nIf-None-Match: *\r\n"), GATE_IF_MATCH);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(heads_are_written_without_what_means_nothing),
                cmocka_unit_test(heads_are_written_in_place),
                cmocka_unit_test(no_head_is_longer_than_promised),
                cmocka_unit_test(conditions_are_told),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
