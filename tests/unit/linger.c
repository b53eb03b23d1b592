/* Sockets that are kept until the client has closed: when they are let go, and that nothing of them is left then. */
#include "unit.h"

#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gate/linger.h"

enum { NOW_MS = 1000 };

struct fixture {
        struct linger_set *set;
        int client, server;
};

static void begin(struct fixture *f) {
        struct error e;
        int pair[2];

        assert_int_equal(linger_new(&f->set, &e), 0);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
        f->client = pair[0];
        f->server = pair[1];
        linger_add(f->set, f->server, NOW_MS);
}

static void end(struct fixture *f) {
        f->set = linger_free(f->set);
        (void)close(f->client);
        (void)close(f->server);
}

static bool has_work(const struct fixture *f) {
        struct pollfd look = { .fd = linger_fd(f->set), .events = POLLIN };

        return poll(&look, 1, 0) == 1;
}

static void the_client_s_end_ends_it(void **state) {
        struct fixture f;
        char text[8];

        (void)state;
        begin(&f);
        assert_int_equal(recv(f.client, text, sizeof text, 0), 0); /* the sending side is shut down */
        assert_int_equal(send(f.client, "late", 4, MSG_NOSIGNAL), 4);
        assert_true(has_work(&f));
        linger_run(f.set, NOW_MS);
        assert_false(has_work(&f));
        assert_int_equal(linger_deadline_ms(f.set), NOW_MS + LINGER_MS);
        assert_int_equal(shutdown(f.client, SHUT_WR), 0);
        linger_run(f.set, NOW_MS);
        assert_int_equal(linger_deadline_ms(f.set), UINT64_MAX);
        end(&f);
}

/* The fixture's own descriptor stands for that of another process: a master that has passed the connection, or a child. */
static void what_is_let_go_is_heard_of_no_more_while_another_has_the_socket(void **state) {
        struct fixture f;

        (void)state;
        begin(&f);
        assert_int_equal(shutdown(f.client, SHUT_WR), 0);
        linger_run(f.set, NOW_MS);
        assert_int_equal(linger_deadline_ms(f.set), UINT64_MAX);
        assert_false(has_work(&f));
        linger_run(f.set, NOW_MS);
        end(&f);
}

static void time_ends_it(void **state) {
        struct fixture f;

        (void)state;
        begin(&f);
        linger_run(f.set, NOW_MS + LINGER_MS - 1);
        assert_int_equal(linger_deadline_ms(f.set), NOW_MS + LINGER_MS);
        linger_run(f.set, NOW_MS + LINGER_MS);
        assert_int_equal(linger_deadline_ms(f.set), UINT64_MAX);
        assert_int_equal(send(f.client, "late", 4, MSG_NOSIGNAL), 4);
        assert_false(has_work(&f));
        end(&f);
}

static void the_oldest_give_way(void **state) {
        struct fixture f;

        (void)state;
        begin(&f);
        linger_add(f.set, f.server, NOW_MS + 5);
        linger_keep(f.set, 1);
        assert_int_equal(linger_deadline_ms(f.set), NOW_MS + 5 + LINGER_MS);
        linger_keep(f.set, 0);
        assert_int_equal(linger_deadline_ms(f.set), UINT64_MAX);
        end(&f);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_client_s_end_ends_it),
                cmocka_unit_test(what_is_let_go_is_heard_of_no_more_while_another_has_the_socket),
                cmocka_unit_test(time_ends_it),
                cmocka_unit_test(the_oldest_give_way),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
