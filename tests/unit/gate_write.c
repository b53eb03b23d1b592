#include "gate_run.h"

/* What the library gets to see. */
static void heads_are_written_without_what_means_nothing(void **state) {
        static const char *const cases[][2] = {
                { GET "\r\n", GET "\r\n" },
                { GET "Accept: */*\r\nCookie: a=b\r\n\r\n", GET "\r\n" },
                { "GET /a?b HTTP/1.1\r\nX: y\r\nhost:z\r\nUser-Agent: q\r\n\r\n", "GET /a?b HTTP/1.1\r\nhost:z\r\n\r\n" },
                { "GET / HTTP/1.7\r\n" H "\r\n", GET "\r\n" },
                { "GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.0\r\n\r\n" },
                { "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", "GET / HTTP/1.0\r\nConnection:keep-alive\r\n\r\n" },
                { GET "Connection: foo, Close ,bar\r\n\r\n", GET "Connection:close\r\n\r\n" },
                { GET "Connection: keep-alive\r\nConnection: close\r\n\r\n", GET "Connection:close\r\n\r\n" },
                { GET "Connection: closed, \"close\"\r\n\r\n", GET "\r\n" },
                { "POST / HTTP/1.1\r\nContent-Length: 5\r\n" H "Expect: 100-continue\r\n\r\nhello", "POST / HTTP/1.1\r\n" H "\r\n" },
                { GET "If-Match: *\r\n\r\n", GET "\r\n" },
                { "GET / HTTP/1.1\r\nIf-Match: \"a\"\r\nX: y\r\n" H "\r\n", "GET / HTTP/1.1\r\nIf-Match: \"a\"\r\n" H "\r\n" },
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTS(cases); i++)
                for (size_t split = 0; split <= strlen(cases[i][0]); split++) {
                        struct outcome o = run(cases[i][0], strlen(cases[i][0]), split);

                        assert_int_equal(o.requests, 1);
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
        assert_string_equal(text, GET "Connection:close\r\n\r\n");
        assert_true(gate_is_last(&g));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(heads_are_written_without_what_means_nothing),
                cmocka_unit_test(heads_are_written_in_place),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
