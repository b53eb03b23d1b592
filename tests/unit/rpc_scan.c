#include "rpc/scan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "data/dataset.h"
#include "rpc/message.h"
#include "rpc/method.h"
#include "unit.h"

enum { MAX = 1000 };

struct row {
        const char *bytes;
        size_t length;
        enum scan_verdict verdict;
};

#define ROW(text, verdict) { text, sizeof text - 1, verdict }

static const struct row rows[] = {
        ROW("\xc0", SCAN_WHOLE),
        ROW("\x7f", SCAN_WHOLE),
        ROW("\xe0", SCAN_WHOLE),
        ROW("\xc1", SCAN_INVALID),
        ROW("\x94\x00\x01\xc1", SCAN_INVALID),
        ROW("\x90", SCAN_WHOLE),
        ROW("\x80", SCAN_WHOLE),
        ROW("\xa3" "abc", SCAN_WHOLE),
        ROW("\xa3" "ab", SCAN_MORE),
        ROW("\xd9\x03" "abc", SCAN_WHOLE),
        ROW("\xc4\x00", SCAN_WHOLE),
        ROW("\xc7\x01\x05x", SCAN_WHOLE),
        ROW("\xd4\x05x", SCAN_WHOLE),
        ROW("\xd8\x05" "0123456789abcdef", SCAN_WHOLE),
        ROW("\xcb" "12345678", SCAN_WHOLE),
        ROW("\xcf" "1234567", SCAN_MORE),
        ROW("\x82\x01\x02\x03\x04", SCAN_WHOLE),
        ROW("\x82\x01\x02\x03", SCAN_MORE),
        ROW("\x94\x00\x01\xa7welcome\x90", SCAN_WHOLE),
        ROW("\x91\x91\x91\x91\x91\x91\x91\x91\xc0", SCAN_WHOLE),
        ROW("\x91\x91\x91\x91\x91\x91\x91\x91\x91", SCAN_DEEP),
        /* Claims, each in its header alone. */
        ROW("\xdb\xff\xff\xff\xff", SCAN_LARGE),
        ROW("\xc6\xff\xff\xff\xff", SCAN_LARGE),
        ROW("\xc9\xff\xff\xff\xff", SCAN_LARGE),
        ROW("\xdd\xff\xff\xff\xff", SCAN_MANY),
        ROW("\xdf\xff\xff\xff\xff", SCAN_MANY),
        ROW("\xdc\x00\x40", SCAN_MANY),
        ROW("\xdc\x00\x3f", SCAN_MORE),
        ROW("\xda\x03\xe5", SCAN_MORE),
        ROW("\xda\x03\xe6", SCAN_LARGE),
};

static void every_header_is_judged_as_it_comes(void **state) {
        (void)state;
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                struct scan s;

                scan_begin(&s);
                if (scan_run(&s, (const uint8_t *)rows[i].bytes, rows[i].length, MAX) != rows[i].verdict)
                        fail_msg("row %zu", i);
                if (rows[i].verdict == SCAN_WHOLE)
                        assert_int_equal(s.at, rows[i].length);
        }
}

/* Each prefix is a copy of its own, so that a sanitizer sees what reads past it. */
static void it_goes_on_where_it_was_however_the_bytes_come(void **state) {
        (void)state;
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                enum scan_verdict verdict = SCAN_MORE;
                struct scan s;

                scan_begin(&s);
                for (size_t n = 0; n <= rows[i].length && verdict == SCAN_MORE; n++) {
                        uint8_t *copy = malloc(n ? n : 1);

                        assert_non_null(copy);
                        memcpy(copy, rows[i].bytes, n);
                        verdict = scan_run(&s, copy, n, MAX);
                        free(copy);
                }
                assert_int_equal(verdict, rows[i].verdict);
        }
}

static int read_one(const char *bytes, size_t length, msgpack_zone *zone, struct message *ret) {
        struct scan s;

        scan_begin(&s);
        assert_int_equal(scan_run(&s, (const uint8_t *)bytes, length, MAX), SCAN_WHOLE);
        assert_int_equal(s.at, length);
        return message_read(bytes, length, zone, ret);
}

#define READ(text, m) read_one(text, sizeof text - 1, &zone, m)

static void what_is_no_call_is_refused(void **state) {
        msgpack_zone zone;
        struct message m;

        (void)state;
        assert_true(msgpack_zone_init(&zone, MSGPACK_ZONE_CHUNK_SIZE));
        assert_int_equal(READ("\x94\x00\xce\xff\xff\xff\xff\xa4wait\x90", &m), 0);
        assert_int_equal(m.type, MESSAGE_REQUEST);
        assert_int_equal(m.id, UINT32_MAX);
        assert_int_equal(m.method_length, 4);
        assert_memory_equal(m.method, "wait", 4);
        assert_non_null(m.params);
        assert_int_equal(READ("\x93\x02\xa4wait\x90", &m), 0);
        assert_int_equal(m.type, MESSAGE_NOTIFICATION);
        assert_int_equal(READ("\x94\x00\x07\x01\xa1x", &m), 0); /* which has an id, so that it can be answered */
        assert_null(m.method);
        assert_null(m.params);
        assert_int_equal(READ("\xc0", &m), -EPROTO);
        assert_int_equal(READ("\x90", &m), -EPROTO);
        assert_int_equal(READ("\x94\x01\x07\xc0\xc0", &m), -EPROTO);                     /* a response */
        assert_int_equal(READ("\x94\x03\x07\xa1x\x90", &m), -EPROTO);                     /* no such type */
        assert_int_equal(READ("\x93\x00\x07\xa1x", &m), -EPROTO);
        assert_int_equal(READ("\x94\x02\xa1x\x90\x90", &m), -EPROTO);
        assert_int_equal(READ("\x94\x00\xff\xa1x\x90", &m), -EPROTO);                     /* id -1 */
        assert_int_equal(READ("\x94\x00\xcf\x00\x00\x00\x01\x00\x00\x00\x00\xa1x\x90", &m), -EPROTO); /* 2^32 */
        msgpack_zone_destroy(&zone);
}

static void the_id_is_found_in_the_first_bytes(void **state) {
        static const uint8_t bytes[] = { 0x94, 0x00, 0xce, 0x01, 0x02, 0x03, 0x04 };
        uint32_t id;

        (void)state;
        assert_true(message_read_id(bytes, sizeof bytes, &id));
        assert_int_equal(id, 0x01020304);
        assert_false(message_read_id(bytes, sizeof bytes - 1, &id));
        assert_true(message_read_id((const uint8_t *)"\x94\x00\x05", 3, &id));
        assert_int_equal(id, 5);
        assert_false(message_read_id((const uint8_t *)"\x93\x02\x05", 3, &id));
        assert_false(message_read_id((const uint8_t *)"\x94\x00\xcf", 3, &id));
}

static void methods_are_the_workloads_by_their_names(void **state) {
        size_t n = 0;

        (void)state;
        for (const struct method *m; (m = method_at(n)); n++) {
                assert_string_equal(m->name, workload_name(m->workload));
                assert_ptr_equal(method_find(m->name, m->name_length), m);
        }
        assert_int_equal(n, 8);
        assert_null(method_find("sibling", 7));
        assert_null(method_find("welcom", 6));
}

static void check_params(const char *method, const char *bytes, size_t length, const char *expected) {
        char path[METHOD_PATH_MAX], memory[200];
        struct dataset *dataset;
        struct buf text = buf_over(memory, sizeof memory - 1);
        struct work_params params;
        struct message m;
        msgpack_zone zone;
        struct error e = { "" };
        int r;

        assert_int_equal(dataset_new(NULL, 10, CODEC_STRUCT, &dataset, &e), 0);
        assert_true(msgpack_zone_init(&zone, MSGPACK_ZONE_CHUNK_SIZE));
        assert_int_equal(read_one(bytes, length, &zone, &m), 0);
        work_params_init(&params, method_find(method, strlen(method))->workload, dataset);
        r = method_read_params(method_find(method, strlen(method)), m.params, &params, path, &text, &e);
        memory[text.length] = '\0';
        if (*expected == '?' || !*expected) {
                assert_int_equal(r, 0);
                assert_string_equal(memory, expected);
        } else {
                assert_int_equal(r, -EINVAL);
                if (!strstr(e.text, expected))
                        fail_msg("%s", e.text);
        }
        msgpack_zone_destroy(&zone);
        dataset_free(dataset);
}

#define PARAMS(method, text, expected) check_params(method, "\x93\x02\xa1x" text, sizeof "\x93\x02\xa1x" text - 1, expected)

static void parameters_are_those_of_the_routes(void **state) {
        (void)state;
        PARAMS("welcome", "\x90", "");
        PARAMS("million-loop", "\x91\x82\xa1n\x05\xa4seed\x07", "?n=5&seed=7");
        PARAMS("record", "\x91\x81\xa2id\x03", "?id=3");
        PARAMS("record", "\x90", "\"id\" is missing");
        PARAMS("record", "\x91\x82\xa2id\x03\xa2id\x03", "more than once");
        PARAMS("validate", "\x91\x81\xa4" "body\xa2{}", "");
        PARAMS("validate", "\x91\x81\xa4" "body\xc4\x02{}", "");
        PARAMS("validate", "\x91\x81\xa4" "body\x05", "str or a bin");
        PARAMS("welcome", "\x05", "[] or [{name: number}]");
        PARAMS("welcome", "\x92\x80\x80", "[] or [{name: number}]");
        PARAMS("welcome", "\x91\x05", "[] or [{name: number}]");
        PARAMS("welcome", "\x91\x81\x05\x05", "have to be str");
        PARAMS("welcome", "\x91\x81\xa1n\x05", "Unknown parameter");
        PARAMS("million-loop", "\x91\x81\xa1n\xff", "whole number");
        PARAMS("million-loop", "\x91\x81\xa1n\xa1" "5", "whole number");
        PARAMS("million-loop", "\x91\x81\xa1n\xcf\xff\xff\xff\xff\xff\xff\xff\xff", "from 0 to");
        PARAMS("encode-json", "\x91\x81\xa4seed\x05", "digest");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_header_is_judged_as_it_comes),
                cmocka_unit_test(it_goes_on_where_it_was_however_the_bytes_come),
                cmocka_unit_test(what_is_no_call_is_refused),
                cmocka_unit_test(the_id_is_found_in_the_first_bytes),
                cmocka_unit_test(methods_are_the_workloads_by_their_names),
                cmocka_unit_test(parameters_are_those_of_the_routes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
