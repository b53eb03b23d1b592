#include "codec/msgpack_record.h"

#include <errno.h>

#include "raw_record.h"
#include "unit.h"

static void encodes_what_it_decodes(void **state) {
        uint8_t memory[RAW_RECORD_MAX];
        struct encoded_record encoded = raw_record(memory, raw_good, RAW_FIELDS);
        char bytes[RAW_RECORD_MAX];
        struct buf b = buf_over(bytes, sizeof bytes);
        struct record r;

        (void)state;
        assert_int_equal(msgpack_record_decode(&encoded, &r, NULL), 0);
        assert_int_equal(msgpack_record_encode(&b, &r), 0);
        assert_int_equal(b.length, encoded.length);
        assert_memory_equal(bytes, memory, b.length);
        assert_true(msgpack_record_length_max(&r) >= b.length);
        for (size_t capacity = 0; capacity < encoded.length; capacity++) {
                b = buf_over(bytes, capacity);
                assert_int_equal(msgpack_record_encode(&b, &r), -ENOBUFS);
                assert_int_equal(b.length, 0);
                assert_true(b.overflow);
        }
}

static void bounds_the_longest_encoding(void **state) {
        char text[70000], bytes[3 * sizeof text + 200];
        struct text longest = { .bytes = text, .length = sizeof text };
        const struct record r = {
                .id = INT64_MIN, .name = longest, .description = longest, .type = longest, .count = INT64_MIN, .created_at = 0.1,
        };
        struct buf b = buf_over(bytes, sizeof bytes);

        (void)state;
        memset(text, 'x', sizeof text);
        assert_int_equal(msgpack_record_encode(&b, &r), 0);
        assert_true(msgpack_record_length_max(&r) >= b.length);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(encodes_what_it_decodes),
                cmocka_unit_test(bounds_the_longest_encoding),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
