#include "codec/json_record.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/tree.h"
#include "unit.h"

#define TEXT(literal) { .bytes = (literal), .length = sizeof(literal) - 1 }

static const struct {
        struct record record;
        const char *json; /* what Python's json.dumps(ensure_ascii=False, separators=(",", ":")) makes of it */
} vectors[] = {
        { { 0, TEXT("My name"), TEXT("Some words on here so it looks full"), TEXT("U"), 33, 1569882498.9117897 },
          "{\"id\":0,\"name\":\"My name\",\"description\":\"Some words on here so it looks full\",\"type\":\"U\",\"count\":33,"
          "\"created_at\":1569882498.9117897}" },
        { { INT64_MIN, TEXT(""), TEXT("/<>&'\x7f"), TEXT("\xc3\xa9\xf0\x9f\x98\x80\xe2\x80\xa8"), INT64_MAX, -0.0 },
          "{\"id\":-9223372036854775808,\"name\":\"\",\"description\":\"/<>&'\x7f\",\"type\":\"\xc3\xa9\xf0\x9f\x98\x80\xe2\x80\xa8\","
          "\"count\":9223372036854775807,\"created_at\":-0.0}" },
        { { -1, TEXT("\"\\\b\f\n\r\t"), TEXT("\0\x01\x0b\x0e\x1f"), TEXT("a\"b"), 10, 5e-324 },
          "{\"id\":-1,\"name\":\"\\\"\\\\\\b\\f\\n\\r\\t\",\"description\":\"\\u0000\\u0001\\u000b\\u000e\\u001f\",\"type\":\"a\\\"b\","
          "\"count\":10,\"created_at\":5e-324}" },
        { { 999, TEXT("exactly8"), TEXT("seventeen letters"), TEXT("\n seventeen and one"), 1000, 1e16 },
          "{\"id\":999,\"name\":\"exactly8\",\"description\":\"seventeen letters\",\"type\":\"\\n seventeen and one\",\"count\":1000,"
          "\"created_at\":1e+16}" },
        { { 10000, TEXT("the quote is last, here\""), TEXT("and here the quote \" is in the middle"), TEXT("1234\\"), 99999, 0.0001 },
          "{\"id\":10000,\"name\":\"the quote is last, here\\\"\",\"description\":\"and here the quote \\\" is in the middle\","
          "\"type\":\"1234\\\\\",\"count\":99999,\"created_at\":0.0001}" },
};

static char *expected_array(size_t n) {
        char *json = calloc(1, 8192);

        assert_non_null(json);
        strcat(json, "[");
        for (size_t i = 0; i < n; i++) {
                if (i)
                        strcat(json, ",");
                strcat(json, vectors[i].json);
        }
        strcat(json, "]");
        return json;
}

static void vector_records(struct record *records) {
        for (size_t i = 0; i < ELEMENTS(vectors); i++)
                records[i] = vectors[i].record;
}

static void encodes_the_vectors(void **state) {
        struct record records[ELEMENTS(vectors)];

        (void)state;
        vector_records(records);
        for (size_t n = 0; n <= ELEMENTS(vectors); n++) {
                char memory[8192], *expected = expected_array(n);
                struct buf b = buf_over(memory, sizeof memory);

                buf_append(&b, "before", 6);
                assert_int_equal(json_records_encode(&b, records, n), 0);
                assert_int_equal(b.length, 6 + strlen(expected));
                assert_memory_equal(memory, "before", 6);
                assert_memory_equal(memory + 6, expected, strlen(expected));
                assert_int_equal(json_records_length(records, n), strlen(expected));
                assert_true(json_records_bound(records, n) >= strlen(expected));
                free(expected);
        }
}

/* The exact length is enough, one byte less is not; asan guards the ends of the buffers. */
static void is_bounded_by_the_byte(void **state) {
        struct record records[ELEMENTS(vectors)];

        (void)state;
        vector_records(records);
        for (size_t n = 0; n <= ELEMENTS(vectors); n++) {
                size_t exact = json_records_length(records, n);

                for (size_t capacity = 0; capacity <= exact; capacity++) {
                        char *memory = malloc(capacity ? capacity : 1);
                        struct buf b = buf_over(memory, capacity);

                        assert_non_null(memory);
                        if (capacity < exact) {
                                assert_int_equal(json_records_encode(&b, records, n), -ENOBUFS);
                                assert_true(b.overflow);
                                assert_int_equal(b.length, 0);
                        } else {
                                assert_int_equal(json_records_encode(&b, records, n), 0);
                                assert_false(b.overflow);
                                assert_int_equal(b.length, exact);
                        }
                        free(memory);
                }
        }
}

/* The copy works in overlapping words: each character that is escaped, at each place, in texts of each length. */
static void escapes_at_any_place(void **state) {
        static const char *const escapes[0x20] = { ['\b'] = "\\b", ['\f'] = "\\f", ['\n'] = "\\n", ['\r'] = "\\r", ['\t'] = "\\t" };

        (void)state;
        for (int c = 0; c < 256; c++) {
                char escape[8] = { (char)c, '\0' };

                if (c == '"' || c == '\\')
                        (void)snprintf(escape, sizeof escape, "\\%c", c);
                else if (c < 0x20 && escapes[c])
                        (void)snprintf(escape, sizeof escape, "%s", escapes[c]);
                else if (c < 0x20)
                        (void)snprintf(escape, sizeof escape, "\\u%04x", (unsigned)c);
                for (uint32_t length = 1; length < 28; length++)
                        for (uint32_t place = 0; place < length; place++) {
                                char text[32], memory[512], expected[64];
                                struct record r = { .name = { text, length } };
                                struct buf b = buf_over(memory, sizeof memory);
                                size_t escaped = c == 0 ? 6 : strlen(escape);

                                memset(text, 'a', sizeof text);
                                text[place] = (char)c;
                                memset(expected, 'a', sizeof expected);
                                memcpy(expected + place, escape, escaped);
                                assert_int_equal(json_records_encode(&b, &r, 1), 0);
                                assert_memory_equal(memory + strlen("[{'id':0,'name':'"), expected, length - 1 + escaped);
                                assert_int_equal(memory[strlen("[{'id':0,'name':'") + length - 1 + escaped], '"');
                                assert_int_equal(json_records_length(&r, 1), b.length);
                        }
        }
}

static void tree_produces_the_same_bytes(void **state) {
        struct record records[ELEMENTS(vectors)];
        struct tree *tree = NULL;

        (void)state;
        vector_records(records);
        assert_int_equal(tree_new(records, ELEMENTS(vectors), &tree, NULL), 0);
        for (size_t round = 0; round < 2; round++)
                for (size_t n = 0; n <= ELEMENTS(vectors); n++) {
                        char *expected = expected_array(n);
                        const char *json;
                        size_t length;

                        assert_int_equal(tree_encode(tree, n, &json, &length, NULL), 0);
                        assert_int_equal(length, strlen(expected));
                        assert_memory_equal(json, expected, length);
                        free(expected);
                }
        assert_null(tree_free(tree));
        assert_null(tree_free(NULL));
}

static void tree_escapes_each_character_alike(void **state) {
        (void)state;
        for (int c = 0; c < 0x80; c++) {
                char text[3] = { 'a', (char)c, 'z' }, memory[512];
                struct record r = { .id = c, .name = { text, sizeof text }, .created_at = c / 7.0 };
                struct buf b = buf_over(memory, sizeof memory);
                struct tree *tree = NULL;
                const char *json;
                size_t length;

                assert_int_equal(json_records_encode(&b, &r, 1), 0);
                assert_int_equal(tree_new(&r, 1, &tree, NULL), 0);
                assert_int_equal(tree_encode(tree, 1, &json, &length, NULL), 0);
                assert_int_equal(length, b.length);
                assert_memory_equal(json, memory, length);
                tree_free(tree);
        }
}

/* json-c's buffer has to grow for each record, and the longest escapes are what it has to have room for. */
static void tree_has_room_for_long_texts(void **state) {
        enum { LENGTH = 100000 };
        char *text = malloc(LENGTH), *memory;
        struct record records[3];
        struct tree *tree = NULL;
        const char *json;
        size_t length;
        struct buf b;

        (void)state;
        assert_non_null(text);
        memset(text, 0x1f, LENGTH);
        for (size_t i = 0; i < ELEMENTS(records); i++)
                records[i] = (struct record){ .id = (int64_t)i, .name = { text, (uint32_t)(LENGTH >> 4 * i) }, .type = { text, LENGTH } };
        b = buf_over(malloc(json_records_length(records, ELEMENTS(records))), json_records_length(records, ELEMENTS(records)));
        memory = b.data;
        assert_non_null(memory);
        assert_int_equal(json_records_encode(&b, records, ELEMENTS(records)), 0);
        assert_int_equal(tree_new(records, ELEMENTS(records), &tree, NULL), 0);
        assert_int_equal(tree_encode(tree, ELEMENTS(records), &json, &length, NULL), 0);
        assert_int_equal(length, b.length);
        assert_memory_equal(json, memory, length);
        tree_free(tree);
        free(memory);
        free(text);
}

static size_t length_with(int64_t integer, double real) {
        const struct record r = { integer, TEXT("a"), TEXT(""), TEXT("\n"), integer, real };

        return json_records_length(&r, 1);
}

/* From the shortest numbers to the longest. */
static void bounds_the_growth_of_numbers(void **state) {
        size_t growth = length_with(INT64_MIN, -1.2345678901234567e-308) - length_with(0, 0.0);

        (void)state;
        assert_int_equal(growth, 19 + 19 + 21);
        assert_in_range(growth, 1, json_numbers_growth_max(1));
        assert_int_equal(json_numbers_growth_max(1000), 1000 * json_numbers_growth_max(1));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(encodes_the_vectors),
                cmocka_unit_test(is_bounded_by_the_byte),
                cmocka_unit_test(bounds_the_growth_of_numbers),
                cmocka_unit_test(escapes_at_any_place),
                cmocka_unit_test(tree_produces_the_same_bytes),
                cmocka_unit_test(tree_escapes_each_character_alike),
                cmocka_unit_test(tree_has_room_for_long_texts),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
