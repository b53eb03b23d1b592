#include "intake_run.h"

enum { TEXT_MAX = 1 << 20 };

#define BARE " / HTTP/1.1\r\nHost:\r\n"

/* Finishes `n` requests that the library has got; each finds what the client has asked for. */
static void finish(struct fixture *f, unsigned int n, const char *targets, size_t *n_finished) {
        for (; n > 0; n--, ++*n_finished) {
                const struct served_request request = intake_request(&f->in);

                assert_int_equal(request.target_length, 2);
                assert_string_equal(request.target, ((char[]){ '/', targets[*n_finished], '\0' }));
                intake_finished(&f->in);
        }
}

/* Requests in all shapes, in pieces of random sizes, read in blocks of random sizes: out comes what the gate has written, in order, all of
 * it as soon as it is whole, and nothing else; and their targets beside it. */
static void whatever_the_pieces_the_library_gets_the_same(void **state) {
        static const char *const shapes[][2] = {
                { "GET /a HTTP/1.1\r\nHost: x\r\n\r\n", "GET" BARE "\r\n" },
                { "GET /b HTTP/1.1\r\nUser-Agent: something\r\nHost: x\r\nCookie: a=b\r\n\r\n", "GET" BARE "\r\n" },
                { "POST /c HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\nhello\r\n\r\nxy", "POST" BARE "\r\n" },
                { "POST /d HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5;q\r\nhello\r\n0\r\nT: u\r\n\r\n", "POST" BARE "\r\n" },
                { "\r\nHEAD /e HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n", "HEAD" BARE "Connection:keep-alive\r\n\r\n" },
        };
        char *in = malloc(TEXT_MAX), *wanted = malloc(TEXT_MAX), *out = malloc(TEXT_MAX);

        (void)state;
        assert_true(in && wanted && out);
        srandom(1);
        for (int round = 0; round < 300; round++) {
                size_t n_in = 0, n_wanted = 0, n_out = 0, sent = 0, n_finished = 0;
                size_t piece = 1 + (size_t)random() % (round % 3 == 0 ? 8 : 3000), size = 1 + (size_t)random() % (round % 2 ? 4000 : 60);
                char targets[100];
                struct fixture f;

                open_both(&f);
                for (size_t i = 0; i < ELEMENTS(targets); i++) {
                        size_t which = (size_t)random() % ELEMENTS(shapes);

                        n_in += (size_t)sprintf(in + n_in, "%s", shapes[which][0]);
                        n_wanted += (size_t)sprintf(wanted + n_wanted, "%s", shapes[which][1]);
                        targets[i] = (char)('a' + which);
                }
                while (sent < n_in) {
                        size_t now = n_in - sent < piece ? n_in - sent : piece, before = n_out;

                        assert_int_equal(send(f.client, in + sent, now, 0), now);
                        sent += now;
                        (void)drain(&f, size, out, &n_out);
                        finish(&f, count_heads(out, before, n_out), targets, &n_finished);
                        assert_int_equal(f.in.n_serving, 0); /* nothing that is whole is held back */
                }
                assert_int_equal(n_out, n_wanted);
                assert_memory_equal(out, wanted, n_wanted);
                assert_int_equal(n_finished, ELEMENTS(targets));
                assert_int_equal(f.told.refused, 0);
                assert_false(intake_has_part(&f.in));
                close_both(&f);
        }
        free(in);
        free(wanted);
        free(out);
}

/* A client that pipelines as much as it can and does not read: what is kept of it is bounded by the library's buffer. */
static void what_is_kept_of_long_targets_is_bounded(void **state) {
        enum { LIBRARY_READS = 256, HEAD = 1000 };
        char head[HEAD + 1], out[LIBRARY_READS];
        size_t n_sent = 0;
        struct fixture f;

        (void)state;
        open_both(&f);
        (void)snprintf(head, sizeof head, "GET /%0*d HTTP/1.1\r\nHost: x\r\n\r\n", HEAD - 27, 0);
        while (send(f.client, head, strlen(head), 0) == (ssize_t)strlen(head))
                n_sent++;
        assert_true(n_sent > 50);
        assert_int_equal(recv(f.server, out, sizeof out, 0), sizeof out);
        assert_true(f.in.n_serving < 50);
        assert_true(f.in.served.capacity <= (size_t)64 * 1024);
        assert_int_equal(intake_request(&f.in).target_length, HEAD - 26);
        while (f.in.n_serving > 0)
                intake_finished(&f.in);
        assert_int_equal(f.in.served.capacity, 0); /* nothing of it stays */
        close_both(&f);
}

static const struct intake_owner curious = { .limits = { .head_bytes = 1024, .keeps_fields = true }, .begun = on_begun, .refused = on_refused };

static void who_wants_fields_gets_them(void **state) {
        static const char texts[][80] = { "GET /?a HTTP/1.1\r\nAccept:  a/b \r\nHost:\tx:1\r\nIf-Match: q\r\n\r\n", "GET /b HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" };
        char out[256];
        size_t length = 0;
        struct served_request request;
        struct fixture f;

        (void)state;
        open_both(&f);
        intake_close(&f.in);
        assert_int_equal(intake_open(&f.in, f.server, &curious, &f.told), 0);
        for (size_t i = 0; i < ELEMENTS(texts); i++)
                assert_int_equal(send(f.client, texts[i], strlen(texts[i]), 0), strlen(texts[i]));
        (void)drain(&f, sizeof out, out, &length);
        request = intake_request(&f.in);
        assert_string_equal(request.target, "/?a");
        assert_string_equal(request.host, "x:1");
        assert_string_equal(request.accept, "a/b");
        assert_int_equal(request.condition, GATE_IF_MATCH);
        intake_finished(&f.in);
        request = intake_request(&f.in);
        assert_string_equal(request.target, "/b");
        assert_null(request.host);
        assert_string_equal(request.accept, "");
        assert_int_equal(request.condition, GATE_UNCONDITIONAL);
        close_both(&f);
}

static void a_refusal_waits_for_its_turn(void **state) {
        static const char text[] = "GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\nGET /c HTTP/1.1\r\n\r\nGET /d HTTP/1.1\r\nHost: x\r\n\r\n";
        char out[1024];
        size_t length = 0;
        struct fixture f;

        (void)state;
        open_both(&f);
        assert_int_equal(send(f.client, text, sizeof text - 1, 0), sizeof text - 1);
        (void)drain(&f, sizeof out, out, &length);
        assert_int_equal(count_heads(out, 0, length), 2);
        intake_finished(&f.in);
        assert_int_equal(f.told.refused, 0);
        assert_int_equal(drain(&f, sizeof out, out, &length), -1);
        intake_finished(&f.in);
        assert_int_equal(f.told.refused, 1);
        assert_int_equal(f.told.status, 400);
        assert_int_equal(f.told.serving_when_refused, 0);
        assert_string_equal(f.told.target, "/c");
        assert_int_equal(send(f.client, text, sizeof text - 1, 0), sizeof text - 1); /* thrown away, up to the client's end */
        assert_int_equal(drain(&f, sizeof out, out, &length), -1);
        assert_int_equal(shutdown(f.client, SHUT_WR), 0);
        assert_int_equal(drain(&f, sizeof out, out, &length), 0);
        assert_int_equal(count_heads(out, 0, length), 2);
        assert_int_equal(f.told.refused, 1);
        close_both(&f);
}

static void nothing_is_taken_after_the_last_request(void **state) {
        static const char text[] = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\nGET\r\n";
        char out[1024];
        size_t length = 0;
        struct fixture f;

        (void)state;
        open_both(&f);
        assert_int_equal(send(f.client, text, sizeof text - 1, 0), sizeof text - 1);
        (void)drain(&f, sizeof out, out, &length);
        intake_finished(&f.in);
        assert_int_equal(f.told.refused, 0);
        assert_true(f.in.is_last);
        close_both(&f);
}

static void the_owner_hears_of_a_request_that_is_not_whole(void **state) {
        static const char *const parts[] = { "POST /abc", " HTTP/1.1\r\nHost: x\r\nContent-", "Length: 4\r\nExpect: 100-continue\r\n\r\n", "ab", "cd" };
        static const unsigned int begun[] = { 0, 1, 1, 1, 1 };
        char out[1024], reply[64];
        size_t length = 0;
        struct fixture f;

        (void)state;
        open_both(&f);
        for (size_t i = 0; i < ELEMENTS(parts); i++) {
                ssize_t n;

                assert_int_equal(length, 0);
                assert_int_equal(send(f.client, parts[i], strlen(parts[i]), 0), strlen(parts[i]));
                (void)drain(&f, sizeof out, out, &length);
                assert_int_equal(f.told.begun, begun[i]);
                n = recvfrom(f.client, reply, sizeof reply, 0, NULL, NULL);
                assert_int_equal(n, i == 2 ? (ssize_t)strlen("HTTP/1.1 100 Continue\r\n\r\n") : -1);
        }
        assert_string_equal(f.told.target, "/abc");
        assert_int_equal(count_heads(out, 0, length), 1);
        close_both(&f);
}

static void the_end_of_a_client_ends_its_part(void **state) {
        static const char *const parts[] = { "GET /", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nab", "GET / HTTP/1.1\r\nHost: x\r\n\r\nGET /" };
        static const unsigned int begun[] = { 0, 1, 0 };

        (void)state;
        for (size_t i = 0; i < ELEMENTS(parts); i++) {
                char out[1024];
                size_t length = 0;
                struct fixture f;

                open_both(&f);
                assert_int_equal(send(f.client, parts[i], strlen(parts[i]), 0), strlen(parts[i]));
                assert_int_equal(shutdown(f.client, SHUT_WR), 0);
                if (i == 2) {
                        assert_int_not_equal(drain(&f, sizeof out, out, &length), 0);
                        assert_int_equal(count_heads(out, 0, length), 1);
                        intake_finished(&f.in);
                }
                assert_int_equal(drain(&f, sizeof out, out, &length), 0);
                assert_int_equal(f.told.begun, begun[i]);
                close_both(&f);
        }
}

static void other_sockets_are_read_as_ever(void **state) {
        char out[8];
        int fds[2];

        (void)state;
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        assert_int_equal(send(fds[0], "\x16\x03", 2, 0), 2);
        assert_int_equal(recv(fds[1], out, 1, MSG_PEEK), 1);
        assert_int_equal(recv(fds[1], out, sizeof out, 0), 2);
        (void)close(fds[0]);
        (void)close(fds[1]);
}

static void of_a_refused_socket_nothing_is_read(void **state) {
        char out[8];
        int fds[2];

        (void)state;
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        assert_int_equal(send(fds[0], "GET", 3, 0), 3);
        intake_refuse(fds[1]);
        assert_int_equal(recv(fds[1], out, sizeof out, 0), 0);
        (void)close(fds[0]);
        (void)close(fds[1]);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(whatever_the_pieces_the_library_gets_the_same),
                cmocka_unit_test(what_is_kept_of_long_targets_is_bounded),
                cmocka_unit_test(who_wants_fields_gets_them),
                cmocka_unit_test(a_refusal_waits_for_its_turn),
                cmocka_unit_test(nothing_is_taken_after_the_last_request),
                cmocka_unit_test(the_owner_hears_of_a_request_that_is_not_whole),
                cmocka_unit_test(the_end_of_a_client_ends_its_part),
                cmocka_unit_test(other_sockets_are_read_as_ever),
                cmocka_unit_test(of_a_refused_socket_nothing_is_read),
        };

        return cmocka_run_group_tests(tests, prepare_intakes, forget_intakes);
}
