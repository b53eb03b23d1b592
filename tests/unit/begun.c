/* Answers that were begun before the library sends them: of the same one it is the rest that goes, and nothing of any other. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mhd/begun.h"
#include "mhd/zero_copy.h"

enum { HEAD = 40, BODY = 300000, FLAGS = MSG_NOSIGNAL | MSG_DONTWAIT };

static char head[HEAD + 1], body[BODY], got[HEAD + BODY + 1];
static int client, server;

static void open_pair(void) {
        int pair[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
        client = pair[0];
        server = pair[1];
}

static void close_pair(void) {
        (void)close(client);
        (void)close(server);
}

/* So much has been sent of head and body. */
static void note(size_t sent) {
        struct begun begun = { .fd = server, .body = body, .body_length = BODY };

        if (sent < HEAD)
                begun.head_left = HEAD - sent;
        else
                begun.body_sent = sent - HEAD;
        memcpy(begun.head, head + HEAD - begun.head_left, begun.head_left);
        begun_add(&begun);
}

/* As the library does it. */
static ssize_t send_both(const char *head_bytes, size_t head_length, const char *body_bytes, size_t body_length) {
        struct iovec parts[] = { { (char *)(uintptr_t)head_bytes, head_length }, { (char *)(uintptr_t)body_bytes, body_length } };

        return sendmsg(server, &(struct msghdr){ .msg_iov = parts, .msg_iovlen = 2 }, FLAGS);
}

static size_t receive(size_t at) {
        ssize_t n;

        while ((n = read(client, got + at, sizeof got - at)) > 0)
                at += (size_t)n;
        return at;
}

/* To its end, as who waits for the socket does. */
static size_t send_all(ssize_t told) {
        size_t sent = (size_t)told, n_got = receive(0);

        assert_true(told > 0);
        while (sent < HEAD + BODY) {
                ssize_t n = send(server, body + (sent - HEAD), HEAD + BODY - sent, FLAGS);

                assert_true(n > 0);
                sent += (size_t)n;
                n_got = receive(n_got);
        }
        return n_got;
}

static void the_rest_goes(void **state) {
        static const size_t sent[] = { 1, HEAD - 1, HEAD, HEAD + 1, HEAD + 4096, HEAD + BODY - 1 };

        (void)state;
        for (size_t i = 0; i < ELEMENTS(sent); i++) {
                size_t of_head = sent[i] < HEAD ? HEAD - sent[i] : 0, of_body = sent[i] < HEAD ? BODY : HEAD + BODY - sent[i], n;

                open_pair();
                note(sent[i]);
                n = send_all(send_both(head, HEAD, body, BODY));
                assert_int_equal(n, of_head + of_body);
                assert_memory_equal(got, head + HEAD - of_head, of_head);
                assert_memory_equal(got + of_head, body + BODY - of_body, of_body);
                assert_int_equal(send_both(head, HEAD, body, 1), HEAD + 1); /* the next is sent whole */
                assert_int_equal(receive(0), HEAD + 1);
                close_pair();
        }
}

/* It has a field more, say: what was begun is gone on with. */
static void the_library_s_own_head_does_not_matter(void **state) {
        static const char longer[HEAD + 7];

        (void)state;
        open_pair();
        note(HEAD - 3);
        assert_true(send_both(longer, sizeof longer, body, BODY) >= (ssize_t)sizeof longer);
        assert_true(receive(0) > 3);
        assert_memory_equal(got, head + HEAD - 3, 3);
        assert_memory_equal(got + 3, body, 1);
        close_pair();
}

static void fill(void) {
        while (write(server, body, BODY) > 0)
                ;
}

static void a_full_socket_takes_nothing_more(void **state) {
        (void)state;
        open_pair();
        fill();
        note(HEAD + 1000);
        assert_int_equal(send_both(head, HEAD, body, BODY), HEAD + 1000);
        close_pair();
}

/* The library then comes with the same again. */
static void nor_does_it_take_the_head_s_rest(void **state) {
        (void)state;
        open_pair();
        fill();
        note(10);
        for (int i = 0; i < 3; i++) {
                assert_int_equal(send_both(head, HEAD, body, BODY), -1);
                assert_int_equal(errno, EAGAIN);
        }
        while (receive(0) == sizeof got) /* what filled it */
                ;
        assert_true(send_both(head, HEAD, body, BODY) > HEAD);
        assert_true(receive(0) > HEAD - 10);
        assert_memory_equal(got, head + 10, HEAD - 10);
        assert_memory_equal(got + HEAD - 10, body, 1);
        close_pair();
}

static void a_client_that_is_gone_is_an_error(void **state) {
        (void)state;
        open_pair();
        (void)close(client);
        note(HEAD + 1000);
        assert_int_equal(send_both(head, HEAD, body, BODY), -1);
        assert_int_equal(errno, EPIPE);
        close_pair();
}

/* Rather an end in the middle than bytes that are not the answer's. */
static void no_other_answer_follows(void **state) {
        (void)state;
        for (int i = 0; i < 3; i++) {
                open_pair();
                note(HEAD + 1000);
                assert_int_equal(i == 0   ? send_both(head, HEAD, body + 1, BODY - 1)
                                 : i == 1 ? send_both(head, HEAD, body, BODY - 1)
                                          : send(server, head, HEAD, FLAGS),
                                 -1);
                assert_int_equal(errno, EPIPE);
                assert_int_equal(receive(0), 0);
                close_pair();
        }
}

static void what_is_taken_is_forgotten(void **state) {
        struct begun begun;

        (void)state;
        open_pair();
        assert_false(begun_take(server, &begun));
        note(HEAD);
        assert_false(begun_take(client, &begun));
        assert_true(begun_take(server, &begun));
        assert_int_equal(begun.body_sent, 0);
        assert_false(begun_take(server, &begun));
        note(HEAD);
        assert_true(begun_exists());
        begun_forget_all();
        assert_false(begun_take(server, &begun));
        note(HEAD);
        begun_forget(client);
        assert_true(begun_exists());
        begun_forget(server);
        begun_forget(server);
        assert_false(begun_exists());
        close_pair();
}

/* Whichever is taken, the others stay. */
static void several_are_kept_apart(void **state) {
        struct begun begun;
        int n = 0;

        (void)state;
        for (; begun_has_room(); n++)
                begun_add(&(struct begun){ .fd = 100 + n, .body_sent = (size_t)n, .body = body });
        assert_in_range(n, 2, 1000);
        for (int i = 0; i < n; i++) {
                int fd = 100 + (i * 7) % n; /* each once: n is a power of two */

                assert_true(begun_take(fd, &begun));
                assert_int_equal(begun.body_sent, fd - 100);
                assert_false(begun_take(fd, &begun));
                assert_true(begun_has_room());
        }
}

static int set_up(void **state) {
        (void)state;
        memset(head, 'h', HEAD);
        for (size_t i = 0; i < BODY; i++)
                body[i] = (char)('a' + i % 23);
        return 0;
}

static int fd = -1;

/* The same with a body that is a file's. */
static int set_up_file(void **state) {
        fd = memfd_create("body", MFD_CLOEXEC);
        if (set_up(state) < 0 || fd < 0 || write(fd, body, BODY) != BODY)
                return -1;
        zero_copy_use(&(struct zero_copy_file){ .bytes = body, .length = BODY, .fd = fd });
        return 0;
}

static int tear_down(void **state) {
        (void)state;
        zero_copy_use(&(struct zero_copy_file){ .fd = -1 });
        begun_forget_all();
        if (fd >= 0)
                (void)close(fd);
        fd = -1;
        return 0;
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(the_rest_goes, set_up, tear_down),
                cmocka_unit_test_setup_teardown(the_rest_goes, set_up_file, tear_down),
                cmocka_unit_test_setup_teardown(a_full_socket_takes_nothing_more, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_full_socket_takes_nothing_more, set_up_file, tear_down),
                cmocka_unit_test_setup_teardown(the_library_s_own_head_does_not_matter, set_up, tear_down),
                cmocka_unit_test_setup_teardown(nor_does_it_take_the_head_s_rest, set_up, tear_down),
                cmocka_unit_test_setup_teardown(nor_does_it_take_the_head_s_rest, set_up_file, tear_down),
                cmocka_unit_test_setup_teardown(a_client_that_is_gone_is_an_error, set_up, tear_down),
                cmocka_unit_test_setup_teardown(no_other_answer_follows, set_up, tear_down),
                cmocka_unit_test_setup_teardown(no_other_answer_follows, set_up_file, tear_down),
                cmocka_unit_test_setup_teardown(what_is_taken_is_forgotten, set_up, tear_down),
                cmocka_unit_test_setup_teardown(several_are_kept_apart, set_up, tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
