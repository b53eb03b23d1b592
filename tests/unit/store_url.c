#include "store/redis_url.h"

#include <errno.h>
#include <string.h>

#include "store/store_internal.h"
#include "unit.h"

static void addresses_are_taken_apart(void **state) {
        static const struct {
                const char *url, *host, *user;
                bool is_unix;
                uint16_t port;
                uint32_t database;
        } rows[] = {
                { "redis://h", "h", "", false, 6379, 0 },           { "redis://h:1/", "h", "", false, 1, 0 },
                { "redis://u@h:65535/15", "h", "u", false, 65535, 15 }, { "redis://[::1]:7/2", "::1", "", false, 7, 2 },
                { "redis://[::1]", "::1", "", false, 6379, 0 },     { "unix:///run/r.sock", "/run/r.sock", "", true, 0, 0 },
                { "unix://u@/r?db=3", "/r", "u", true, 0, 3 },      { "unix:///a@b?db=", "/a@b", "", true, 0, 0 },
                { "redis://127.0.0.1:6380/007", "127.0.0.1", "", false, 6380, 7 },
        };
        struct redis_url url;
        struct error e;

        (void)state;
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                assert_int_equal(redis_url_parse(rows[i].url, &url, &e), 0);
                assert_string_equal(url.host, rows[i].host);
                assert_string_equal(url.user, rows[i].user);
                assert_int_equal(url.is_unix, rows[i].is_unix);
                if (!url.is_unix)
                        assert_int_equal(url.port, rows[i].port);
                assert_int_equal(url.database, rows[i].database);
        }
}

static void others_are_refused_and_never_repeated(void **state) {
        static const char *const urls[] = {
                "", "redis", "redis://", "redis://:6379", "redis:///1", "redis://h:", "redis://h:x", "redis://h:0", "redis://h:65536", "redis://h/-1", "redis://h/x",
                "redis://h/65536", "redis://[::1", "redis://[::1]x", "redis://:secret@h", "redis://u:secret@h", "unix://", "unix://x", "unix://u:secret@/x",
                "unix:///x?db=x", "unix:///x?password=secret", "rediss://h", "http://secret", "redis://%41", "unix:///%41",
        };
        char longest[400] = "redis://";
        struct redis_url url;
        struct error e;

        (void)state;
        for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
                assert_int_equal(redis_url_parse(urls[i], &url, &e), -EINVAL);
                assert_null(strstr(e.text, "secret"));
        }
        memset(longest + 8, 'h', 300);
        assert_int_equal(redis_url_parse(longest, &url, &e), -EINVAL);
}

static void the_pause_grows_up_to_two_seconds_and_is_never_the_same(void **state) {
        static const uint64_t most_ms[] = { 100, 200, 400, 800, 1600, 2000, 2000, 2000 };
        uint64_t random = 1, seen = 0;

        (void)state;
        for (unsigned int failures = 1; failures <= 8; failures++)
                for (int i = 0; i < 1000; i++) {
                        uint64_t ms = store_backoff_ms(failures, &random);

                        assert_in_range(ms, most_ms[failures - 1] / 2, most_ms[failures - 1]);
                        if (failures == 8)
                                seen |= UINT64_C(1) << (ms - 1000) * 63 / 1000;
                }
        assert_int_equal(seen, UINT64_MAX); /* of all parts of the range */
        assert_in_range(store_backoff_ms(UINT32_MAX, &random), 1000, 2000);
}

static void tickets_keep_their_order(void **state) {
        struct store_ticket t[5];
        struct tickets queue = { .n = 0 };

        (void)state;
        for (int i = 0; i < 5; i++)
                tickets_append(&queue, &t[i]);
        tickets_remove(&queue, &t[2]);
        tickets_remove(&queue, &t[4]);
        tickets_remove(&queue, &t[0]);
        assert_true(queue.n == 2 && queue.first == &t[1] && queue.last == &t[3] && t[1].next == &t[3] && t[3].previous == &t[1]);
        tickets_append(&queue, &t[0]);
        assert_true(queue.last == &t[0] && t[3].next == &t[0]);
        for (int i = 0; i < 3; i++)
                tickets_remove(&queue, queue.first);
        assert_true(queue.n == 0 && !queue.first && !queue.last);
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(addresses_are_taken_apart), cmocka_unit_test(others_are_refused_and_never_repeated),
                                            cmocka_unit_test(the_pause_grows_up_to_two_seconds_and_is_never_the_same),
                                            cmocka_unit_test(tickets_keep_their_order) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
