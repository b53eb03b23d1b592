/* What the kernel makes of the listening sockets and the selector: which slot's queue a connection ends up in. */
#include "unit.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "act/listener.h"

enum { BACKLOG = 512, CONNECTIONS = 60 };

static struct listen_list loopback(size_t n) {
        struct listen_list list = { .n = n };
        struct error e;

        for (size_t i = 0; i < n; i++)
                assert_int_equal(listen_parse(i == 1 ? "[::1]:0" : "127.0.0.1:0", &list.at[i], &e), 0);
        return list;
}

static struct listeners *open_listeners(size_t n_addresses, bool shared, unsigned int n_slots) {
        struct listen_list addresses = loopback(n_addresses);
        struct listeners *l;
        struct error e;

        assert_int_equal(listeners_open(&addresses, shared, n_slots, BACKLOG, &l, &e), 0);
        return l;
}

static void steer(const struct listeners *l, const unsigned int *live, size_t n) {
        struct selector selector;
        struct error e;

        selector_build_random(&selector, live, n);
        assert_int_equal(listeners_steer(l, &selector, &e), 0);
}

static unsigned int drain(int listener) {
        unsigned int n = 0;

        for (int fd; (fd = accept(listener, NULL, NULL)) >= 0; n++)
                (void)close(fd);
        assert_int_equal(errno, EAGAIN);
        return n;
}

/* CONNECTIONS clients of each address; `counts` is how many each slot's queues have got. */
static void connect_all(const struct listeners *l, unsigned int *counts) {
        for (size_t a = 0; a < l->addresses.n; a++) {
                const struct listen_address *address = &l->addresses.at[a];
                int fds[CONNECTIONS];

                for (int i = 0; i < CONNECTIONS; i++) {
                        fds[i] = socket(address->socket.any.sa_family, SOCK_STREAM, 0);
                        assert_int_equal(connect(fds[i], &address->socket.any, address->size), 0);
                }
                for (unsigned int slot = 0; slot < (l->shared ? 1 : l->n_slots); slot++)
                        counts[slot] += drain(listeners_of(l, slot)[a]);
                for (int i = 0; i < CONNECTIONS; i++)
                        (void)close(fds[i]);
        }
}

static void only_live(const struct listeners *l, const unsigned int *live, size_t n) {
        unsigned int counts[SELECTOR_SLOTS_MAX] = { 0 }, all = 0;

        steer(l, live, n);
        connect_all(l, counts);
        for (size_t i = 0; i < n; i++) {
                assert_true(counts[live[i]] > 0); /* chance misses one of three in 60 once in 10^10 runs */
                all += counts[live[i]];
        }
        assert_int_equal(all, CONNECTIONS * l->addresses.n);
}

static void only_live_slots_get_connections(void **state) {
        static const unsigned int lives[][3] = { { 0, 1, 2 }, { 1, 2, 4 }, { 0, 2, 4 } };
        struct listeners *l = open_listeners(2, false, 5);

        (void)state;
        for (size_t i = 0; i < ELEMENTS(lives); i++)
                only_live(l, lives[i], 3);
        only_live(l, (const unsigned int[]){ 3 }, 1);
        listeners_free(l);
}

/* Places in the group stay the slots' numbers. */
static void slots_come_and_go(void **state) {
        static const unsigned int sizes[] = { 5, 2, 8, 3, 1, 6 };
        struct listeners *l = open_listeners(2, false, 3);
        struct error e;

        (void)state;
        for (size_t i = 0; i < ELEMENTS(sizes); i++) {
                unsigned int last = sizes[i] - 1;

                assert_int_equal(listeners_resize(l, sizes[i], &e), 0);
                assert_int_equal(l->n_slots, sizes[i]);
                only_live(l, &last, 1);
                only_live(l, (const unsigned int[]){ 0 }, 1);
                if (last >= 2)
                        only_live(l, (const unsigned int[]){ 0, last - 1, last }, 3);
        }
        listeners_free(l);
}

static void a_new_slot_waits_for_the_selector(void **state) {
        static const unsigned int live[] = { 0, 1 };
        struct listeners *l = open_listeners(1, false, 2);
        unsigned int counts[4] = { 0 };
        struct error e;

        (void)state;
        steer(l, live, 2);
        assert_int_equal(listeners_resize(l, 4, &e), 0);
        connect_all(l, counts);
        assert_int_equal(counts[0] + counts[1], CONNECTIONS);
        listeners_free(l);
}

static void sockets_that_listen_already_are_taken_over(void **state) {
        struct listeners *old = open_listeners(2, false, 3), *new;
        int fds[6];
        struct error e;

        (void)state;
        for (int i = 0; i < 6; i++)
                fds[i] = dup(old->fds[i]); /* as over an exec: the same sockets */
        assert_int_equal(listeners_adopt(&old->addresses, false, fds, 3, 5, BACKLOG, &new, &e), 0);
        listeners_free(old);
        assert_int_equal(new->n_slots, 5);
        for (unsigned int i = 0; i < 5; i++)
                only_live(new, &i, 1);
        listeners_free(new);
}

static void shared_listeners_are_one_per_address(void **state) {
        struct listeners *l = open_listeners(2, true, 4);
        unsigned int counts[1] = { 0 };
        struct error e;

        (void)state;
        assert_ptr_equal(listeners_of(l, 0), listeners_of(l, 3));
        connect_all(l, counts);
        assert_int_equal(counts[0], 2 * CONNECTIONS);
        assert_int_equal(listeners_resize(l, 9, &e), 0);
        assert_int_equal(listeners_resize(l, 1, &e), 0);
        connect_all(l, counts);
        assert_int_equal(counts[0], 4 * CONNECTIONS);
        listeners_free(l);
}

static void a_size_that_fails_changes_nothing(void **state) {
        struct listeners *l = open_listeners(1, false, 2);
        struct listen_address good = l->addresses.at[0];
        struct error e;

        (void)state;
        /* An address of no machine: 192.0.2.0/24 is for documentation. */
        l->addresses.at[0].socket.v4.sin_addr.s_addr = htonl(0xc0000201);
        assert_int_equal(listeners_resize(l, 4, &e), -EADDRNOTAVAIL);
        assert_int_equal(l->n_slots, 2);
        l->addresses.at[0] = good;
        only_live(l, (const unsigned int[]){ 1 }, 1);
        listeners_free(l);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(only_live_slots_get_connections),
                cmocka_unit_test(slots_come_and_go),
                cmocka_unit_test(a_new_slot_waits_for_the_selector),
                cmocka_unit_test(sockets_that_listen_already_are_taken_over),
                cmocka_unit_test(shared_listeners_are_one_per_address),
                cmocka_unit_test(a_size_that_fails_changes_nothing),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
