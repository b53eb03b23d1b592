#include "codec/json_decode.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "codec/double_text.h"
#include "codec/json_record.h"
#include "unit.h"

/* On memory of exactly that size, so that a sanitizer sees every byte too far; with the strings in place, and in a place of their own. */
static int decode(const char *json, size_t length, struct record *ret, struct error *e, char **ret_memory) {
        char *text = malloc(length ? length : 1), *strings = malloc(length ? length : 1), *copy = malloc(length ? length : 1);
        struct record other;
        struct error e_other;
        int r, r_other;

        assert_true(text && strings && copy);
        memcpy(text, json, length);
        memcpy(copy, json, length);
        memset(strings, '#', length);
        r_other = json_record_decode(copy, length, strings, &other, &e_other);
        assert_memory_equal(copy, json, length); /* is left alone */
        r = json_record_decode(text, length, text, ret, e);
        assert_int_equal(r, r_other);
        if (r < 0)
                assert_string_equal(e->text, e_other.text);
        else {
                assert_int_equal(ret->name.length, other.name.length);
                assert_memory_equal(ret->name.bytes, other.name.bytes, other.name.length);
                assert_int_equal(ret->description.length, other.description.length);
                assert_memory_equal(ret->description.bytes, other.description.bytes, other.description.length);
        }
        free(strings);
        free(copy);
        *ret_memory = text;
        return r;
}

#define RECORD(id, name, count, created_at) \
        "{\"id\":" id ",\"name\":" name ",\"description\":\"d\",\"type\":\"U\",\"count\":" count ",\"created_at\":" created_at "}"

static void assert_encodes_as(const char *json, size_t length, const char *expected) {
        char memory[1000], *text;
        struct buf b = buf_over(memory, sizeof memory);
        struct record record;
        struct error e;

        if (decode(json, length, &record, &e, &text) < 0)
                fail_msg("%.*s: %s", (int)length, json, e.text);
        assert_int_equal(json_record_encode(&b, &record), 0);
        assert_int_equal(b.length, json_record_length(&record));
        assert_int_equal(b.length, strlen(expected));
        assert_memory_equal(b.data, expected, b.length);
        free(text);
}

static void good_records_come_out_as_they_are_written(void **state) {
        static const char *const cases[][2] = {
                { RECORD("1", "\"a\"", "2", "3.5"), RECORD("1", "\"a\"", "2", "3.5") },
                { " \t\r\n{ \"count\" : 2 ,\"type\":\"U\"\n,\"id\":1,\"created_at\":3.50,\"name\":\"a\",\"description\":\"d\" } \n", RECORD("1", "\"a\"", "2", "3.5") },
                { RECORD("9223372036854775807", "\"\"", "-9223372036854775808", "0"), RECORD("9223372036854775807", "\"\"", "-9223372036854775808", "0.0") },
                { RECORD("-0", "\"\"", "0", "-0"), RECORD("0", "\"\"", "0", "-0.0") },
                { RECORD("0", "\"\"", "0", "1E3"), RECORD("0", "\"\"", "0", "1000.0") },
                { RECORD("0", "\"\"", "0", "123456789012345678901234567890"), RECORD("0", "\"\"", "0", "1.2345678901234568e+29") },
                { RECORD("0", "\"\"", "0", "1e-400"), RECORD("0", "\"\"", "0", "0.0") },
                { RECORD("0", "\"\"", "0", "4.9e-324"), RECORD("0", "\"\"", "0", "5e-324") },
                { RECORD("0", "\"\"", "0", "0.1e+1"), RECORD("0", "\"\"", "0", "1.0") },
                { RECORD("0", "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "0", "0"), RECORD("0", "\"\\\"\\\\/\\b\\f\\n\\r\\t\"", "0", "0.0") },
                { RECORD("0", "\"\\u0041\\u00e9\\u20AC\\ud83d\\ude00\\u0000\\u001f\"", "0", "0"), RECORD("0", "\"A\u00e9\u20ac\U0001f600\\u0000\\u001f\"", "0", "0.0") },
                { RECORD("0", "\"long enough for eight bytes \\u0041 and again so long\"", "0", "0"), RECORD("0", "\"long enough for eight bytes A and again so long\"", "0", "0.0") },
                { "{\"\\u0069d\":7,\"na\\u006De\":\"\x7f\",\"description\":\"d\",\"type\":\"U\",\"count\":0,\"created_at\":0}", RECORD("7", "\"\x7f\"", "0", "0.0") },
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTS(cases); i++)
                assert_encodes_as(cases[i][0], strlen(cases[i][0]), cases[i][1]);
}

static void what_is_no_json_is_refused(void **state) {
        static const struct {
                const char *json, *says;
        } cases[] = {
                { "", "a value is expected at byte 0 of 0" },
                { " ", "a value is expected at byte 1 of 1" },
                { "{", "the name of a field is expected at byte 1 of 1" },
                { "{,}", "the name of a field" },
                { "{id:1}", "the name of a field" },
                { "{'id':1}", "the name of a field" },
                { "{\"id\"}", "a colon" },
                { "{\"id\":}", "a value" },
                { "{\"id\":1", "a comma or the end of the object" },
                { "{\"id\":1,}", "the name of a field" },
                { "{\"id\":1;", "a comma or the end of the object" },
                { "{\"id\":01", "the end of a number that begins with 0" },
                { "{\"id\":-01", "the end of a number that begins with 0" },
                { "{\"id\":-", "a digit" },
                { "{\"id\":+1", "a value" },
                { "{\"id\":.5", "a value" },
                { "{\"id\":1.", "a digit" },
                { "{\"id\":1.e1", "a digit" },
                { "{\"id\":1e", "a digit" },
                { "{\"id\":1e+", "a digit" },
                { "{\"id\":0x10", "a comma or the end of the object" },
                { "{\"id\":NaN", "a value" },
                { "{\"id\":Infinity", "a value" },
                { "{\"id\":tru", "a value" },
                { "{\"id\":nul", "a value" },
                { "{\"name\":\"", "the end of a string" },
                { "{\"name\":\"a\nb\"", "the end of a string" },
                { "{\"name\":\"\\", "an escape" },
                { "{\"name\":\"\\x\"", "an escape" },
                { "{\"name\":\"\\u12g4\"", "four hexadecimal digits" },
                { "{\"name\":\"\\u123", "four hexadecimal digits" },
                { "{\"name\":\"\\ud800\"", "a pair of surrogates" },
                { "{\"name\":\"\\ud800\\n\"", "a pair of surrogates" },
                { "{\"name\":\"\\ud800\\ud800\"", "a pair of surrogates" },
                { "{\"name\":\"\\udc00\"", "a pair of surrogates" },
                { RECORD("1", "\"a\"", "2", "3") "x", "the end is expected" },
                { RECORD("1", "\"a\"", "2", "3") RECORD("1", "\"a\"", "2", "3"), "the end is expected" },
                { "/* */ {}", "a value" },
                { "\xef\xbb\xbf{}", "a value" },
                { "{\"name\":\"\xff\"}", "it is not UTF-8" },
                { "{\"name\":\"\xed\xa0\x80\"}", "it is not UTF-8" },
        };
        struct record record;
        struct error e;
        char *text;

        (void)state;
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                if (decode(cases[i].json, strlen(cases[i].json), &record, &e, &text) != JSON_NO_JSON || !strstr(e.text, cases[i].says))
                        fail_msg("%s: %s", cases[i].json, e.text);
                free(text);
        }
        assert_int_equal(decode(BYTES("{\"id\0\":1}"), &record, &e, &text), JSON_NO_JSON);
        free(text);
}

static void what_is_no_record_is_refused_by_its_field(void **state) {
        static const struct {
                const char *json, *says;
        } cases[] = {
                { "{}", "field \"id\": is missing" },
                { "{\"id\":1}", "field \"name\": is missing" },
                { "[]", "it is an array, expected an object" },
                { "null", "it is null, expected an object" },
                { "\"x\"", "it is a string, expected an object" },
                { "{\"ID\":1}", "unknown field \"ID\"" },
                { "{\"created_ax\":1}", "unknown field \"created_ax\"" },
                { "{\"\":1}", "unknown field \"\"" },
                { "{\"id\\u0000\":1}", "unknown field \"id\\x00\"" },
                { "{\"id\":1,\"id\":1}", "field \"id\": appears twice" },
                { "{\"id\":1.0}", "field \"id\": is a number with a fraction or an exponent, expected an integer" },
                { "{\"id\":1e2}", "expected an integer" },
                { "{\"id\":\"1\"}", "field \"id\": is a string, expected an integer" },
                { "{\"id\":null}", "field \"id\": is null, expected an integer" },
                { "{\"id\":true}", "field \"id\": is a boolean" },
                { "{\"id\":[1]}", "field \"id\": is an array" },
                { "{\"id\":{\"id\":1}}", "field \"id\": is an object" },
                { "{\"id\":9223372036854775808}", "field \"id\": does not fit" },
                { "{\"id\":-9223372036854775809}", "field \"id\": does not fit" },
                { "{\"id\":99999999999999999999999999}", "field \"id\": does not fit" },
                { "{\"count\":18446744073709551617}", "field \"count\": does not fit" },
                { "{\"name\":1}", "field \"name\": is an integer, expected a string" },
                { "{\"type\":9223372036854775808}", "field \"type\": is an integer, expected a string" },
                { "{\"created_at\":\"1\"}", "field \"created_at\": is a string, expected a number" },
                { "{\"created_at\":null}", "field \"created_at\": is null, expected a number" },
                { "{\"created_at\":1e400}", "field \"created_at\": is beyond what a double holds" },
                { "{\"created_at\":-1e400}", "field \"created_at\": is beyond" },
        };
        struct record record;
        struct error e;
        char *text;

        (void)state;
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                if (decode(cases[i].json, strlen(cases[i].json), &record, &e, &text) != JSON_NO_RECORD || !strstr(e.text, cases[i].says))
                        fail_msg("%s: %s", cases[i].json, e.text);
                free(text);
        }
}

static void arrays_have_as_many_as_is_asked_for(void **state) {
#define ONE RECORD("1", "\"a\"", "2", "3")
        static const struct {
                const char *json;
                size_t n;
                int result;
                const char *says;
        } cases[] = {
                { "[]", 0, 0, "" },
                { " [ ] ", 0, 0, "" },
                { "[" ONE "]", 1, 0, "" },
                { "[ " ONE " , " ONE " ]", 2, 0, "" },
                { "[]", 1, JSON_NO_RECORD, "it has no records, expected 1" },
                { "[" ONE "]", 0, JSON_NO_RECORD, "it has more records than 0" },
                { "[" ONE "]", 2, JSON_NO_RECORD, "it has 1 record, expected 2" },
                { "[" ONE "," ONE "," ONE "]", 2, JSON_NO_RECORD, "it has more records than 2" },
                { ONE, 1, JSON_NO_RECORD, "it is an object, expected an array of 1 records" },
                { "7", 1, JSON_NO_RECORD, "a single value" },
                { "[" ONE ",]", 2, JSON_NO_JSON, "record 1: it is no JSON" },
                { "[" ONE, 1, JSON_NO_JSON, "a comma or the end of the array" },
                { "[" ONE "]]", 1, JSON_NO_JSON, "the end is expected" },
                { "[" ONE ",{}]", 2, JSON_NO_RECORD, "record 1: field \"id\": is missing" },
                { "[" ONE ",7]", 2, JSON_NO_RECORD, "record 1: it is an integer" },
                { "", 1, JSON_NO_JSON, "a value is expected" },
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                struct record records[3];
                char text[1000];
                struct error e = { "" };
                const size_t length = strlen(cases[i].json);

                memcpy(text, cases[i].json, length);
                if (json_records_decode(text, length, text, cases[i].n, records, &e) != cases[i].result || !strstr(e.text, cases[i].says))
                        fail_msg("%s: %s", cases[i].json, e.text);
        }
}

static void numbers_of_many_digits_are_read(void **state) {
        char text[2000];

        (void)state;
        memset(text, '0', sizeof text);
        text[1] = '.';
        text[900] = '1';
        assert_true(double_from_text(text, 901) == 0); /* 1e-899 */
        memset(text, '9', sizeof text);
        assert_true(isinf(double_from_text(text, 1000)));
        assert_true(isinf(double_from_text(text, sizeof text)));
        assert_true(double_from_text("1", 1) == 1);
        assert_true(double_from_text("17", 1) == 1); /* the length counts */
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(good_records_come_out_as_they_are_written),
                cmocka_unit_test(what_is_no_json_is_refused),
                cmocka_unit_test(what_is_no_record_is_refused_by_its_field),
                cmocka_unit_test(arrays_have_as_many_as_is_asked_for),
                cmocka_unit_test(numbers_of_many_digits_are_read),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
