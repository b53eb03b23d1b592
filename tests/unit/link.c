#include "unit.h"

#include <errno.h>
#include <fcntl.h>
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

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(messages_come_in_order_and_then_the_end),
                cmocka_unit_test(a_descriptor_comes_with_its_message),
                cmocka_unit_test(without_room_for_the_descriptor_it_says_so),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
