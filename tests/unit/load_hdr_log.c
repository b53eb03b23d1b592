#include "unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "latency/hdr_decode.h"
#include "latency/hdr_log.h"
#include "latency/hdr_log_read.h"

static struct hdr *new_histogram(void) {
        struct hdr *h = calloc(1, sizeof *h);

        assert_non_null(h);
        return h;
}

/* Values all over the range, the lowest and the highest among them, and counts of few bits and of many. */
static struct hdr *some_histogram(unsigned int seed) {
        struct hdr *h = new_histogram();

        for (int i = 0; i < 300; i++) {
                uint64_t us = (uint64_t)rand_r(&seed) % (UINT64_C(1) << (1 + i % 25));

                hdr_record(h, us * 1000, 1 + (uint64_t)rand_r(&seed) % (UINT64_C(1) << (i % 31)));
        }
        hdr_record(h, 0, 1);
        hdr_record(h, UINT64_C(60000000000), UINT64_C(1) << 50);
        return h;
}

static void what_is_written_is_read(void **state) {
        struct hdr *empty = new_histogram();

        (void)state;
        for (unsigned int seed = 0; seed < 20; seed++) {
                struct hdr *h = seed ? some_histogram(seed) : empty, *again = new_histogram();
                char *text = hdr_encode(h);
                struct error e;

                assert_non_null(text);
                h->clamped = 0; /* is not in the encoding */
                if (hdr_decode(text, strlen(text), again, &e) < 0)
                        fail_msg("%s", e.text);
                assert_memory_equal(h, again, sizeof *h);
                free(text);
                free(again);
                if (h != empty)
                        free(h);
        }
        free(empty);
}

/* Any character changed, any end: it is refused, or (where the change means nothing) the counts are the same. */
static void damage_is_refused(void **state) {
        static const char others[] = "A/z9+=,\n";
        struct hdr *h = some_histogram(5), *found = new_histogram();
        char *text = hdr_encode(h);
        size_t n = strlen(text), refused = 0;
        struct error e;

        (void)state;
        h->clamped = 0;
        for (size_t i = 0; i < n; i++) {
                char was = text[i];

                assert_true(hdr_decode(text, i, found, &e) < 0);
                for (size_t k = 0; k < sizeof others - 1; k++) {
                        text[i] = others[k];
                        if (hdr_decode(text, n, found, &e) < 0)
                                refused++;
                        else
                                assert_memory_equal(h, found, sizeof *h);
                }
                text[i] = was;
        }
        assert_true(refused > n * 7);
        free(text);
        free(h);
        free(found);
}

/* A plain encoding with these counts; the header's fields may be changed by the caller. */
static size_t plain(uint8_t *to, const uint8_t *counts, size_t n) {
        static const uint8_t header[HDR_HEADER_BYTES] = { 0x1c, 0x84, 0x93, 0x13, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 1,
                                                          0,    0,    0,    0,    3, 0x93, 0x87, 0, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0 };

        memcpy(to, header, sizeof header);
        to[7] = (uint8_t)n;
        memcpy(to + sizeof header, counts, n);
        return sizeof header + n;
}

static void counts_have_to_be_counts(void **state) {
        static const struct {
                uint8_t counts[24];
                size_t n;
                const char *says;
        } bad[] = {
                { { 0x82 }, 1, "cut off" },
                { { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff }, 8, "cut off" },
                /* so many empty cells that none is left, and then one of a value above a minute */
                { { 0xff, 0xff, 0xff, 0x7f, 2 }, 5, "above 60000000 microseconds" },
                { { 0x9f, 0x8f, 0x02, 2 }, 4, "above 60000000 microseconds" }, /* the cell behind that of a minute: -17296 */
                { { 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2 }, 10, "63 bits" },
        };
        struct hdr *h = new_histogram();
        uint8_t bytes[HDR_HEADER_BYTES + 24];
        struct error e = { "" };

        (void)state;
        for (size_t i = 0; i < ELEMENTS(bad); i++) {
                if (hdr_decode_plain(bytes, plain(bytes, bad[i].counts, bad[i].n), h, &e) == 0)
                        fail_msg("case %zu is taken", i);
                if (!strstr(e.text, bad[i].says))
                        fail_msg("case %zu: %s", i, e.text);
        }
        /* 2 of 0 us, an empty cell as HdrHistogram writes it, 3 of 2 us. */
        assert_int_equal(hdr_decode_plain(bytes, plain(bytes, (const uint8_t[]){ 4, 0, 6 }, 3), h, &e), 0);
        assert_true(h->counts[0] == 2 && h->counts[1] == 0 && h->counts[2] == 3 && hdr_count(h) == 5);
        free(h);
}

static void headers_have_to_be_ours(void **state) {
        static const struct {
                size_t at;
                uint8_t value;
                const char *says;
        } bad[] = {
                { 0, 0x1d, "begins with 1d849313" }, { 3, 0x03, "begins with 1c849303" }, { 7, 9, "says that they are 9" },
                { 11, 1, "shifted or scaled" },      { 15, 2, "2 digits" },               { 23, 16, "from 16 on" },
                { 32, 0x40, "shifted or scaled" },
        };
        struct hdr *h = new_histogram();
        uint8_t bytes[HDR_HEADER_BYTES + 1];
        struct error e = { "" };

        (void)state;
        for (size_t i = 0; i < ELEMENTS(bad); i++) {
                size_t n = plain(bytes, (const uint8_t[]){ 2 }, 1);

                assert_int_equal(hdr_decode_plain(bytes, n, h, &e), 0);
                bytes[bad[i].at] = bad[i].value;
                assert_true(hdr_decode_plain(bytes, n, h, &e) < 0);
                if (!strstr(e.text, bad[i].says))
                        fail_msg("byte %zu: %s", bad[i].at, e.text);
        }
        assert_true(hdr_decode_plain(bytes, HDR_HEADER_BYTES - 1, h, &e) < 0);
        free(h);
}

struct seen {
        int n;
        uint64_t start_ms, length_ms, count;
};

static int see(void *context, uint64_t start_ms, uint64_t length_ms, const struct hdr *values, struct error *e) {
        struct seen *seen = context;

        (void)e;
        seen->n++;
        seen->start_ms = start_ms;
        seen->length_ms = length_ms;
        seen->count += hdr_count(values);
        return 0;
}

/* A log's lines with @ for an interval's histogram: ten values of 7 us. */
static int read_log(const char *lines, struct seen *seen, struct error *e) {
        struct hdr *h = new_histogram();
        char *encoded, text[2048];
        size_t n = 0;
        int r;

        hdr_record(h, 7000, 10);
        encoded = hdr_encode(h);
        for (; *lines; lines++)
                if (*lines == '@')
                        n += (size_t)snprintf(text + n, sizeof text - n, "%s", encoded);
                else
                        text[n++] = *lines;
        memset(seen, 0, sizeof *seen);
        r = hdr_log_read("x.hlog", text, n, see, seen, e);
        free(encoded);
        free(h);
        return r;
}

static void logs_are_read_as_their_readers_do(void **state) {
        struct seen seen;
        struct error e = { "" };

        (void)state;
        assert_int_equal(read_log("#[Histogram log format version 1.3]\n#[StartTime: 1700000000.500 (seconds since epoch), x]\n\"StartTimestamp\"\n"
                                  "1700000000.500,2.000,0.007,@\n\n1700000003.250,1.5,0.007,@",
                                  &seen, &e),
                         2);
        assert_true(seen.start_ms == UINT64_C(1700000003250) && seen.length_ms == 1500 && seen.count == 20);
        assert_int_equal(read_log("#[StartTime: 1700000000.500 (x)]\r\n0.250,1,0.007,@\r\n", &seen, &e), 1); /* relative to it */
        assert_true(seen.start_ms == UINT64_C(1700000000750));
        assert_int_equal(read_log("#[StartTime: 5 (x)]\n#[BaseTime: 1600000000 (x)]\n1,1,0.007,@\n", &seen, &e), 1);
        assert_true(seen.start_ms == UINT64_C(1600000001000));
}

static void lines_that_are_wrong_are_named(void **state) {
        static const struct {
                const char *log, *says;
        } bad[] = {
                { "# nothing\n", "x.hlog: there is no histogram" },
                { "", "x.hlog: there is no histogram" },
                { "#[Histogram log format version 2.0]\n", "x.hlog:1: a log of version 2.0" },
                { "#[StartTime: soon]\n", "x.hlog:1: StartTime without" },
                { "#\n\n1,1\n", "x.hlog:3: not StartTimestamp," },
                { "1,1,0.007,@\nTag=a,1,1,0.007,@\n", "x.hlog:2: an interval with a tag" },
                { "1,1,0.007,@\n1,-1,0.007,@\n", "x.hlog:2: Interval_Length is no number" },
                { "1e3,1,0.007,@\n", "x.hlog:1: StartTimestamp is no number" },
                { "1,1,0.007,@,\n", "x.hlog:1: " },
                { "1,1,0.007,@ AAAA\n", "x.hlog:1: " },
                { "1,1,7.000,@\n", "x.hlog:1: Interval_Max is 7.000 ms, and the histogram's is 7 us: it is damaged, or does not count microseconds" },
                { "1,1,0,\n", "x.hlog:1: base64 of 0 characters" },
                { "1,1,0,SGVsbG8gd29ybGQh\n", "begins with 48656c6c, and HdrHistogram's compressed V2 encoding with 1c849314" },
        };
        struct seen seen;

        (void)state;
        for (size_t i = 0; i < ELEMENTS(bad); i++) {
                struct error e = { "" };

                if (read_log(bad[i].log, &seen, &e) >= 0)
                        fail_msg("%s is taken", bad[i].log);
                if (!strstr(e.text, bad[i].says))
                        fail_msg("%s: %s", bad[i].log, e.text);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_is_written_is_read),
                cmocka_unit_test(damage_is_refused),
                cmocka_unit_test(counts_have_to_be_counts),
                cmocka_unit_test(headers_have_to_be_ours),
                cmocka_unit_test(logs_are_read_as_their_readers_do),
                cmocka_unit_test(lines_that_are_wrong_are_named),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
