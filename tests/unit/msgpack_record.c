#include "codec/msgpack_record.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "raw_record.h"
#include "unit.h"

enum { ID, NAME, DESCRIPTION, TYPE, COUNT, CREATED_AT };

static void assert_text(struct text text, const char *expected) {
        assert_int_equal(text.length, strlen(expected));
        assert_memory_equal(text.bytes, expected, text.length);
}

static void decodes_each_field(void **state) {
        uint8_t memory[RAW_RECORD_MAX];
        struct encoded_record encoded = raw_record(memory, raw_good, RAW_FIELDS);
        struct record r;

        (void)state;
        assert_int_equal(msgpack_record_decode(&encoded, &r, NULL), 0);
        assert_int_equal(r.id, 7);
        assert_text(r.name, "My name");
        assert_text(r.description, "Some words");
        assert_text(r.type, "U");
        assert_int_equal(r.count, 33);
        assert_true(r.created_at == 1.5);
        assert_in_range((uintptr_t)r.name.bytes, (uintptr_t)memory, (uintptr_t)(memory + encoded.length));
}

static void decodes_keys_in_any_order(void **state) {
        uint8_t memory[RAW_RECORD_MAX];
        struct raw_field fields[RAW_FIELDS];
        struct encoded_record encoded;
        struct record r;

        (void)state;
        for (size_t shift = 0; shift < RAW_FIELDS; shift++)
                for (int backwards = 0; backwards < 2; backwards++) {
                        for (size_t i = 0; i < RAW_FIELDS; i++)
                                fields[backwards ? RAW_FIELDS - 1 - i : i] = raw_good[(i + shift) % RAW_FIELDS];
                        encoded = raw_record(memory, fields, RAW_FIELDS);
                        assert_int_equal(msgpack_record_decode(&encoded, &r, NULL), 0);
                        assert_int_equal(r.id, 7);
                        assert_text(r.type, "U");
                        assert_text(r.name, "My name");
                }
}

static const struct {
        const char *value;
        size_t length;
        int64_t expected;
} integers[] = {
        { BYTES("\x00"), 0 },
        { BYTES("\x7f"), 127 },
        { BYTES("\xff"), -1 },
        { BYTES("\xe0"), -32 },
        { BYTES("\xcc\xff"), 255 },
        { BYTES("\xcd\xff\xfe"), 65534 },
        { BYTES("\xce\xff\xff\xff\xfe"), 4294967294 },
        { BYTES("\xcf\x7f\xff\xff\xff\xff\xff\xff\xff"), INT64_MAX },
        { BYTES("\xd0\x80"), -128 },
        { BYTES("\xd1\x80\x00"), -32768 },
        { BYTES("\xd2\x80\x00\x00\x00"), -2147483648 },
        { BYTES("\xd3\x80\x00\x00\x00\x00\x00\x00\x00"), INT64_MIN },
        { BYTES("\xd3\x00\x00\x00\x00\x00\x00\x00\x05"), 5 }, /* not the shortest encoding */
};

static void accepts_any_integer_encoding(void **state) {
        uint8_t memory[RAW_RECORD_MAX];

        (void)state;
        for (size_t i = 0; i < ELEMENTS(integers); i++) {
                struct encoded_record encoded = raw_record_with(memory, ID, integers[i].value, integers[i].length);
                struct record r;

                assert_int_equal(msgpack_record_decode(&encoded, &r, NULL), 0);
                assert_int_equal(r.id, integers[i].expected);
                encoded = raw_record_with(memory, COUNT, integers[i].value, integers[i].length);
                assert_int_equal(msgpack_record_decode(&encoded, &r, NULL), 0);
                assert_int_equal(r.count, integers[i].expected);
        }
}

static void accepts_both_floats_and_all_string_headers(void **state) {
        uint8_t memory[RAW_RECORD_MAX];
        struct encoded_record encoded;
        struct record r;

        (void)state;
        encoded = raw_record_with(memory, CREATED_AT, BYTES("\xca\x3f\xc0\x00\x00"));
        assert_int_equal(msgpack_record_decode(&encoded, &r, NULL), 0);
        assert_true(r.created_at == 1.5);
        encoded = raw_record_with(memory, NAME, BYTES("\xd9\x03str"));
        assert_int_equal(msgpack_record_decode(&encoded, &r, NULL), 0);
        assert_text(r.name, "str");
        encoded = raw_record_with(memory, NAME, BYTES("\xda\x00\x03str"));
        assert_int_equal(msgpack_record_decode(&encoded, &r, NULL), 0);
        assert_text(r.name, "str");
        encoded = raw_record_with(memory, NAME, BYTES("\xdb\x00\x00\x00\x03str"));
        assert_int_equal(msgpack_record_decode(&encoded, &r, NULL), 0);
        assert_text(r.name, "str");
        encoded = raw_record_with(memory, NAME, BYTES("\xa0"));
        assert_int_equal(msgpack_record_decode(&encoded, &r, NULL), 0);
        assert_text(r.name, "");
        encoded = raw_record_with(memory, DESCRIPTION, BYTES("\xa4\xf0\x9f\x98\x80"));
        assert_int_equal(msgpack_record_decode(&encoded, &r, NULL), 0);
        assert_text(r.description, "\xf0\x9f\x98\x80");
}

static void accepts_all_map_headers(void **state) {
        uint8_t memory[RAW_RECORD_MAX], longer[RAW_RECORD_MAX];
        struct encoded_record encoded = raw_record(memory, raw_good, RAW_FIELDS);
        struct record r;

        (void)state;
        memcpy(longer, "\xde\x00\x06", 3);
        memcpy(longer + 3, memory + 1, encoded.length - 1);
        assert_int_equal(msgpack_record_decode(&(struct encoded_record){ longer, encoded.length + 2 }, &r, NULL), 0);
        memcpy(longer, "\xdf\x00\x00\x00\x06", 5);
        memcpy(longer + 5, memory + 1, encoded.length - 1);
        assert_int_equal(msgpack_record_decode(&(struct encoded_record){ longer, encoded.length + 4 }, &r, NULL), 0);
}

/* A value in a field's place, and the sentence that it gets. */
static const struct {
        int field;
        const char *value;
        size_t length;
        const char *sentence;
} bad_values[] = {
        { ID, BYTES("\xa1x"), "field \"id\": is a string, expected an integer" },
        { ID, BYTES("\xc0"), "field \"id\": is nil, expected an integer" },
        { ID, BYTES("\xc2"), "field \"id\": is a boolean, expected an integer" },
        { ID, BYTES("\xc3"), "field \"id\": is a boolean, expected an integer" },
        { ID, BYTES("\xcb\x3f\xf8\0\0\0\0\0\0"), "field \"id\": is a float, expected an integer" },
        { ID, BYTES("\xcf\x80\0\0\0\0\0\0\0"),
          "field \"id\": 9223372036854775808 is above 9223372036854775807, the greatest that fits" },
        { COUNT, BYTES("\xcf\xff\xff\xff\xff\xff\xff\xff\xff"),
          "field \"count\": 18446744073709551615 is above 9223372036854775807, the greatest that fits" },
        { COUNT, BYTES("\x90"), "field \"count\": is an array, expected an integer" },
        { COUNT, BYTES("\x91\x01"), "field \"count\": is an array, expected an integer" },
        { COUNT, BYTES("\xdc\xff\xff"), "field \"count\": is an array, expected an integer" },
        { COUNT, BYTES("\xdd\xff\xff\xff\xff"), "field \"count\": is an array, expected an integer" },
        { COUNT, BYTES("\x80"), "field \"count\": is a map, expected an integer" },
        { COUNT, BYTES("\x81\xa1k\x01"), "field \"count\": is a map, expected an integer" },
        { COUNT, BYTES("\xdf\xff\xff\xff\xff"), "field \"count\": is a map, expected an integer" },
        { COUNT, BYTES("\xd4\x01\x00"), "field \"count\": is an extension type, expected an integer" },
        { COUNT, BYTES("\xc7\x00\x01"), "field \"count\": is an extension type, expected an integer" },
        { NAME, BYTES("\x05"), "field \"name\": is an integer, expected a string" },
        { NAME, BYTES("\xcf\xff\xff\xff\xff\xff\xff\xff\xff"), "field \"name\": is an integer, expected a string" },
        { NAME, BYTES("\xc4\x01x"), "field \"name\": is binary data, expected a string" },
        { NAME, BYTES("\xc1"), "field \"name\": holds the byte 0xc1, which MessagePack does not use" },
        { NAME, BYTES("\xa2\xc3\x28"), "field \"name\": is not valid UTF-8" },
        { DESCRIPTION, BYTES("\xa9" "12345678\xff"), "field \"description\": is not valid UTF-8" },
        { DESCRIPTION, BYTES("\xca\x3f\xc0\x00\x00"), "field \"description\": is a float, expected a string" },
        { TYPE, BYTES("\xa3\xed\xa0\x80"), "field \"type\": is not valid UTF-8" },
        { TYPE, BYTES("\x91\xa1U"), "field \"type\": is an array, expected a string" },
        { CREATED_AT, BYTES("\x05"), "field \"created_at\": is an integer, expected a float" },
        { CREATED_AT, BYTES("\xa1" "5"), "field \"created_at\": is a string, expected a float" },
        { CREATED_AT, BYTES("\xcb\x7f\xf0\0\0\0\0\0\0"),
          "field \"created_at\": is infinite or not a number, which JSON cannot express" },
        { CREATED_AT, BYTES("\xcb\xff\xf0\0\0\0\0\0\0"),
          "field \"created_at\": is infinite or not a number, which JSON cannot express" },
        { CREATED_AT, BYTES("\xcb\x7f\xf8\0\0\0\0\0\0"),
          "field \"created_at\": is infinite or not a number, which JSON cannot express" },
        { CREATED_AT, BYTES("\xca\x7f\x80\0\0"),
          "field \"created_at\": is infinite or not a number, which JSON cannot express" },
};

static void assert_refused(struct encoded_record encoded, const char *sentence) {
        struct record r, untouched;
        struct error e;

        memset(&r, 0x5a, sizeof r);
        untouched = r;
        assert_int_equal(msgpack_record_decode(&encoded, &r, &e), -EBADMSG);
        assert_string_equal(e.text, sentence);
        assert_memory_equal(&r, &untouched, sizeof r);
}

static void refuses_bad_values(void **state) {
        uint8_t memory[RAW_RECORD_MAX];

        (void)state;
        for (size_t i = 0; i < ELEMENTS(bad_values); i++)
                assert_refused(raw_record_with(memory, (size_t)bad_values[i].field, bad_values[i].value, bad_values[i].length),
                               bad_values[i].sentence);
}

static void refuses_each_missing_field(void **state) {
        static const char *const sentences[RAW_FIELDS] = {
                "field \"id\": is missing",   "field \"name\": is missing",  "field \"description\": is missing",
                "field \"type\": is missing", "field \"count\": is missing", "field \"created_at\": is missing",
        };
        uint8_t memory[RAW_RECORD_MAX];

        (void)state;
        for (size_t missing = 0; missing < RAW_FIELDS; missing++) {
                struct raw_field fields[RAW_FIELDS];
                size_t n = 0;

                for (size_t i = 0; i < RAW_FIELDS; i++)
                        if (i != missing)
                                fields[n++] = raw_good[i];
                assert_refused(raw_record(memory, fields, n), sentences[missing]);
        }
        assert_refused(raw_record(memory, raw_good, 0), "field \"id\": is missing");
}

static void refuses_repeated_and_unknown_fields(void **state) {
        uint8_t memory[RAW_RECORD_MAX];
        struct raw_field fields[RAW_FIELDS + 1];

        (void)state;
        memcpy(fields, raw_good, sizeof raw_good);
        fields[RAW_FIELDS] = raw_good[COUNT];
        assert_refused(raw_record(memory, fields, RAW_FIELDS + 1), "field \"count\": appears twice");
        fields[RAW_FIELDS] = (struct raw_field)RAW_FIELD("\xa5" "extra", "\x01");
        assert_refused(raw_record(memory, fields, RAW_FIELDS + 1), "unknown field \"extra\"");
        fields[RAW_FIELDS] = (struct raw_field)RAW_FIELD("\xa4\x01\xff\"\\", "\x01");
        assert_refused(raw_record(memory, fields, RAW_FIELDS + 1), "unknown field \"\\x01\\xff\\x22\\x5c\"");
        fields[RAW_FIELDS] = (struct raw_field)RAW_FIELD("\xa0", "\x01");
        assert_refused(raw_record(memory, fields, RAW_FIELDS + 1), "unknown field \"\"");
        fields[RAW_FIELDS] =
                (struct raw_field)RAW_FIELD("\xd9\x2c" "a field name that is far longer than any is!", "\x01");
        assert_refused(raw_record(memory, fields, RAW_FIELDS + 1),
                       "unknown field \"a field name that is far longer than any...\"");
        /* The right length, but other letters. */
        static const struct raw_field strangers[] = {
                RAW_FIELD("\xa2ID", "\x01"),           RAW_FIELD("\xa4nope", "\x01"),
                RAW_FIELD("\xa5" "kount", "\x01"),     RAW_FIELD("\xaa" "created_by", "\x01"),
                RAW_FIELD("\xab" "descriptiom", "\x01"),
        };
        for (size_t i = 0; i < ELEMENTS(strangers); i++) {
                char sentence[64];

                (void)snprintf(sentence, sizeof sentence, "unknown field \"%.*s\"", (int)strangers[i].key_length - 1,
                               strangers[i].key + 1);
                assert_refused(raw_record(memory, &strangers[i], 1), sentence);
        }
}

static void refuses_keys_that_are_not_strings(void **state) {
        static const struct {
                struct raw_field field;
                const char *found;
        } keys[] = {
                { RAW_FIELD("\x01", "\x01"), "an integer" },     { RAW_FIELD("\xc0", "\x01"), "nil" },
                { RAW_FIELD("\x90", "\x01"), "an array" },       { RAW_FIELD("\x80", "\x01"), "a map" },
                { RAW_FIELD("\x81\x01\x01", "\x01"), "a map" },  { RAW_FIELD("\xc4\x02id", "\x01"), "binary data" },
                { RAW_FIELD("\xca\0\0\0\0", "\x01"), "a float" }, { RAW_FIELD("\xcf\xff\0\0\0\0\0\0\0", "\x01"), "an integer" },
                { RAW_FIELD("\xc3", "\x01"), "a boolean" },      { RAW_FIELD("\xd4\0\0", "\x01"), "an extension type" },
        };
        uint8_t memory[RAW_RECORD_MAX];

        (void)state;
        for (size_t i = 0; i < ELEMENTS(keys); i++) {
                struct raw_field fields[2] = { raw_good[ID], keys[i].field };
                char sentence[128];

                (void)snprintf(sentence, sizeof sentence,
                               "a field's name is %s, expected a string (the next field would be \"name\")", keys[i].found);
                assert_refused(raw_record(memory, fields, 2), sentence);
        }
}

static void refuses_what_is_not_a_map(void **state) {
        static const struct {
                const char *bytes;
                size_t length;
                const char *found;
        } values[] = {
                { BYTES("\x05"), "an integer" },
                { BYTES("\xe0"), "an integer" },
                { BYTES("\xcd\x01\x01"), "an integer" },
                { BYTES("\xd3\0\0\0\0\0\0\0\0"), "an integer" },
                { BYTES("\xa2id"), "a string" },
                { BYTES("\xdb\0\0\0\0"), "a string" },
                { BYTES("\xd9\0"), "a string" },
                { BYTES("\x96\x01\x01\x01\x01\x01\x01"), "an array" },
                { BYTES("\xdd\xff\xff\xff\xff"), "an array" },
                { BYTES("\xc0"), "nil" },
                { BYTES("\xc2"), "a boolean" },
                { BYTES("\xc3"), "a boolean" },
                { BYTES("\xca\0\0\0\0"), "a float" },
                { BYTES("\xcb\0\0\0\0\0\0\0\0"), "a float" },
                { BYTES("\xc4\0"), "binary data" },
                { BYTES("\xc6\0\0\0\0"), "binary data" },
                { BYTES("\xc7\0\0"), "an extension type" },
                { BYTES("\xd8"), "an extension type" },
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTS(values); i++) {
                char sentence[96];

                (void)snprintf(sentence, sizeof sentence, "the record is %s, expected a map of its fields", values[i].found);
                assert_refused((struct encoded_record){ (const uint8_t *)values[i].bytes, (uint32_t)values[i].length },
                               sentence);
        }
        assert_refused((struct encoded_record){ (const uint8_t *)"\xc1", 1 },
                       "field \"id\": holds the byte 0xc1, which MessagePack does not use");
}

/* Each truncation is copied to memory that ends where it ends, so that asan sees a read beyond. */
static void refuses_each_truncation(void **state) {
        uint8_t memory[RAW_RECORD_MAX];
        struct encoded_record encoded = raw_record(memory, raw_good, RAW_FIELDS);

        (void)state;
        for (uint32_t length = 0; length < encoded.length; length++) {
                uint8_t *bytes = malloc(length ? length : 1);
                struct encoded_record cut = { bytes, length };
                char ending[80];
                struct record r;
                struct error e;

                assert_non_null(bytes);
                memcpy(bytes, memory, length);
                assert_int_equal(msgpack_record_decode(&cut, &r, &e), -EBADMSG);
                assert_memory_equal(e.text, "field \"", 7);
                (void)snprintf(ending, sizeof ending, ": the record is cut short, it ends after %u bytes", length);
                assert_non_null(strstr(e.text, ending));
                free(bytes);
        }
        assert_refused((struct encoded_record){ memory, 0 }, "field \"id\": the record is cut short, it ends after 0 bytes");
        assert_refused((struct encoded_record){ memory, 10 }, "field \"name\": the record is cut short, it ends after 10 bytes");
}

static void refuses_trailing_bytes(void **state) {
        uint8_t memory[RAW_RECORD_MAX];
        struct encoded_record encoded = raw_record(memory, raw_good, RAW_FIELDS);

        (void)state;
        memory[encoded.length] = 0xc0;
        memory[encoded.length + 1] = 0xc1;
        encoded.length += 2;
        assert_refused(encoded, "2 bytes follow the record's last field");
}

static void decodes_many_and_names_the_bad_one(void **state) {
        uint8_t good[RAW_RECORD_MAX], bad[RAW_RECORD_MAX];
        struct encoded_record encoded[20];
        struct record records[20];
        struct error e;

        (void)state;
        for (size_t i = 0; i < ELEMENTS(encoded); i++)
                encoded[i] = raw_record(good, raw_good, RAW_FIELDS);
        assert_int_equal(msgpack_records_decode(encoded, ELEMENTS(encoded), records, &e), 0);
        for (size_t i = 0; i < ELEMENTS(encoded); i++)
                assert_int_equal(records[i].count, 33);
        encoded[17] = raw_record_with(bad, COUNT, BYTES("\xc0"));
        assert_int_equal(msgpack_records_decode(encoded, ELEMENTS(encoded), records, &e), -EBADMSG);
        assert_string_equal(e.text, "record 17: field \"count\": is nil, expected an integer");
        assert_int_equal(msgpack_records_decode(encoded, 17, records, NULL), 0);
        assert_int_equal(msgpack_records_decode(encoded, 0, NULL, NULL), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(decodes_each_field),
                cmocka_unit_test(decodes_keys_in_any_order),
                cmocka_unit_test(accepts_any_integer_encoding),
                cmocka_unit_test(accepts_both_floats_and_all_string_headers),
                cmocka_unit_test(accepts_all_map_headers),
                cmocka_unit_test(refuses_bad_values),
                cmocka_unit_test(refuses_each_missing_field),
                cmocka_unit_test(refuses_repeated_and_unknown_fields),
                cmocka_unit_test(refuses_keys_that_are_not_strings),
                cmocka_unit_test(refuses_what_is_not_a_map),
                cmocka_unit_test(refuses_each_truncation),
                cmocka_unit_test(refuses_trailing_bytes),
                cmocka_unit_test(decodes_many_and_names_the_bad_one),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
