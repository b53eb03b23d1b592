#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "shared/link.h"

static void make_pair(int pair[static 2]) {
        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
}

static void messages_come_in_order_and_then_the_end(void **state) {
        enum link_message message;
        int pair[2], fd = 42;

        (void)state;
        make_pair(pair);
        assert_int_equal(link_receive(pair[1], &message, &fd), -EAGAIN);
        assert_int_equal(link_send(pair[0], LINK_ACCEPT, -1), 0);
        assert_int_equal(link_send(pair[0], LINK_STOP, -1), 0);
        assert_int_equal(link_receive(pair[1], &message, &fd), 1);
        assert_int_equal(message, LINK_ACCEPT);
        assert_int_equal(fd, -1);
        assert_int_equal(link_receive(pair[1], &message, &fd), 1);
        assert_int_equal(message, LINK_STOP);
        pair[0] = fd_close(pair[0]);
        assert_int_equal(link_receive(pair[1], &message, &fd), 0);
        assert_int_equal(link_send(pair[1], LINK_READY, -1), -EPIPE);
        (void)fd_close(pair[1]);
}

static void a_descriptor_comes_with_its_message(void **state) {
        enum link_message message;
        int pair[2], pipes[2], fd;
        char byte = 'x';

        (void)state;
        make_pair(pair);
        assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
        assert_int_equal(link_send(pair[0], LINK_ACCEPT, pipes[1]), 0);
        pipes[1] = fd_close(pipes[1]); /* the copy on its way is its own */
        assert_int_equal(link_receive(pair[1], &message, &fd), 1);
        assert_int_equal(message, LINK_ACCEPT);
        assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
        assert_int_equal(write(fd, "y", 1), 1);
        assert_int_equal(read(pipes[0], &byte, 1), 1);
        assert_int_equal(byte, 'y');
        (void)fd_close(fd);
        assert_int_equal(read(pipes[0], &byte, 1), 0); /* nobody else has it */
        (void)fd_close(pipes[0]);
        (void)fd_close(pair[0]);
        (void)fd_close(pair[1]);
}

static void without_room_for_the_descriptor_it_says_so(void **state) {
        enum link_message message;
        struct rlimit had, none;
        int pair[2], fd = -1;

        (void)state;
        make_pair(pair);
        assert_int_equal(link_send(pair[0], LINK_ACCEPT, pair[0]), 0);
        assert_int_equal(getrlimit(RLIMIT_NOFILE, &had), 0);
        none = had;
        none.rlim_cur = 0;
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
        assert_int_equal(link_receive(pair[1], &message, &fd), -EMFILE);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &had), 0);
        assert_int_equal(link_receive(pair[1], &message, &fd), -EAGAIN);
        (void)fd_close(pair[0]);
        (void)fd_close(pair[1]);
}

static void send_raw(int link, const void *bytes, size_t size, const int *fds, size_t n_fds) {
        union {
                struct cmsghdr header;
                char bytes[CMSG_SPACE(8 * sizeof(int))];
        } control = { .bytes = { 0 } };
        struct iovec data = { (void *)(uintptr_t)bytes, size };
        struct msghdr header = { .msg_iov = &data, .msg_iovlen = 1 };

        if (n_fds > 0) {
                header.msg_control = control.bytes;
                header.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
                control.header = (struct cmsghdr){ .cmsg_len = CMSG_LEN(n_fds * sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS };
                memcpy(CMSG_DATA(&control.header), fds, n_fds * sizeof(int));
        }
        assert_int_equal(sendmsg(link, &header, 0), (ssize_t)size);
}

/* The number that the next descriptor gets: what is kept shows in it. */
static int next_descriptor(void) {
        int fd = dup(0);

        assert_true(fd >= 0);
        return fd_close(fd), fd;
}

static void what_is_no_message_is_refused_and_nothing_of_it_is_kept(void **state) {
        static const struct {
                const char *bytes;
                size_t size, n_fds;
                int expected;
        } vectors[] = {
                { "", 1, 0, -EPROTO },   { "r", 1, 0, -EPROTO }, { "\377", 1, 0, -EPROTO }, { "RR", 2, 0, -EPROTO },     { "RA", 2, 1, -EPROTO },
                { "R", 1, 2, -EPROTO },  { "R", 1, 8, -EPROTO }, { "?", 1, 1, -EPROTO },    { "", 0, 0, 0 },             { "", 0, 2, 0 },
                { "R\n\n\n\n\n", 6, 8, -EPROTO },
        };
        enum link_message message;
        int pair[2], fd, next;

        (void)state;
        make_pair(pair);
        next = next_descriptor();
        for (size_t i = 0; i < ELEMENTS(vectors); i++) {
                const int fds[8] = { pair[0], pair[0], pair[0], pair[0], pair[0], pair[0], pair[0], pair[0] };

                send_raw(pair[0], vectors[i].bytes, vectors[i].size, fds, vectors[i].n_fds);
                fd = 42;
                if (link_receive(pair[1], &message, &fd) != vectors[i].expected)
                        fail_msg("vector %zu", i);
                assert_int_equal(fd, -1);
                assert_int_equal(next_descriptor(), next);
        }
        assert_int_equal(link_receive(pair[1], &message, &fd), -EAGAIN);
        (void)fd_close(pair[0]);
        (void)fd_close(pair[1]);
}

/* Any bytes, any number of descriptors, a few seeds: one answer for each packet, and nothing is left. */
static void noise_is_taken_packet_by_packet(void **state) {
        unsigned int seed = 7;
        int pair[2], next;

        (void)state;
        make_pair(pair);
        next = next_descriptor();
        for (int i = 0; i < 20000; i++) {
                const int fds[8] = { 0, 0, 0, 0, 0, 0, 0, 0 };
                size_t size = (size_t)(rand_r(&seed) % 4 == 0 ? rand_r(&seed) % 512 : 1), n_fds = (size_t)(rand_r(&seed) % 3 == 0 ? rand_r(&seed) % 9 : 0);
                enum link_message message = 0;
                char bytes[512];
                int fd = 42, r;

                for (size_t k = 0; k < size; k++)
                        bytes[k] = (char)rand_r(&seed);
                send_raw(pair[0], bytes, size, fds, n_fds);
                r = link_receive(pair[1], &message, &fd);
                if (r == 1) {
                        assert_true(size == 1 && n_fds <= 1 && message != 0 && memchr("RADLCPSNX", (int)message, 9) != NULL);
                        assert_int_equal(fd >= 0, n_fds == 1);
                } else {
                        assert_true(r == (size == 0 ? 0 : -EPROTO));
                        assert_int_equal(fd, -1);
                }
                (void)fd_close(fd);
                assert_int_equal(next_descriptor(), next);
        }
        (void)fd_close(pair[0]);
        (void)fd_close(pair[1]);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(messages_come_in_order_and_then_the_end),
                cmocka_unit_test(a_descriptor_comes_with_its_message),
                cmocka_unit_test(without_room_for_the_descriptor_it_says_so),
                cmocka_unit_test(what_is_no_message_is_refused_and_nothing_of_it_is_kept),
                cmocka_unit_test(noise_is_taken_packet_by_packet),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
