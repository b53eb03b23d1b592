#include "unit.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/top_view.h"

#define SECOND UINT64_C(1000000000)
#define assert_near(is, should) assert_true(fabs((is) - (should)) < 1e-6)

/* The status of a daemon with `n` slots; slot i has served `requests` × (i + 1), all in the bucket up to 1 ms. Slot 1 may have two workers. */
static struct sample *make(uint64_t taken_s, unsigned int n, uint64_t requests, bool beside) {
        char json[16384];
        size_t length = 0;
        struct sample *s;
        struct error e;
        uint64_t all = 0;

        for (unsigned int i = 0; i < n; i++)
                all += requests * (i + 1);
        for (int part = 0; part <= (int)n; part++) {
                unsigned int i = (unsigned int)part - 1;
                uint64_t count = part == 0 ? all : requests * (i + 1);

                if (part == 0)
                        length += (size_t)snprintf(json + length, sizeof json - length,
                                                   "{\"version\":\"1.2.3\",\"master_pid\":100,\"state\":\"running\",\"started_unix_ms\":1000,"
                                                   "\"now_unix_ms\":%llu,\"generation\":4,\"cpu_ns\":%llu,"
                                                   "\"memory\":{\"rss_bytes\":4194304,\"pss_bytes\":1048576},",
                                                   (unsigned long long)(taken_s * 1000 + 1000), (unsigned long long)(taken_s * SECOND / 100));
                else
                        length += (size_t)snprintf(json + length, sizeof json - length,
                                                   "%s{\"slot\":%u,\"state\":\"%s\",\"pid\":%u,\"started_unix_ms\":2000,\"generation\":4,"
                                                   "\"cpu_ns\":%llu,\"memory\":{\"rss_bytes\":%u,\"pss_bytes\":1048576},\"connections\":%u,"
                                                   "\"restarts\":1,\"beside\":%s,",
                                                   i ? "," : "", i, i == 2 ? "starting" : "ready", 200 + i,
                                                   (unsigned long long)(taken_s * SECOND / 2), (i + 1) << 20, 5 - i,
                                                   beside && i == 1 ? "{\"state\":\"draining\",\"pid\":300,\"started_unix_ms\":1500,"
                                                                      "\"generation\":3,\"cpu_ns\":0,\"memory\":null,\"connections\":2}"
                                                                    : "null");
                length += (size_t)snprintf(json + length, sizeof json - length,
                                           "\"routes\":{\"a\":{\"requests\":%llu,\"errors_4xx\":%llu,\"errors_5xx\":0,\"aborted\":0,"
                                           "\"durations\":[0,0,0,0,0,0,0,0,0,%llu,0,0,0,0,0,0,0,0,0,0,0,0,0]}}%s",
                                           (unsigned long long)count, (unsigned long long)count / 10, (unsigned long long)count,
                                           part == 0 ? ",\"workers\":[" : "}");
        }
        (void)snprintf(json + length, sizeof json - length, "]}");
        if (sample_parse(json, taken_s * SECOND, &s, &e) < 0)
                fail_msg("%s: %s", e.text, json);
        return s;
}

static void test_rates(void **state) {
        struct sample *before = make(10, 3, 100, false), *now = make(12, 3, 200, false);
        struct top_frame *f = top_frame_new(before, now);

        (void)state;
        assert_int_equal(f->n_rows, 3);
        assert_near(f->totals.rates.requests_per_s, 300);
        assert_near(f->totals.rates.errors_per_s, 30);
        assert_near(f->totals.rates.cpu_percent, 1 + 3 * 50);
        assert_true(f->totals.rates.p50_ms > 0.5 && f->totals.rates.p50_ms <= 1);
        assert_int_equal(f->totals.connections, 12);
        assert_int_equal(f->totals.restarts, 3);
        assert_int_equal(f->totals.slots, 3);
        assert_int_equal(f->totals.ready, 2);
        assert_true(f->totals.has_memory);
        assert_int_equal(f->totals.rss_bytes, 10 << 20);
        assert_int_equal(f->totals.pss_bytes, 4 << 20);
        for (size_t i = 0; i < 3; i++) {
                assert_near(f->rows[i].rates.requests_per_s, 50 * (double)(i + 1));
                assert_near(f->rows[i].rates.cpu_percent, 50);
                assert_near(f->rows[i].age_s, 11);
        }
        top_frame_free(f);
        sample_free(before);
        sample_free(now);
}

static void test_what_is_not_known(void **state) {
        struct sample *before = make(10, 2, 100, false), *now = make(12, 3, 100, true), *other = make(13, 3, 0, false);
        struct top_frame *first = top_frame_new(NULL, now), *second = top_frame_new(before, now), *anew;

        (void)state;
        assert_true(first->totals.rates.requests_per_s < 0 && first->rows[0].rates.cpu_percent < 0);
        assert_int_equal(second->n_rows, 4);
        assert_true(second->rows[2].worker->beside);
        assert_true(second->rows[2].rates.requests_per_s < 0 && second->rows[2].rates.cpu_percent < 0);
        assert_int_equal(second->rows[1].worker->connections, 2); /* of 4, two are of the one beside */
        assert_false(second->totals.has_memory);                  /* a worker's is missing */
        assert_true(second->rows[0].rates.requests_per_s == 0 && second->rows[0].rates.p99_ms < 0);
        assert_true(second->rows[3].rates.requests_per_s < 0); /* a new slot */
        other->master.pid++;                                   /* another daemon: nothing can be told from the difference */
        anew = top_frame_new(now, other);
        assert_true(anew->totals.rates.requests_per_s < 0);
        top_frame_free(first);
        top_frame_free(second);
        top_frame_free(anew);
        sample_free(before);
        sample_free(now);
        sample_free(other);
}

static void check_order(struct top_frame *f, enum top_column column, bool reverse, unsigned int a, unsigned int b, unsigned int c) {
        top_sort(f, column, reverse);
        assert_int_equal(f->rows[0].worker->process.pid, a);
        assert_int_equal(f->rows[1].worker->process.pid, b);
        assert_int_equal(f->rows[2].worker->process.pid, c);
}

static void test_order(void **state) {
        struct sample *before = make(10, 3, 100, false), *now = make(12, 3, 200, false);
        struct top_frame *f = top_frame_new(before, now);

        (void)state;
        check_order(f, TOP_REQUESTS, false, 202, 201, 200);
        check_order(f, TOP_REQUESTS, true, 200, 201, 202);
        check_order(f, TOP_SLOT, false, 200, 201, 202);
        check_order(f, TOP_SLOT, true, 202, 201, 200);
        check_order(f, TOP_CONNECTIONS, false, 200, 201, 202);
        check_order(f, TOP_RSS, false, 202, 201, 200);
        check_order(f, TOP_PSS, false, 200, 201, 202); /* all the same */
        check_order(f, TOP_STATE, false, 200, 201, 202);
        check_order(f, TOP_STATE, true, 202, 200, 201);
        f->rows[0].rates.p99_ms = -1; /* not known is last, either way */
        check_order(f, TOP_P99, false, 200, 201, 202);
        check_order(f, TOP_P99, true, 200, 201, 202);
        top_frame_free(f);
        sample_free(before);
        sample_free(now);
}

static char *picture(struct top_view *v, const struct top_frame *f) {
        char *text = NULL;
        size_t length;
        FILE *to = open_memstream(&text, &length);

        top_view_write(v, f, to);
        assert_int_equal(fclose(to), 0);
        return text;
}

/* Every size, also one that no terminal has: the right number of lines, none too long, and nothing of the rows' own width sticks out. */
static void test_sizes(void **state) {
        struct sample *before = make(10, 20, 100, true), *now = make(12, 20, 200, true);
        struct top_frame *f = top_frame_new(before, now);
        struct top_view v = { .sort = TOP_SLOT };

        (void)state;
        for (int i = 0; i < TOP_HISTORY_MAX + 10; i++)
                top_view_remember(&v, f);
        for (v.width = 1; v.width <= 200; v.width += 7)
                for (v.height = 1; v.height <= 40; v.height++)
                        for (int help = 0; help < 2; help++) {
                                char *text, *save = NULL;
                                unsigned int lines = 1;

                                v.help = help;
                                v.first_row = 100;
                                text = picture(&v, f);
                                for (const char *p = text; *p; p++)
                                        lines += *p == '\n';
                                if (lines != (v.height < 8 && !help ? 1 : v.height))
                                        fail_msg("%ux%u, help %d: %u lines", v.width, v.height, help, lines);
                                for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
                                        if (strlen(line) > v.width && v.width >= 12)
                                                fail_msg("%ux%u: \"%s\"", v.width, v.height, line);
                                free(text);
                        }
        top_frame_free(f);
        sample_free(before);
        sample_free(now);
}

static void test_80_columns(void **state) {
        struct sample *before = make(10, 3, 100, true), *now = make(12, 3, 200, true);
        struct top_frame *f = top_frame_new(before, now);
        struct top_view v = { .sort = TOP_REQUESTS, .width = 80, .height = 24 };
        char *text;

        (void)state;
        top_sort(f, v.sort, false);
        text = picture(&v, f);
        assert_non_null(strstr(text, "restmarkd 1.2.3 running, master 100, up 0:12, generation 4, 2 of 3 ready\n"));
        assert_non_null(strstr(text, "SLOT STATE        PID GEN    AGE   REQ/S P50 MS P99 MS  CONN  CPU%  RSS M  PSS M\n"
                                     "   2 starting     202   4   0:11   150.0 "));
        assert_non_null(strstr(text, "\n  1+ draining     300   3   0:11       -      -      -     2   0.0      -      -\n"));
        assert_null(strchr(text, '\x1b'));
        free(text);
        v.width = 40;
        text = picture(&v, f);
        assert_non_null(strstr(text, "\nSLOT STATE      REQ/S P99 MS  CONN  CPU%\n"));
        free(text);
        v.width = 80;
        v.attributes = true;
        text = picture(&v, f);
        assert_non_null(strstr(text, "\x1b[0m\x1b[1m  REQ/S\x1b[0m\x1b[7m P50 MS")); /* the column of the order stands out */
        free(text);
        top_frame_free(f);
        sample_free(before);
        sample_free(now);
}

static void test_calls(void **state) {
        struct sample *before = make(10, 3, 100, false), *now = make(12, 3, 200, false);
        struct top_view v = { .sort = TOP_SLOT, .width = 80 };
        struct top_frame *f;
        char *text;

        (void)state;
        f = top_frame_new(before, now);
        text = picture(&v, f);
        assert_null(strstr(text, "rpc")); /* no call, no word of calls */
        free(text);
        top_frame_free(f);
        before->rpc.calls = 10;
        now->rpc = (struct sample_rpc){ .calls = 30, .connections = 3 };
        f = top_frame_new(before, now);
        text = picture(&v, f);
        assert_non_null(strstr(text, "\nrpc       open 3  calls/s 10.00  "));
        free(text);
        top_frame_free(f);
        f = top_frame_new(NULL, now);
        text = picture(&v, f);
        assert_non_null(strstr(text, "\nrpc       open 3  calls/s -  "));
        free(text);
        top_frame_free(f);
        sample_free(before);
        sample_free(now);
}

static void test_not_a_status(void **state) {
        static const char *const texts[] = { "", "null", "[]", "{}", "{\"workers\":1,\"routes\":{}}", "{\"workers\":[]}", "{\"workers\":[" };

        (void)state;
        for (size_t i = 0; i < ELEMENTS(texts); i++) {
                struct sample *s = NULL;
                struct error e;

                assert_int_equal(sample_parse(texts[i], 1, &s, &e), -EBADMSG);
        }
        /* What is missing or of another kind is not known; it is no reason to fail. */
        struct sample *s;
        struct error e;

        assert_int_equal(sample_parse("{\"workers\":[{},7,null],\"routes\":{\"a\":3}}", 1, &s, &e), 0);
        assert_int_equal(s->n_workers, 3);
        sample_free(s);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_rates), cmocka_unit_test(test_what_is_not_known), cmocka_unit_test(test_order),
                cmocka_unit_test(test_sizes), cmocka_unit_test(test_80_columns), cmocka_unit_test(test_calls),
                cmocka_unit_test(test_not_a_status),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
