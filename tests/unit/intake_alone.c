/* Which requests their owner may answer by itself, and what the library then gets: nothing. */
#include "intake_run.h"

/* What the owner does with them, and what it was shown. */
static struct {
        bool takes;
        unsigned int n;
        char line[64]; /* the last one's method and target */
} seen;

static bool on_alone(void *context, const struct intake_request *request) {
        (void)context;
        seen.n++;
        (void)snprintf(seen.line, sizeof seen.line, "%.*s %.*s", (int)request->method_length, request->method, (int)request->target_length, request->target);
        return seen.takes;
}

static void open_alone(struct fixture *f, bool takes) {
        static struct intake_owner with_alone;

        with_alone = owner;
        with_alone.alone = on_alone;
        seen.takes = takes;
        seen.n = 0;
        *seen.line = '\0';
        open_both(f);
        f->in.owner = &with_alone;
}

static void say(struct fixture *f, const char *text) {
        assert_int_equal(send(f->client, text, strlen(text), 0), strlen(text));
}

#define PLAIN "GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
#define WRITTEN "GET / HTTP/1.1\r\nHost:\r\n\r\n"

static void what_comes_alone_is_shown_and_else_the_library_s(void **state) {
        static const struct {
                const char *text;
                unsigned int shown, heads; /* of the heads that the library gets */
        } cases[] = {
                { PLAIN, 1, 0 },
                { "\r\n" PLAIN, 1, 0 },
                { "HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n", 1, 0 },
                { "GET /a HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n", 1, 0 },
                { "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", 1, 0 },
                { PLAIN PLAIN, 0, 2 },
                { PLAIN "GET", 0, 1 },
                { "GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 0, 1 },
                { "GET /a HTTP/1.0\r\nHost: x\r\n\r\n", 0, 1 },
                { "GET /a HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\n\r\n", 0, 1 },
                { "GET /a HTTP/1.1\r\nHost: x\r\nIf-None-Match: *\r\n\r\n", 0, 1 },
                { "GET /a HTTP/1.1\r\nHost: x\r\nIf-Match: \"b\"\r\n\r\n", 0, 1 },
                { "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nb", 0, 1 },
                { "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 0, 1 },
                { "GET /a HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n\r\n", 0, 1 },
                { "GET /a HTTP/1.1\r\nHost: x", 0, 0 },
                { "GET /a HTTP/1.1\r\n\r\n", 0, 0 }, /* refused: no Host */
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                char out[1024];
                size_t n = 0;
                struct fixture f;

                open_alone(&f, true);
                say(&f, cases[i].text);
                (void)drain(&f, 512, out, &n);
                assert_int_equal(seen.n, cases[i].shown);
                assert_int_equal(count_heads(out, 0, n), cases[i].heads);
                assert_int_equal(f.in.n_serving, cases[i].heads);
                if (cases[i].shown) {
                        assert_int_equal(n, 0);
                        assert_false(intake_has_part(&f.in));
                        assert_string_equal(strchr(seen.line, ' '), " /a");
                }
                close_both(&f);
        }
}

static void what_the_owner_does_not_take_the_library_gets(void **state) {
        char out[1024];
        size_t n = 0;
        struct fixture f;

        (void)state;
        open_alone(&f, false);
        say(&f, PLAIN);
        assert_int_equal(drain(&f, 512, out, &n), sizeof WRITTEN - 1);
        assert_memory_equal(out, WRITTEN, sizeof WRITTEN - 1);
        assert_int_equal(seen.n, 1);
        assert_string_equal(intake_request(&f.in).target, "/a");

        /* The next one is not alone as long as this one is not finished. */
        seen.takes = true;
        say(&f, PLAIN);
        n = 0;
        (void)drain(&f, 512, out, &n);
        assert_int_equal(seen.n, 1);
        assert_int_equal(n, sizeof WRITTEN - 1);
        intake_finished(&f.in);
        intake_finished(&f.in);
        say(&f, PLAIN);
        n = 0;
        assert_int_equal(drain(&f, 512, out, &n), -1);
        assert_int_equal(seen.n, 2);
        assert_int_equal(n, 0);
        close_both(&f);
}

/* As soon as the owner knows of the request, which is when its line is in, the library gets it. Behind it all is as before. */
static void what_comes_in_parts_is_the_library_s(void **state) {
        static const char text[] = PLAIN;
        char out[1024];

        (void)state;
        for (size_t cut = 1; cut + 1 < sizeof text; cut++) {
                size_t n = 0;
                struct fixture f;

                open_alone(&f, true);
                assert_int_equal(send(f.client, text, cut, 0), cut);
                (void)drain(&f, 512, out, &n);
                assert_int_equal(f.told.begun, strchr(text, '\n') < text + cut);
                say(&f, text + cut);
                (void)drain(&f, 512, out, &n);
                assert_int_equal(seen.n, !f.told.begun);
                assert_int_equal(n, f.told.begun ? sizeof WRITTEN - 1 : 0);
                intake_finished(&f.in);
                say(&f, PLAIN);
                (void)drain(&f, 512, out, &n);
                assert_int_equal(n, f.told.begun ? sizeof WRITTEN - 1 : 0);
                assert_int_equal(seen.n, 1 + !f.told.begun);
                assert_false(intake_has_part(&f.in));
                close_both(&f);
        }
}

/* The owner could not answer all of it: whatever comes then is thrown away, also what comes while the rest of the head is read. */
static bool on_alone_that_is_cut(void *context, const struct intake_request *request) {
        struct told *told = context;

        (void)request;
        seen.n++;
        intake_end(told->in);
        (void)send(((struct fixture *)(void *)told->in)->client, PLAIN, sizeof PLAIN - 1, 0); /* as if it came right now */
        return true;
}

static void behind_an_answer_that_was_cut_nothing_is_taken(void **state) {
        static struct intake_owner cutting;

        (void)state;
        for (size_t cut = 0; cut < 8; cut++) { /* within the request line */
                char out[1024];
                size_t n = 0;
                struct fixture f;

                open_alone(&f, true);
                cutting = owner;
                cutting.alone = on_alone_that_is_cut;
                f.in.owner = &cutting;
                assert_int_equal(send(f.client, PLAIN, cut, 0), cut);
                if (cut > 0)
                        (void)drain(&f, 512, out, &n);
                say(&f, &PLAIN[cut]);
                (void)drain(&f, 512, out, &n);
                (void)drain(&f, 512, out, &n);
                assert_int_equal(n, 0);
                assert_int_equal(seen.n, 1);
                assert_int_equal(f.in.n_serving, 0);
                close_both(&f);
        }
}

static void the_client_s_end_is_heard_of_behind_it(void **state) {
        char out[64];
        size_t n = 0;
        struct fixture f;

        (void)state;
        open_alone(&f, true);
        say(&f, PLAIN);
        assert_int_equal(shutdown(f.client, SHUT_WR), 0);
        assert_int_equal(drain(&f, sizeof out, out, &n), -1); /* as of any request; who reads again finds the end */
        assert_int_equal(drain(&f, sizeof out, out, &n), 0);
        assert_int_equal(seen.n, 1);
        close_both(&f);
}

/* As many bytes as are read at a time: there may be more of them. */
static void as_much_as_is_read_at_a_time_is_no_end(void **state) {
        enum { READ_BYTES = 16384 };
        static const char begin[] = "GET /a HTTP/1.1\r\nHost: x\r\nX: ";
        static char text[READ_BYTES + 1];
        struct intake_owner large = owner;
        char out[1024];
        size_t n = 0;
        struct fixture f;

        (void)state;
        memset(text, 'x', READ_BYTES);
        memcpy(text, begin, sizeof begin - 1);
        memcpy(text + READ_BYTES - 4, "\r\n\r\n", 4);
        open_alone(&f, true);
        large.limits.head_bytes = READ_BYTES;
        large.alone = on_alone;
        assert_int_equal(intake_prepare(&large), 0);
        f.in.owner = &large;
        gate_init(&f.in.gate, &large.limits);
        say(&f, text);
        say(&f, PLAIN);
        assert_int_equal(drain(&f, 512, out, &n), -1);
        assert_int_equal(seen.n, 2);
        assert_int_equal(n, 0);
        close_both(&f);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_comes_alone_is_shown_and_else_the_library_s),
                cmocka_unit_test(what_the_owner_does_not_take_the_library_gets),
                cmocka_unit_test(what_comes_in_parts_is_the_library_s),
                cmocka_unit_test(behind_an_answer_that_was_cut_nothing_is_taken),
                cmocka_unit_test(the_client_s_end_is_heard_of_behind_it),
                cmocka_unit_test(as_much_as_is_read_at_a_time_is_no_end),
        };

        return cmocka_run_group_tests(tests, prepare_intakes, forget_intakes);
}
