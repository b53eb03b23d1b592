#include "intake_run.h"

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

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_request_finds_its_body),
                cmocka_unit_test(a_body_that_is_refused_takes_no_memory),
        };

        return cmocka_run_group_tests(tests, prepare_intakes, forget_intakes);
}
