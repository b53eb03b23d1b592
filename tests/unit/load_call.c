#include "wire/call.h"

#include <stdlib.h>
#include <string.h>

#include "unit.h"

static const struct request_style style = { .method = "GET", .host = "x", .is_call = true };

static struct request_mix one(const char *target, const struct request_style *with) {
        static struct request_wish wish;
        struct request_mix m;
        struct error e;

        assert_int_equal(request_wish_make(target, 1, &wish, &e), 0);
        if (request_mix_make(&m, &wish, 1, with, 1, &e) < 0)
                fail_msg("%s: %s", target, e.text);
        return m;
}

static void check(const char *target, const struct request_style *with, const char *expected, size_t length) {
        struct request_mix m = one(target, with);
        char *out = malloc(m.bytes_max);
        size_t n;

        assert_non_null(out);
        n = request_render(&m, 0, 5, out);
        call_set_id(out, 0x01020304);
        assert_int_equal(n, length);
        assert_memory_equal(out, expected, length);
        free(out);
        request_mix_free(&m);
}

#define CHECK(target, with, text) check(target, with, "\x94\x00\xce\x01\x02\x03\x04" text, sizeof "\x94\x00\xce\x01\x02\x03\x04" text - 1)
#define FIVE "\xcf\x00\x00\x00\x00\x00\x00\x00\x05"

static void targets_are_calls(void **state) {
        struct request_style body = style;

        (void)state;
        body.body = "{}";
        body.body_length = 2;
        CHECK("/", &style, "\xa7welcome\x90");
        CHECK("/transfer-data", &style, "\xadtransfer-data\x90");
        CHECK("/million-loop?n=5&seed={seed:5-5}", &style, "\xacmillion-loop\x91\x82\xa1n" FIVE "\xa4seed" FIVE);
        CHECK("/million-loop?seed={5-5}&n=5", &style, "\xacmillion-loop\x91\x82\xa4seed" FIVE "\xa1n" FIVE);
        CHECK("/record/5", &style, "\xa6record\x91\x81\xa2id" FIVE);
        CHECK("/record/{id:5-5}", &style, "\xa6record\x91\x81\xa2id" FIVE);
        CHECK("/validate", &body, "\xa8validate\x91\x81\xa4" "body\xc6\x00\x00\x00\x02{}");
        CHECK("/validate?count=5", &body, "\xa8validate\x91\x82\xa4" "body\xc6\x00\x00\x00\x02{}\xa5" "count" FIVE);
}

static void what_is_no_call_is_refused(void **state) {
        static const char *const targets[] = { "/a/b", "/x?n", "/x?n=", "/x?n=-1", "/x?=5", "/x?n={5}", "/a%20b", "/x?n=5a" };

        (void)state;
        for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
                struct request_wish wish;
                struct request_mix m;
                struct error e;

                assert_int_equal(request_wish_make(targets[i], 1, &wish, &e), 0);
                if (request_mix_make(&m, &wish, 1, &style, 1, &e) == 0)
                        fail_msg("%s", targets[i]);
                request_mix_free(&m);
        }
}

struct row {
        const char *bytes;
        size_t length;
        enum response_event event;
        uint32_t id;
        unsigned int status;
        const char *body;
};

#define ROW(text, ...) { text, sizeof text - 1, __VA_ARGS__ }

static const struct row rows[] = {
        ROW("\x94\x01\x05\xc0\xa2hi", RESPONSE_DONE, 5, 200, "hi"),
        ROW("\x94\x01\xcc\xff\xc0\xd9\x02hi", RESPONSE_DONE, 255, 200, "hi"),
        ROW("\x94\x01\xce\xff\xff\xff\xff\xc0\xdb\x00\x00\x00\x02hi", RESPONSE_DONE, UINT32_MAX, 200, "hi"),
        ROW("\x94\x01\x05\xc0\xa0", RESPONSE_DONE, 5, 200, ""),
        ROW("\x94\x01\x05\x92\xcd\x01\x94\xa2no\xc0", RESPONSE_DONE, 5, 404, ""),
        ROW("\x94\x01\x05\x92\xcd\x01\x94\xa0\xc0", RESPONSE_DONE, 5, 404, ""),
        ROW("\x94\x01\x05\xc0\xa3hi", RESPONSE_MORE, 5, 200, "hi"),
        ROW("\x94\x01\x05\x92\xcd\x01\x94\xa2no\xc1", RESPONSE_BROKEN, 5, 404, ""),
        ROW("\x94\x01\x05\x92\x05\xa2no\xc0", RESPONSE_BROKEN, 5, 5, ""),
        ROW("\x94\x00\x05\xc0\xa2hi", RESPONSE_BROKEN, 0, 200, ""),
        ROW("\x93\x01\x05\xc0\xa2hi", RESPONSE_BROKEN, 0, 200, ""),
        ROW("\x94\x01\xff\xc0\xa2hi", RESPONSE_BROKEN, 0, 200, ""),
        ROW("\x94\x01\xcf\x00\x00\x00\x01\x00\x00\x00\x00\xc0\xa2hi", RESPONSE_BROKEN, 0, 200, ""),
        ROW("\x94\x01\x05\xc0\x05", RESPONSE_BROKEN, 5, 200, ""),
        ROW("HTTP/1.1 200 OK\r\n", RESPONSE_BROKEN, 0, 200, ""),
};

/* In pieces of every size, and twice, as answers follow one another. */
static void answers_are_read_however_they_come(void **state) {
        (void)state;
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
                for (size_t step = 1; step <= rows[i].length; step++) {
                        enum response_event event = RESPONSE_MORE;
                        struct answer_parser p;
                        char body[16] = "";
                        size_t n_body = 0;

                        answer_begin(&p);
                        assert_true(answer_is_idle(&p));
                        for (size_t at = 0; at < rows[i].length && event == RESPONSE_MORE;) {
                                size_t n = rows[i].length - at < step ? rows[i].length - at : step;

                                do {
                                        size_t used, piece;

                                        event = answer_feed(&p, rows[i].bytes + at, n, &used, &piece);
                                        assert_true(used <= n && piece <= used);
                                        memcpy(body + n_body, rows[i].bytes + at + used - piece, piece);
                                        n_body += piece;
                                        at += used;
                                        n -= used;
                                } while (event == RESPONSE_BODY);
                        }
                        if (event != rows[i].event || strcmp(body, rows[i].body) != 0 || (event == RESPONSE_DONE && (p.id != rows[i].id || p.status != rows[i].status)))
                                fail_msg("row %zu in pieces of %zu", i, step);
                }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(targets_are_calls),
                cmocka_unit_test(what_is_no_call_is_refused),
                cmocka_unit_test(answers_are_read_however_they_come),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
