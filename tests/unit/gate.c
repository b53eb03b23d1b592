#include <stdio.h>
#include <string.h>

#include "gate_run.h"
#include "gate/target.h"

static void good_requests_pass(void **state) {
        static const struct row rows[] = {
                { BYTES(GET "\r\n"), 1, 0 },
                { BYTES(GET "\r\n" GET "\r\n" GET), 2, 0 },
                { BYTES("\r\n\r\n" GET "\r\n\r\n" GET "\r\n"), 2, 0 },
                { BYTES("GET / HTTP/1.0\r\n\r\n"), 1, 0 },
                { BYTES("GET / HTTP/1.1\r\nHost:\r\n\r\n"), 1, 0 },
                { BYTES("GET / HTTP/1.1\r\nHost:x\t \r\nX-A:\r\nX-B: \x80\xff\tb\r\n\r\n"), 1, 0 },
                { BYTES("HEAD /a?b=c%20d HTTP/1.1\r\n" H "\r\n"), 1, 0 },
                { BYTES("GET /\"<>\\^`{|}[] HTTP/1.1\r\n" H "\r\n"), 1, 0 },
                { BYTES("OPTIONS * HTTP/1.1\r\n" H "\r\n"), 1, 0 },
                { BYTES("GET http://x HTTP/1.1\r\n" H "\r\n"), 1, 0 },
                { BYTES("GET HTTP://[::1]:80/a?b HTTP/1.1\r\n" H "\r\n"), 1, 0 },
                { BYTES("GET http://x%2fparse-msgpack HTTP/1.1\r\n" H "\r\n"), 1, 0 },
                { BYTES("POST / HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhello" GET "\r\n"), 2, 0 },
                { BYTES("POST / HTTP/1.1\r\n" H "Content-Length: 5 \r\n\r\nhello" GET "\r\n"), 2, 0 },
                { BYTES("POST / HTTP/1.1\r\n" H "Content-Length: 005\r\n\r\nhello" GET "\r\n"), 2, 0 },
                { BYTES("POST / HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n"), 1, 0 },
                { BYTES("POST / HTTP/1.1\r\n" H "Content-Length: 100\r\n\r\n" HUNDRED("x")), 1, 0 },
                { BYTES(CHUNKED "0\r\n\r\n" GET "\r\n"), 2, 0 },
                { BYTES(CHUNKED "5\r\nhello\r\n00a;x=\"y\"\r\n0123456789\r\n0\r\nX: y\r\n\r\n" GET "\r\n"), 2, 0 },
                { BYTES(CHUNKED "5 \t;x\r\nhello\r\n0\r\n\r\n"), 1, 0 },
                { BYTES(CHUNKED "64\r\n" HUNDRED("x") "\r\n0\r\n\r\n"), 1, 0 },
                { BYTES(GET "Transfer-Encoding: Chunked \r\n\r\n0\r\n\r\n"), 1, 0 },
                { BYTES(GET "Cookie: " HUNDRED(";") "\r\n\r\n"), 1, 0 },
                { BYTES("GET /?a&b&c&d&e&f&g&h&i&j&k&l&m&n&o&p HTTP/1.1\r\n" H "\r\n"), 1, 0 },
                { BYTES("GET /" TEN(TEN("aaaaa")) " HTTP/1.1\r\n" H "\r\n"), 1, 0 },
        };

        (void)state;
        CHECK_ALL(rows);
}

static void malformed_request_lines_are_refused(void **state) {
        static const struct row rows[] = {
                { BYTES(" GET / HTTP/1.1\r\n" H "\r\n"), 0, 400 },
                { BYTES("\tGET / HTTP/1.1\r\n" H "\r\n"), 0, 400 },
                { BYTES("\rGET / HTTP/1.1\r\n" H "\r\n"), 0, 400 },
                { BYTES("\nGET / HTTP/1.1\r\n" H "\r\n"), 0, 400 },
                { BYTES("\r\n\nGET / HTTP/1.1\r\n" H "\r\n"), 0, 400 },
                { BYTES(TEN("\r\n") "GET / HTTP/1.1\r\n" H "\r\n"), 0, 400 },
                { BYTES("GET\r\n"), 0, 400 },
                { BYTES("GET /\r\n"), 0, 400 },
                { BYTES("GET /\r\n" H "\r\n"), 0, 400 },
                { BYTES("GET  / HTTP/1.1\r\n"), 0, 400 },
                { BYTES("GET /  HTTP/1.1\r\n"), 0, 400 },
                { BYTES("GET / HTTP/1.1 \r\n"), 0, 400 },
                { BYTES("GET\t/ HTTP/1.1\r\n"), 0, 400 },
                { BYTES("GET /\tHTTP/1.1\r\n"), 0, 400 },
                { BYTES("GET /x\rHost:y HTTP/1.1\r\n"), 0, 400 },
                { BYTES("GET /\0 HTTP/1.1\r\n"), 0, 400 },
                { BYTES("GET / HTTP/1.1\n"), 0, 400 },
                { BYTES("GET / HTTP/1.1\r\r\n"), 0, 400 },
                { BYTES("GET / HTTP/1\r\n"), 0, 400 },
                { BYTES("GET / HTTP/1.10\r\n"), 0, 400 },
                { BYTES("GET / http/1.1\r\n"), 0, 400 },
                { BYTES("GET / HTTP/a.1\r\n"), 0, 400 },
                { BYTES("GET / HTTP/2.0\r\n"), 0, 505 },
                { BYTES("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 0, 505 },
                { BYTES("GET / HTTP/0.9\r\n"), 0, 505 },
                { BYTES("G@T / HTTP/1.1\r\n"), 0, 400 },
                { BYTES("GET: / HTTP/1.1\r\n"), 0, 400 },
                { BYTES("BREW / HTTP/1.1\r\n"), 0, 501 },
                { BYTES("get / HTTP/1.1\r\n"), 0, 501 },
                { BYTES("GETS / HTTP/1.1\r\n"), 0, 501 },
                { BYTES("CONNECT x:80 HTTP/1.1\r\n"), 0, 501 },
                { BYTES("CONNECT [::1]:80 HTTP/1.1\r\n"), 0, 501 },
                { BYTES("CONNECT [::1] HTTP/1.1\r\n"), 0, 400 },
                { BYTES("M-SEARCH * HTTP/1.1\r\n"), 0, 501 },
                { BYTES("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"), 0, 400 },
                { BYTES("PROXY TCP4 192.0.2.1 192.0.2.2 1234 80\r\n"), 0, 400 },
                { BYTES(GET "\r\nBAD\r\n"), 1, 400 },
        };

        (void)state;
        CHECK_ALL(rows);
}

static void what_is_no_target_is_refused(void **state) {
        static const struct row rows[] = {
                { BYTES("GET x HTTP/1.1\r\n"), 0, 400 },
                { BYTES("GET * HTTP/1.1\r\n"), 0, 400 },
                { BYTES("OPTIONS ** HTTP/1.1\r\n"), 0, 400 },
                { BYTES("GET ?a HTTP/1.1\r\n"), 0, 400 },
                { BYTES("GET /# HTTP/1.1\r\n"), 0, 400 },
                { BYTES("GET /%0 HTTP/1.1\r\n"), 0, 400 },
                { BYTES("GET /%zz HTTP/1.1\r\n"), 0, 400 },
                { BYTES("GET /%00 HTTP/1.1\r\n"), 0, 400 },
                { BYTES("GET /\xc3\xa9 HTTP/1.1\r\n"), 0, 400 },
                { BYTES("GET /\x01 HTTP/1.1\r\n"), 0, 400 },
                { BYTES("GET /\x01 HTTP/2.0\r\n"), 0, 400 },
                { BYTES("GET http:/ HTTP/1.1\r\n"), 0, 400 },
                { BYTES("GET http:// HTTP/1.1\r\n"), 0, 400 },
                { BYTES("GET http:/// HTTP/1.1\r\n"), 0, 400 },
                { BYTES("GET https:///a HTTP/1.1\r\n"), 0, 400 },
                { BYTES("GET http://u@x/ HTTP/1.1\r\n"), 0, 400 },
                { BYTES("GET http://x:80:80/ HTTP/1.1\r\n"), 0, 400 },
                { BYTES("GET http://[::1/ HTTP/1.1\r\n"), 0, 400 },
                { BYTES("GET x:80 HTTP/1.1\r\n"), 0, 400 },
                { BYTES("CONNECT / HTTP/1.1\r\n"), 0, 400 },
                { BYTES("GET mailto:x HTTP/1.1\r\n"), 0, 400 },
                { BYTES("GET /?" HUNDRED("&") " HTTP/1.1\r\n"), 0, 400 },
        };

        (void)state;
        CHECK_ALL(rows);
}

static void what_is_no_text_gets_no_answer(void **state) {
        static const struct row rows[] = {
                { BYTES("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), 0, TLS },
                { BYTES("\0\0\0\0"), 0, BINARY },
                { BYTES("\x80\x2e\x01"), 0, BINARY },
                { BYTES("\r\n\r\n\0\r\nQUIT\n\x21\x11"), 0, BINARY },
                { BYTES(GET "\r\n\x16\x03\x01"), 1, TLS },
        };

        (void)state;
        CHECK_ALL(rows);
}

static void malformed_fields_are_refused(void **state) {
        static const char *const fields[] = {
                "no colon", ": empty", "X : y", "X\t: y", " X: y", "\tX: y", "X(y): z", "X\x80: y", "X: a\rb", "X: a\x01", "X: a\x7f", "X: a\x0b",
                "Content-Length: +5", "Content-Length: -5", "Content-Length: 0x5", "Content-Length:", "Content-Length: 5, 5", "Content-Length: 5 5",
                "Content-Length : 5", "Content-Length: 5\r\nContent-Length: 5", "Content-Length: 0\r\nTransfer-Encoding: chunked",
                "Transfer-Encoding: chunked\r\nContent-Length: 0", "Transfer-Encoding: gzip", "Transfer-Encoding: gzip, chunked",
                "Transfer-Encoding: chunked, chunked", "Transfer-Encoding: xchunked", "Transfer-Encoding:", "Transfer-Encoding: chunked\x0b",
                "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "Host: y", "X: a\r\n b", "X: a\nY: b", "X: a\n",
        };
        char text[256];

        (void)state;
        for (size_t i = 0; i < ELEMENTS(fields); i++) {
                int n = snprintf(text, sizeof text, GET "%s\r\n\r\n", fields[i]);

                check(&(struct row){ text, (size_t)n, 0, 400 });
        }
        check(&(struct row){ BYTES("GET / HTTP/1.1\r\n\r\n"), 0, 400 });
        check(&(struct row){ BYTES("GET / HTTP/1.9\r\n\r\n"), 0, 400 });
        check(&(struct row){ BYTES("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), 0, 400 });
        check(&(struct row){ BYTES(GET "X: a\0b\r\n\r\n"), 0, 400 });
}

static void hosts_are_looked_at(void **state) {
        static const char *const bad[] = { "a b",  "a, b", "u@x",     "x/path", "x:80:80", "[::1", "::1",   "[::1]x",      "[]",  "[::1%25eth0]", "x?y", "x#y",
                                           "x:y",  "x:-1", "x:65536", ":80",    "x\\y",    "x|y",  "<x>",   "x%zz",        "x%2", "x\x80y",       "\"x\"", "x\ty",
                                           "[x]",  "]",    "http://x", "x{}",   "x^",      "x`",   "x[::1]", "[v1]",       "[1.2.3.4]", "x: 80",   "x :80", "*/" };
        static const char *const good[] = { "", "x", "x:", "x:80", "a.b-c_d~e", "127.0.0.1:8080", "[::1]", "[::1]:80", "[::ffff:1.2.3.4]", "[v1.a:b]",
                                            "x%20y", "EXAMPLE.org:65535", "a,b", "!$&'()*+,;=" };
        char text[256];

        (void)state;
        for (size_t i = 0; i < ELEMENTS(bad) + ELEMENTS(good); i++) {
                bool is_bad = i < ELEMENTS(bad);
                int n = snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", is_bad ? bad[i] : good[i - ELEMENTS(bad)]);

                check(&(struct row){ text, (size_t)n, is_bad ? 0 : 1, is_bad ? 400 : 0 });
        }
}

static void malformed_bodies_are_refused(void **state) {
        static const struct row rows[] = {
                { BYTES(CHUNKED "\r\n"), 0, 400 },
                { BYTES(CHUNKED "x\r\n"), 0, 400 },
                { BYTES(CHUNKED " 5\r\nhello\r\n0\r\n\r\n"), 0, 400 },
                { BYTES(CHUNKED "5 \r\nhello\r\n0\r\n\r\n"), 0, 400 },
                { BYTES(CHUNKED "5 5\r\n"), 0, 400 },
                { BYTES(CHUNKED "+5\r\n"), 0, 400 },
                { BYTES(CHUNKED "0x5\r\n"), 0, 400 },
                { BYTES(CHUNKED "5\nhello\r\n0\r\n\r\n"), 0, 400 },
                { BYTES(CHUNKED "5;x\nhello\r\n0\r\n\r\n"), 0, 400 },
                { BYTES(CHUNKED "5;x\rhello\r\n0\r\n\r\n"), 0, 400 },
                { BYTES(CHUNKED "5;\0\r\nhello\r\n0\r\n\r\n"), 0, 400 },
                { BYTES(CHUNKED "5\rhello"), 0, 400 },
                { BYTES(CHUNKED "5\r\nhello0\r\n\r\n"), 0, 400 },
                { BYTES(CHUNKED "5\r\nhello\n0\r\n\r\n"), 0, 400 },
                { BYTES(CHUNKED "5\r\nhello\rx"), 0, 400 },
                { BYTES(CHUNKED "0\r\nX : a\r\n\r\n"), 0, 400 },
                { BYTES(CHUNKED "0\r\n X: a\r\n\r\n"), 0, 400 },
                { BYTES(CHUNKED "0\r\nno colon\r\n\r\n"), 0, 400 },
                { BYTES(CHUNKED "0\r\n\n"), 0, 400 },
                { BYTES(CHUNKED "0\r\nX: a\n\r\n"), 0, 400 },
                { BYTES(CHUNKED "00000000000000005\r\n"), 0, 400 },
                { BYTES(CHUNKED "ffffffffffffffff\r\n"), 0, 413 },
                { BYTES(CHUNKED "65\r\n"), 0, 413 },
                { BYTES(CHUNKED "64\r\n" HUNDRED("x") "\r\n1\r\n"), 0, 413 },
                { BYTES(CHUNKED "5;" TEN(HUNDRED("x")) HUNDRED("y")), 0, 413 },
                { BYTES(CHUNKED "5" TEN(HUNDRED(" ")) HUNDRED(" ")), 0, 413 },
                { BYTES(CHUNKED "0\r\nX: " TEN(HUNDRED("x")) HUNDRED("y")), 0, 431 },
                { BYTES(CHUNKED "0\r\n" HUNDRED("Field: abc\r\n")), 0, 431 },
                { BYTES(GET "Content-Length: 101\r\n\r\n"), 0, 413 },
                { BYTES(GET "Content-Length: 99999999999999999999999\r\n\r\n"), 0, 413 },
        };

        (void)state;
        CHECK_ALL(rows);
}

static void large_heads_are_refused(void **state) {
        static const struct row rows[] = {
                { BYTES("GET /" TEN(HUNDRED("a")) HUNDRED("b")), 0, 414 },
                { BYTES("GET /" TEN(HUNDRED("a")) HUNDRED("b") " HTTP/1.1\r\n" H "\r\n"), 0, 414 },
                { BYTES("GET /" TEN(HUNDRED("a")) " HTTP/1.1\r\n" H "X: y\r\n\r\n"), 0, 414 },
                { BYTES(GET "X: " TEN(HUNDRED("a"))), 0, 431 },
                { BYTES(GET "X: " TEN(HUNDRED("a")) "\r\n\r\n"), 0, 431 },
                { BYTES(GET HUNDRED("Field: abc\r\n") "\r\n"), 0, 431 },
                { BYTES(TEN(HUNDRED("A")) HUNDRED("B")), 0, 501 },
                { BYTES(TEN(HUNDRED("A")) " / HTTP/1.1\r\n" H "\r\n"), 0, 501 },
                { BYTES("A@" TEN(HUNDRED("A")) HUNDRED("B")), 0, 400 },
                { BYTES(TEN(HUNDRED("A")) "@" HUNDRED("B")), 0, 400 },
        };

        (void)state;
        CHECK_ALL(rows);
}

static void heads_up_to_the_limit_pass(void **state) {
        char text[2048];

        (void)state;
        for (int over = 0; over <= 1; over++) {
                int n = snprintf(text, sizeof text, GET "X: %0*d\r\n\r\n", (int)(limits.head_bytes - strlen(GET "X: \r\n\r\n")) + over, 0);

                assert_int_equal((size_t)n, limits.head_bytes + (size_t)over);
                check(&(struct row){ text, (size_t)n, over ? 0 : 1, over ? 431 : 0 });
        }
}

static void refused_heads_are_known_for_such(void **state) {
        (void)state;
        assert_true(run(BYTES("HEAD / HTTP/2.0\r\n\r\n"), 0).is_head);
        assert_true(run(BYTES("HEAD /\x01"), 0).is_head);
        assert_true(run(BYTES("HEAD / HTTP/1.1\r\n\r\n"), 0).is_head);
        assert_true(run(BYTES("HEAD / HTTP/1.1\r\nX: " TEN(HUNDRED("x")) HUNDRED("y")), 100).is_head);
        assert_true(run(BYTES("HEAD /" TEN(HUNDRED("x")) HUNDRED("y")), 0).is_head);
        assert_true(run(BYTES("HEAD / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\nx"), 0).is_head);
        assert_false(run(BYTES("HEADER / HTTP/1.1\r\n\r\n"), 0).is_head);
        assert_false(run(BYTES("GET / HTTP/1.1\r\n\r\n"), 0).is_head);
        assert_false(run(BYTES("HEAD / HTTP/1.1\r\n" H "\r\nGET\r\n"), 0).is_head);
}

static void an_incomplete_request_is_no_request(void **state) {
        static const char *const parts[] = { "G", "GET /", GET, GET "\r", GET "Content-Length: 5\r\n\r\nhell", CHUNKED, CHUNKED "5", CHUNKED "5\r\nhello\r\n",
                                             CHUNKED "0\r\n", CHUNKED "0\r\nX: y\r\n", "\r" };

        (void)state;
        for (size_t i = 0; i < ELEMENTS(parts); i++) {
                struct outcome o = run(parts[i], strlen(parts[i]), 0);

                assert_int_equal(o.requests + o.status, 0);
                assert_true(o.is_part);
        }
}

static void paths_are_decoded_after_targets_are_taken_apart(void **state) {
        static const char *const cases[][2] = {
                { "/", "/" }, { "/?a=%2f", "/" }, { "/a%62c", "/abc" }, { "http://x", "/" }, { "http://x?a", "/" }, { "http://x/a?b", "/a" },
                { "http://x/%61?b", "/a" }, { "http://x%2fa", "/" }, { "x://", "/" }, { "*", "*" }, { "/a%2fb", "" }, { "/a?b", "/a" }, { "/a/b%63?d", "/a/bc" },
        };
        char memory[TARGET_PATH_MAX];
        char longer[200] = "/%61";
        size_t length;

        (void)state;
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                const char *path = target_path(cases[i][0], memory, &length);

                assert_int_equal(length, strcspn(path, "?"));
                assert_int_equal(length, strlen(cases[i][1]));
                assert_memory_equal(path, cases[i][1], length);
        }
        memset(longer + 4, 'a', TARGET_PATH_MAX);
        assert_string_equal(target_path(longer, memory, &length), "");
        assert_string_equal(target_path("/a%00b", memory, &length), "");
}

static void arguments_are_taken_one_by_one(void **state) {
        static const struct {
                const char *target, *told; /* each as name=value; name for one without a value */
        } cases[] = {
                { "/", "" },
                { "/?", "" },
                { "/?a", "a;" },
                { "/?a=", "a=;" },
                { "/?a=1&b=2", "a=1;b=2;" },
                { "/?a=1&", "a=1;" },
                { "/?&&a=b=c", ";;a=b=c;" },
                { "/?=x", "=x;" },
                { "/?a+b=%31%3d%26&%61", "a b=1=&;a;" },
                { "http://h/p?q=?", "q=?;" },
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                const char *query = target_query(cases[i].target);
                char memory[64], told[128] = "";
                struct target_argument a;

                while (target_next_argument(&query, memory, &a))
                        (void)snprintf(told + strlen(told), sizeof told - strlen(told), "%.*s%s%.*s;", (int)a.name_length, a.name, a.value ? "=" : "",
                                       (int)a.value_length, a.value ? a.value : "");
                assert_string_equal(told, cases[i].told);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(arguments_are_taken_one_by_one),
                cmocka_unit_test(good_requests_pass),
                cmocka_unit_test(malformed_request_lines_are_refused),
                cmocka_unit_test(what_is_no_target_is_refused),
                cmocka_unit_test(what_is_no_text_gets_no_answer),
                cmocka_unit_test(malformed_fields_are_refused),
                cmocka_unit_test(hosts_are_looked_at),
                cmocka_unit_test(malformed_bodies_are_refused),
                cmocka_unit_test(large_heads_are_refused),
                cmocka_unit_test(heads_up_to_the_limit_pass),
                cmocka_unit_test(refused_heads_are_known_for_such),
                cmocka_unit_test(an_incomplete_request_is_no_request),
                cmocka_unit_test(paths_are_decoded_after_targets_are_taken_apart),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
