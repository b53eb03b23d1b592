#include "unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/address.h"
#include "engine/connection.h"
#include "engine/worker.h"
#include "view/figures.h"

static void connections_are_spread_exactly(void **state) {
        static const uint32_t shares[] = { 22, 21, 21 };

        (void)state;
        for (uint32_t i = 0; i < 3; i++)
                assert_int_equal(worker_share(64, 3, i), shares[i]);
        for (uint32_t threads = 1; threads < 40; threads++) {
                uint32_t sum = 0;

                for (uint32_t i = 0; i < threads; i++) {
                        assert_in_range(worker_share(100, threads, i), 100 / threads, 100 / threads + 1);
                        sum += worker_share(100, threads, i);
                }
                assert_int_equal(sum, 100);
        }
}

static void queues_keep_their_order(void **state) {
        struct connection_queue a = { NULL, NULL }, b = { NULL, NULL };
        struct connection *c = calloc(3, sizeof *c);

        (void)state;
        assert_non_null(c);
        for (int i = 0; i < 3; i++)
                connection_enqueue(&a, &c[i]);
        connection_enqueue(&b, &c[1]); /* leaves the one that it was in */
        assert_ptr_equal(connection_dequeue(&a), &c[0]);
        assert_ptr_equal(connection_dequeue(&a), &c[2]);
        assert_null(connection_dequeue(&a));
        assert_ptr_equal(b.first, &c[1]);
        connection_unqueue(&c[1]);
        connection_unqueue(&c[1]);
        assert_null(b.first);
        assert_null(b.last);
        free(c);
}

static void urls(void **state) {
        static const struct {
                const char *url, *text, *host, *target;
        } good[] = {
                { "http://127.0.0.1:8080/a?b", "127.0.0.1:8080", "127.0.0.1:8080", "/a?b" },
                { "http://127.0.0.1", "127.0.0.1:80", "127.0.0.1", NULL },
                { "HTTP://[::1]:81/", "[::1]:81", "[::1]:81", "/" },
                { "unix:/run/x.sock", "unix:/run/x.sock", "localhost", NULL },
        };
        static const char *const bad[] = {
                "", "127.0.0.1", "http://", "http:///x", "http://h:0/", "http://h:65536/", "http://h:x/", "http://[::1/", "http://[::1]x/", "https://h/",
                "ftp://h/", "http://u:p@h/", "http://127.0.0.1?x", "unix:",
        };
        struct address a;
        struct error e;

        (void)state;
        for (size_t i = 0; i < ELEMENTS(good); i++) {
                if (address_resolve(good[i].url, &a, &e) < 0)
                        fail_msg("%s: %s", good[i].url, e.text);
                assert_string_equal(a.text, good[i].text);
                assert_string_equal(a.host, good[i].host);
                if (good[i].target)
                        assert_string_equal(a.target, good[i].target);
                else
                        assert_null(a.target);
        }
        for (size_t i = 0; i < ELEMENTS(bad); i++)
                if (address_resolve(bad[i], &a, &e) != -EINVAL)
                        fail_msg("\"%s\" is taken", bad[i]);
        assert_int_equal(address_resolve("http://no-such-host.invalid/", &a, &e), -EHOSTUNREACH);
        assert_non_null(strstr(e.text, "no-such-host.invalid"));
}

/* 90 answers of 1 ms, 5 of 80 ms, 3 requests given up after 1 s, 2 that were wrong, 10 never sent, of which half waited 10 ms. */
static void requests_without_an_answer_are_not_within_the_limit(void **state) {
        struct load_result *r = calloc(1, sizeof *r);

        (void)state;
        assert_non_null(r);
        r->tally = load_tally_new(1);
        assert_non_null(r->tally);
        r->tally->answered = 95;
        r->tally->failed = 5;
        r->tally->unsent = 10;
        hdr_record(&r->tally->targets[0].latency, 1000000, 90);
        hdr_record(&r->tally->targets[0].latency, 80000000, 5);
        for (int i = 0; i < 3; i++)
                load_give_up(r->tally, 0, 1000000000);
        for (int i = 0; i < 10; i++)
                load_give_up(r->tally, 0, i < 5 ? 10000000 : 900000000);
        load_tally_latency(r->tally, &r->latency);
        assert_float_equal(figures_share_within(r, 50000), 90.0 / 110, 1e-9);
        assert_float_equal(figures_share_within(r, 100000), 95.0 / 110, 1e-9);
        assert_float_equal(figures_share_within(r, 60000000), 95.0 / 110, 1e-9);
        load_result_deinit(r);
        free(r);
}

static bool is_doubted(const struct figures *f, const char *words) {
        for (size_t i = 0; i < f->n_doubts; i++)
                if (strstr(f->doubts[i], words))
                        return true;
        return false;
}

static void figures_are_doubted_where_they_should_be(void **state) {
        static struct load_plan plan = { .threads = 2, .connections = 4, .rate = 1000, .parts = 1 };
        struct load_result *r = calloc(1, sizeof *r);
        struct figures f;

        (void)state;
        assert_non_null(r);
        r->tally = load_tally_new(1);
        assert_non_null(r->tally);
        r->tally->answered = r->tally->in_window = 1000;
        r->tally->syscalls[LOAD_SEND] = 1000;
        r->tally->syscalls[LOAD_RECV] = 1500;
        r->sending_ns = r->total_ns = 1000000000;
        r->usage = (struct usage){ .cpu_ns = 1000000000, .has_wait = true };
        hdr_record(&r->latency, 2000000, 1000);
        hdr_record(&r->tally->late, 40000, 1000);
        f = figures_of(&plan, r);
        assert_int_equal(f.n_doubts, 0);
        assert_float_equal(f.requests_per_s, 1000, 1e-6);
        assert_float_equal(f.busy, 0.5, 1e-9);
        assert_float_equal(f.in_flight, 2, 0.01);
        assert_float_equal(f.syscalls_per_request, 2.5, 1e-9);
        assert_float_equal(f.cpu_us_per_request, 1000, 1e-6);
        assert_false(f.late);

        r->usage.cpu_ns = 1900000000;
        r->usage.wait_ns = 100000000;
        hdr_record(&r->tally->late, 900000, 100);
        r->tally->unsent = 3;
        f = figures_of(&plan, r);
        assert_true(f.late);
        assert_true(is_doubted(&f, "busy 95 %"));
        assert_true(is_doubted(&f, "waited 5.0 %"));
        assert_true(is_doubted(&f, "sent late"));
        assert_true(is_doubted(&f, "3 requests of the schedule"));
        load_result_deinit(r);
        free(r);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(connections_are_spread_exactly),
                cmocka_unit_test(queues_keep_their_order),
                cmocka_unit_test(urls),
                cmocka_unit_test(requests_without_an_answer_are_not_within_the_limit),
                cmocka_unit_test(figures_are_doubted_where_they_should_be),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
