#include "rpc/answers.h"

#include <errno.h>
#include <msgpack.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "unit.h"

static size_t receive(int fd, char *to, size_t room) {
        size_t n = 0;
        ssize_t r;

        while (n < room && (r = recv(fd, to + n, room - n, MSG_DONTWAIT)) > 0)
                n += (size_t)r;
        return n;
}

/* Large bodies go out as they are, small ones together, in their order; and what the peer does not take is kept. */
static void answers_leave_whole_and_in_order(void **state) {
        enum { LARGE = 100000, ANSWERS = 200 };
        static char large[LARGE], got[40 << 20];
        struct work_response body = { .body_kind = WORK_BODY_STATIC, .body = large, .body_length = LARGE };
        struct answers a = { 0 };
        size_t n = 0, offset = 0;
        int pair[2], r = 0;
        msgpack_unpacked unpacked;

        (void)state;
        memset(large, 'x', sizeof large);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
        for (uint32_t id = 0; id < ANSWERS; id++) {
                if (id % 3 == 0)
                        assert_int_equal(answers_add_error(&a, id, 404, "none"), 0);
                else {
                        body.body_length = id % 3 == 1 ? 5 : LARGE;
                        assert_int_equal(answers_add_result(&a, id, &body), 0);
                }
        }
        assert_true(answers_is_full(&a));
        while (r == 0) {
                r = answers_send(&a, pair[0]);
                assert_true(r >= 0);
                n += receive(pair[1], got + n, sizeof got - n);
        }
        n += receive(pair[1], got + n, sizeof got - n);
        assert_int_equal(a.bytes, 0);
        assert_int_equal(a.sent, n);
        assert_null(a.first);
        msgpack_unpacked_init(&unpacked);
        for (uint32_t id = 0; id < ANSWERS; id++) {
                assert_int_equal(msgpack_unpack_next(&unpacked, got, n, &offset), MSGPACK_UNPACK_SUCCESS);
                assert_int_equal(unpacked.data.via.array.ptr[0].via.u64, 1);
                assert_int_equal(unpacked.data.via.array.ptr[1].via.u64, id);
                if (id % 3 == 0)
                        assert_int_equal(unpacked.data.via.array.ptr[2].via.array.ptr[0].via.u64, 404);
                else
                        assert_int_equal(unpacked.data.via.array.ptr[3].via.str.size, id % 3 == 1 ? 5 : LARGE);
        }
        assert_int_equal(offset, n);
        msgpack_unpacked_destroy(&unpacked);
        (void)close(pair[0]);
        (void)close(pair[1]);
}

/* What is owned is freed whether it is sent or not: the asan build would tell. */
static void an_owned_body_is_taken_over(void **state) {
        struct answers a = { 0 };

        (void)state;
        for (size_t length = 1; length < 20000; length *= 4) {
                struct work_response body = { .body_kind = WORK_BODY_OWNED, .body = calloc(1, length), .body_length = length };

                assert_int_equal(answers_add_result(&a, 1, &body), 0);
        }
        answers_clear(&a);
        assert_int_equal(a.bytes, 0);
}

static void a_peer_that_is_gone_is_an_error(void **state) {
        struct answers a = { 0 };
        int pair[2];

        (void)state;
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
        (void)close(pair[1]);
        assert_int_equal(answers_add_error(&a, 1, 404, "none"), 0);
        assert_int_equal(answers_send(&a, pair[0]), -EPIPE);
        answers_clear(&a);
        (void)close(pair[0]);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(answers_leave_whole_and_in_order),
                cmocka_unit_test(an_owned_body_is_taken_over),
                cmocka_unit_test(a_peer_that_is_gone_is_an_error),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
