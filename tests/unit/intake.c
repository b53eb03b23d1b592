#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "unit.h"

#include "gate/intake.h"

enum { TEXT_MAX = 1 << 20 };

/* What the owner was told. */
struct told {
        struct intake *in;
        unsigned int begun, refused, status, serving_when_refused;
        char target[64];
};

static void on_begun(void *context, const struct intake_request *request) {
        struct told *told = context;

        told->begun++;
        assert_int_equal(told->in->n_serving, 0);
        (void)snprintf(told->target, sizeof told->target, "%.*s", (int)request->target_length, request->target);
}

static void on_refused(void *context, const struct gate_refusal *refusal, bool is_head, const struct intake_request *request) {
        struct told *told = context;

        (void)is_head;
        told->refused++;
        told->status = refusal->status;
        told->serving_when_refused = (unsigned int)told->in->n_serving;
        (void)snprintf(told->target, sizeof told->target, "%.*s", (int)request->target_length, request->target);
}

static bool wants_body(const char *method, size_t method_length, const char *target, size_t target_length) {
        return method_length == 4 && memcmp(method, "POST", 4) == 0 && target_length == 2 && memcmp(target, "/w", 2) == 0;
}

static struct body_memory memory = { .max_bytes = 20000 };

static const struct intake_owner owner = { .limits = { .head_bytes = 1024, .body_bytes = 100000, .wanted_body_bytes = 12000, .wants_body = wants_body },
                                           .bodies = &memory,
                                           .begun = on_begun,
                                           .refused = on_refused };

/* A connection, with the client's end of it. */
struct fixture {
        struct intake in;
        struct told told;
        int client, server;
};

static void open_both(struct fixture *f) {
        int fds[2];

        memset(f, 0, sizeof *f);
        f->told.in = &f->in;
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
        f->client = fds[0];
        f->server = fds[1];
        assert_int_equal(intake_open(&f->in, f->server, &owner, &f->told), 0);
}

static void close_both(struct fixture *f) {
        intake_close(&f->in);
        (void)close(f->client);
        (void)close(f->server);
}

/* Reads as the library does: as long as it gets as much as it asks for. Returns the last result, 0 being the end. */
static ssize_t drain(struct fixture *f, size_t size, char *out, size_t *length) {
        char copy[8192];
        ssize_t n;

        assert_true(size <= sizeof copy);
        do {
                n = recv(f->server, copy, size, 0);
                if (n > 0) {
                        memcpy(out + *length, copy, (size_t)n);
                        *length += (size_t)n;
                }
        } while (n == (ssize_t)size || (n < 0 && errno == EINTR));
        if (n < 0)
                assert_int_equal(errno, EAGAIN);
        return n;
}

/* How many heads end behind `from`. */
static unsigned int count_heads(const char *text, size_t from, size_t length) {
        unsigned int n = 0;

        for (size_t i = from < 3 ? 0 : from - 3; i + 4 <= length; i++)
                n += memcmp(text + i, "\r\n\r\n", 4) == 0;
        return n;
}

/* Requests in all shapes, in pieces of random sizes, read in blocks of random sizes: out comes what the gate has written, in order, all of
 * it as soon as it is whole, and nothing else. */
static void whatever_the_pieces_the_library_gets_the_same(void **state) {
        static const char *const shapes[][2] = {
                { "GET /a HTTP/1.1\r\nHost: x\r\n\r\n", "GET /a HTTP/1.1\r\nHost: x\r\n\r\n" },
                { "GET /b HTTP/1.1\r\nUser-Agent: something\r\nHost: x\r\nCookie: a=b\r\n\r\n", "GET /b HTTP/1.1\r\nHost: x\r\n\r\n" },
                { "POST /c HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\nhello\r\n\r\nxy", "POST /c HTTP/1.1\r\nHost: x\r\n\r\n" },
                { "POST /d HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5;q\r\nhello\r\n0\r\nT: u\r\n\r\n", "POST /d HTTP/1.1\r\nHost: x\r\n\r\n" },
                { "\r\nHEAD /e HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n", "HEAD /e HTTP/1.1\r\nHost: x\r\nConnection:keep-alive\r\n\r\n" },
        };
        char *in = malloc(TEXT_MAX), *wanted = malloc(TEXT_MAX), *out = malloc(TEXT_MAX);

        (void)state;
        assert_true(in && wanted && out);
        srandom(1);
        for (int round = 0; round < 300; round++) {
                size_t n_in = 0, n_wanted = 0, n_out = 0, sent = 0;
                size_t piece = 1 + (size_t)random() % (round % 3 == 0 ? 8 : 3000), size = 1 + (size_t)random() % (round % 2 ? 4000 : 60);
                struct fixture f;

                open_both(&f);
                for (int i = 0; i < 100; i++) {
                        const char *const *shape = shapes[(size_t)random() % ELEMENTS(shapes)];

                        n_in += (size_t)sprintf(in + n_in, "%s", shape[0]);
                        n_wanted += (size_t)sprintf(wanted + n_wanted, "%s", shape[1]);
                }
                while (sent < n_in) {
                        size_t now = n_in - sent < piece ? n_in - sent : piece, before = n_out;

                        assert_int_equal(send(f.client, in + sent, now, 0), now);
                        sent += now;
                        (void)drain(&f, size, out, &n_out);
                        for (unsigned int n = count_heads(out, before, n_out); n > 0; n--)
                                intake_finished(&f.in);
                        assert_int_equal(f.in.n_serving, 0); /* nothing that is whole is held back */
                }
                assert_int_equal(n_out, n_wanted);
                assert_memory_equal(out, wanted, n_wanted);
                assert_int_equal(f.told.refused, 0);
                assert_false(intake_has_part(&f.in));
                close_both(&f);
        }
        free(in);
        free(wanted);
        free(out);
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

/* Bodies, wanted and not, in lengths and in chunks: each request that wants one finds its own, whatever the pieces. */
static void each_request_finds_its_body(void **state) {
        static const struct {
                const char *text, *body;
        } shapes[] = {
                { "GET /a HTTP/1.1\r\nHost: x\r\n\r\n", NULL },
                { "POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nbcd", NULL },
                { "POST /w HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", NULL },
                { "POST /w HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\nhello\r\n\r\nxy", "hello\r\n\r\nxy" },
                { "POST /w HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5;q\r\nhello\r\n1\r\n!\r\n0\r\nT: u\r\n\r\n", "hello!" },
                { "GET /w HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nw", NULL },
        };

        (void)state;
        srandom(2);
        for (int round = 0; round < 300; round++) {
                char in[4096], out[4096];
                size_t order[12], n_in = 0, n_out = 0, sent = 0, piece = 1 + (size_t)random() % (round % 3 ? 20 : 3000);
                struct fixture f;

                open_both(&f);
                for (size_t i = 0; i < ELEMENTS(order); i++) {
                        order[i] = (size_t)random() % ELEMENTS(shapes);
                        n_in += (size_t)sprintf(in + n_in, "%s", shapes[order[i]].text);
                }
                for (; sent < n_in; sent += n_in - sent < piece ? n_in - sent : piece) {
                        assert_true(send(f.client, in + sent, n_in - sent < piece ? n_in - sent : piece, 0) > 0);
                        (void)drain(&f, 1 + (size_t)random() % 500, out, &n_out);
                }
                assert_int_equal(f.in.n_serving, ELEMENTS(order));
                for (size_t i = 0; i < ELEMENTS(order); i++) {
                        const struct body *body = intake_body(&f.in);
                        const char *wanted = shapes[order[i]].body;

                        assert_int_equal(body ? body->length : 0, wanted ? strlen(wanted) : 0);
                        if (wanted)
                                assert_memory_equal(body->bytes, wanted, body->length);
                        if (round % 2)
                                intake_drop_body(&f.in);
                        intake_finished(&f.in);
                }
                assert_int_equal(memory.used_bytes, 0);
                close_both(&f);
        }
}

/* Sends a head and `n` bytes behind it. */
static void send_bytes(struct fixture *f, const char *head, size_t n, char byte) {
        char bytes[16384], out[4096];
        size_t length = 0;

        memset(bytes, byte, sizeof bytes);
        assert_true(n <= sizeof bytes);
        assert_int_equal(send(f->client, head, strlen(head), 0), strlen(head));
        assert_int_equal(send(f->client, bytes, n, 0), n);
        (void)drain(f, sizeof out, out, &length);
}

static void a_body_that_is_refused_takes_no_memory(void **state) {
        static const char announced[] = "POST /w HTTP/1.1\r\nHost: x\r\nContent-Length: 12000\r\n\r\n";
        static const char chunks[] = "POST /w HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1f40\r\n"; /* 8000 */
        struct fixture a, b;

        (void)state;
        open_both(&a);
        open_both(&b);
        send_bytes(&a, announced, 11000, 'x');
        assert_in_range(memory.used_bytes, 11000, 12000); /* no more than is announced */
        send_bytes(&b, chunks, 7900, 'x');
        assert_in_range(memory.used_bytes, 11000 + 7900, 20000); /* no more than there is */
        send_bytes(&b, "", 101, 'x');                            /* one too many for the chunk */
        assert_int_equal(b.told.status, 400);
        assert_in_range(memory.used_bytes, 11000, 12000); /* while the connection is there */
        close_both(&b);

        open_both(&b);
        send_bytes(&b, announced, 9500, 'x');
        assert_int_equal(b.told.status, 503);
        assert_in_range(memory.used_bytes, 11000, 12000);
        close_both(&b);
        send_bytes(&a, "", 1000, 'x');
        assert_int_equal(intake_body(&a.in)->length, 12000);
        intake_drop_body(&a.in);
        assert_int_equal(memory.used_bytes, 0);
        close_both(&a);
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
                cmocka_unit_test(a_refusal_waits_for_its_turn),
                cmocka_unit_test(nothing_is_taken_after_the_last_request),
                cmocka_unit_test(the_owner_hears_of_a_request_that_is_not_whole),
                cmocka_unit_test(the_end_of_a_client_ends_its_part),
                cmocka_unit_test(each_request_finds_its_body),
                cmocka_unit_test(a_body_that_is_refused_takes_no_memory),
                cmocka_unit_test(other_sockets_are_read_as_ever),
                cmocka_unit_test(of_a_refused_socket_nothing_is_read),
        };
        int failed;

        if (intake_prepare(&owner) < 0)
                return 1;
        failed = cmocka_run_group_tests(tests, NULL, NULL);

        intake_forget_all();
        return failed;
}
