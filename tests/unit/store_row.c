#include "store/row.h"

#include <endian.h>
#include <errno.h>
#include <math.h>
#include <string.h>

#include "unit.h"

static const uint32_t good_types[ROW_COLUMNS_OWNED] = { ROW_TYPE_INT8, ROW_TYPE_TEXT, ROW_TYPE_TEXT, ROW_TYPE_VARCHAR,
                                                        ROW_TYPE_INT8, ROW_TYPE_FLOAT8, ROW_TYPE_TEXT };

static uint64_t id, count, created_at;

/* A good row, whose values live until the next call. */
static void make(struct row_value values[static ROW_COLUMNS_OWNED], int64_t number, double time) {
        uint64_t bits;

        memcpy(&bits, &time, sizeof bits);
        id = htobe64((uint64_t)number);
        count = htobe64((uint64_t)-5);
        created_at = htobe64(bits);
        values[0] = (struct row_value){ (const char *)&id, 8 };
        values[1] = (struct row_value){ "na\"me", 5 };
        values[2] = (struct row_value){ "", 0 };
        values[3] = (struct row_value){ "\xc3\xa4", 2 };
        values[4] = (struct row_value){ (const char *)&count, 8 };
        values[5] = (struct row_value){ (const char *)&created_at, 8 };
        values[6] = (struct row_value){ "owner", 5 };
}

static void a_row_is_read(void **state) {
        struct row_value values[ROW_COLUMNS_OWNED];
        struct owned_record row;
        struct error e;

        (void)state;
        make(values, INT64_MIN, 1569882498.9117897);
        assert_int_equal(row_read(values, ROW_COLUMNS_OWNED, &row, &e), 0);
        assert_true(row.record.id == INT64_MIN && row.record.count == -5 && row.record.created_at == 1569882498.9117897);
        assert_int_equal(row.record.name.length, 5);
        assert_memory_equal(row.record.type.bytes, "\xc3\xa4", 2);
        assert_memory_equal(row.owner.bytes, "owner", 5);
        assert_int_equal(row_read(values, ROW_COLUMNS, &row, &e), 0);
        assert_int_equal(row.owner.length, 0);
}

static void types_are_looked_at(void **state) {
        uint32_t types[ROW_COLUMNS_OWNED];
        struct error e;

        (void)state;
        assert_int_equal(row_check_types(good_types, ROW_COLUMNS_OWNED, &e), 0);
        for (size_t i = 0; i < ROW_COLUMNS_OWNED; i++) {
                memcpy(types, good_types, sizeof types);
                types[i] = 23; /* integer */
                assert_int_equal(row_check_types(types, ROW_COLUMNS_OWNED, &e), -EBADMSG);
                assert_non_null(strstr(e.text, "has the type 23 of pg_type: make it "));
        }
        types[6] = 0;
        memcpy(types, good_types, ROW_COLUMNS * sizeof *types);
        assert_int_equal(row_check_types(types, ROW_COLUMNS, &e), 0);
}

static void what_is_wrong_is_said(void **state) {
        static const struct {
                size_t column;
                struct row_value value;
                const char *sentence;
        } rows[] = {
                { 0, { NULL, -1 }, "the id is NULL" },
                { 0, { "1234567", 7 }, "the id has 7 bytes, and a bigint has 8" },
                { 1, { NULL, 0 }, "the row 7: the name is NULL" },
                { 1, { "\xff", 1 }, "the row 7: the name is not valid UTF-8" },
                { 2, { "a\xc3", 2 }, "the row 7: the description is not valid UTF-8" },
                { 3, { "\xed\xa0\x80", 3 }, "the row 7: the type is not valid UTF-8" },
                { 4, { "", 0 }, "the row 7: the count has 0 bytes, and a bigint has 8" },
                { 4, { NULL, -1 }, "the row 7: the count is NULL" },
                { 5, { "123456789", 9 }, "the row 7: the created_at has 9 bytes, and a double precision has 8" },
                { 5, { "\x7f\xf8\0\0\0\0\0\0", 8 }, "the row 7: the created_at is not a finite number" },
                { 5, { "\xff\xf0\0\0\0\0\0\0", 8 }, "the row 7: the created_at is not a finite number" },
                { 6, { NULL, 5 }, "the row 7: the owner's name is NULL" },
                { 6, { "x", -1 }, "the row 7: the owner's name has -1 bytes, and a text has 8" },
        };
        struct row_value values[ROW_COLUMNS_OWNED];
        struct owned_record row;
        struct error e;

        (void)state;
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                make(values, 7, 1);
                values[rows[i].column] = rows[i].value;
                assert_int_equal(row_read(values, ROW_COLUMNS_OWNED, &row, &e), -EBADMSG);
                if (rows[i].value.length >= 0 || !rows[i].value.bytes)
                        assert_string_equal(e.text, rows[i].sentence);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(a_row_is_read), cmocka_unit_test(types_are_looked_at), cmocka_unit_test(what_is_wrong_is_said) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
