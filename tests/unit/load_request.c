#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "wire/request.h"

static const struct request_style plain = { .method = "GET", .host = "here:8080" };

/* The only target of a mix. */
static struct request_mix one(const char *target, const struct request_style *style, uint64_t seed) {
        static struct request_wish wish;
        struct request_mix m;
        struct error e;

        assert_int_equal(request_wish_make(target, 1, &wish, &e), 0);
        if (request_mix_make(&m, &wish, 1, style, seed, &e) < 0)
                fail_msg("%s: %s", target, e.text);
        return m;
}

static const char *render(const struct request_mix *m, size_t target, uint64_t k) {
        static char text[8192];
        size_t n;

        memset(text, 0, sizeof text);
        assert_true(m->bytes_max < sizeof text);
        n = request_render(m, target, k, text);
        assert_true(n <= m->bytes_max);
        assert_int_equal(strlen(text), n);
        return text;
}

static void requests_as_they_are_sent(void **state) {
        static const char *const headers[] = { "X-A: b", "Accept:" }, *const host[] = { "host: there" };
        struct request_style style = plain;
        struct request_mix m = one("/x?y=1", &style, 1);

        (void)state;
        assert_string_equal(render(&m, 0, 0), "GET /x?y=1 HTTP/1.1\r\nHost: here:8080\r\n\r\n");
        request_mix_free(&m);
        style.headers = headers;
        style.n_headers = 2;
        style.method = "POST";
        style.body = "hello";
        style.body_length = 5;
        m = one("/", &style, 1);
        assert_string_equal(render(&m, 0, 0), "POST / HTTP/1.1\r\nHost: here:8080\r\nX-A: b\r\nAccept:\r\nContent-Length: 5\r\n\r\nhello");
        request_mix_free(&m);
        style = (struct request_style){ .method = "HEAD", .host = "h", .headers = host, .n_headers = 1 };
        m = one("/", &style, 1);
        assert_true(m.to_head);
        assert_string_equal(render(&m, 0, 0), "HEAD / HTTP/1.1\r\nhost: there\r\n\r\n");
        request_mix_free(&m);
}

static void random_numbers(void **state) {
        struct request_mix m = one("/a/{id:7-7}/b?c={count:0-3}", &plain, 5), other = one("/a/{id:7-7}/b?c={count:0-3}", &plain, 6), wide;
        unsigned int seen[4] = { 0 }, differ = 0;
        char first[256];

        (void)state;
        for (uint64_t k = 0; k < 4000; k++) {
                unsigned int count;
                char end[64];

                (void)snprintf(first, sizeof first, "%s", render(&m, 0, k));
                assert_string_equal(first, render(&m, 0, k)); /* the same request is the same again */
                assert_int_equal(sscanf(first, "GET /a/7/b?c=%u %63s", &count, end), 2);
                assert_string_equal(end, "HTTP/1.1");
                assert_true(count <= 3);
                seen[count]++;
                differ += strcmp(first, render(&other, 0, k)) != 0;
        }
        for (size_t i = 0; i < 4; i++)
                assert_in_range(seen[i], 880, 1120); /* four standard deviations */
        assert_in_range(differ, 2800, 3200);         /* another seed: three of four */
        request_mix_free(&m);
        request_mix_free(&other);
        wide = one("/{a:0-9007199254740992}{b:9007199254740992-9007199254740992}", &plain, 1);
        assert_non_null(strstr(render(&wide, 0, 3), "9007199254740992 HTTP/1.1\r\n"));
        request_mix_free(&wide);
}

static void targets_by_weight(void **state) {
        static struct request_wish wishes[3];
        struct request_mix m;
        unsigned int seen[3] = { 0 };
        struct error e;

        (void)state;
        assert_int_equal(request_wish_parse("/a=1", &wishes[0], &e), 0);
        assert_int_equal(request_wish_parse("/b?x=y=6", &wishes[1], &e), 0);
        assert_int_equal(request_wish_parse("/c=3", &wishes[2], &e), 0);
        assert_string_equal(wishes[1].target, "/b?x=y");
        assert_int_equal(request_mix_make(&m, wishes, 3, &plain, 9, &e), 0);
        for (uint64_t k = 0; k < 10000; k++)
                seen[request_choose(&m, k)]++;
        assert_in_range(seen[0], 880, 1120);
        assert_in_range(seen[1], 5800, 6200);
        assert_in_range(seen[2], 2815, 3185);
        request_mix_free(&m);
}

static void wishes_that_are_refused(void **state) {
        static const struct {
                const char *text, *says;
        } cases[] = {
                { "", "no target" },
                { "a=1", "no target" },
                { "/a=0", "no weight" },
                { "/a=x", "no weight" },
                { "/a=1000001", "no weight" },
                { "/a b=1", "%20" },
                { "/a#b=1", "%23" },
                { "/a?n=5", "/a?n=5=1" },
                { "/a?m=1&n=5", "is that a weight or the query's value" },
        };
        static struct request_wish wish;
        struct error e;

        (void)state;
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                if (request_wish_parse(cases[i].text, &wish, &e) == 0)
                        fail_msg("\"%s\" is taken", cases[i].text);
                if (!strstr(e.text, cases[i].says))
                        fail_msg("\"%s\": %s", cases[i].text, e.text);
        }
}

static void braces_that_are_refused(void **state) {
        static const char *const targets[] = { "/{", "/}", "/{}", "/{a}", "/{a:1}", "/{a:2-1}", "/{a:-1-2}", "/{a:1-9007199254740993}", "/{{a:1-2}}", "/{a:1-2" };
        static struct request_wish wish;
        struct request_mix m;
        struct error e;

        (void)state;
        for (size_t i = 0; i < ELEMENTS(targets); i++) {
                assert_int_equal(request_wish_make(targets[i], 1, &wish, &e), 0);
                if (request_mix_make(&m, &wish, 1, &plain, 1, &e) == 0)
                        fail_msg("%s is taken", targets[i]);
                request_mix_free(&m);
        }
}

static void headers_and_methods(void **state) {
        static const char *const bad[] = { "", "X-A", ": b", "X A: b", "X-A: b\r\nX: y", "X-A\t: b", "content-length: 3", "Transfer-Encoding: chunked" };
        struct error e;

        (void)state;
        assert_int_equal(request_check_header("X-A: b\tc", &e), 0);
        assert_int_equal(request_check_header("Accept:", &e), 0);
        for (size_t i = 0; i < ELEMENTS(bad); i++)
                if (request_check_header(bad[i], &e) == 0)
                        fail_msg("\"%s\" is taken", bad[i]);
        assert_int_equal(request_check_method("PATCH", &e), 0);
        assert_true(request_check_method("", &e) < 0);
        assert_true(request_check_method("GET /", &e) < 0);
        assert_true(request_check_method("CONNECT", &e) < 0);
}

static int read_mix(const char *text, struct request_wish *wishes, size_t capacity, struct error *e) {
        char path[] = "/tmp/restmark-unit-XXXXXX";
        int fd = mkstemp(path), r;

        assert_true(fd >= 0);
        assert_int_equal(write(fd, text, strlen(text)), strlen(text));
        r = request_wishes_read(path, wishes, capacity, e);
        (void)close(fd);
        (void)unlink(path);
        return r;
}

static void mixes_from_files(void **state) {
        static struct request_wish wishes[3];
        struct error e;

        (void)state;
        assert_int_equal(read_mix("# what users do\n\n70 /a?n=5\r\n  \n30\t /b  ", wishes, 3, &e), 2);
        assert_string_equal(wishes[0].target, "/a?n=5");
        assert_int_equal(wishes[0].weight, 70);
        assert_string_equal(wishes[1].target, "/b");
        assert_int_equal(wishes[1].weight, 30);
        assert_true(read_mix("# nothing\n", wishes, 3, &e) < 0);
        assert_true(read_mix("1 /a\n/b\n", wishes, 3, &e) < 0);
        assert_non_null(strstr(e.text, ":2: "));
        assert_true(read_mix("1 /a\n1 /b\n1 /c\n1 /d\n", wishes, 3, &e) < 0);
        assert_non_null(strstr(e.text, ":4: "));
        assert_true(read_mix("-1 /a\n", wishes, 3, &e) < 0);
        assert_true(request_wishes_read("/nonexistent/mix", wishes, 3, &e) < 0);
        assert_non_null(strstr(e.text, "/nonexistent/mix"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(requests_as_they_are_sent),
                cmocka_unit_test(random_numbers),
                cmocka_unit_test(targets_by_weight),
                cmocka_unit_test(wishes_that_are_refused),
                cmocka_unit_test(braces_that_are_refused),
                cmocka_unit_test(headers_and_methods),
                cmocka_unit_test(mixes_from_files),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
