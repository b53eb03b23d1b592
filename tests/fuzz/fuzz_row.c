/* Any bytes as the values of a row, in their binary form, and as what a row becomes: the answer. What must hold: no crash, and what is accepted is what the
 * bytes say, and JSON of the length that was promised. */
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "codec/json_record.h"
#include "codec/utf8.h"
#include "fuzz.h"
#include "store/row.h"
#include "work/stored.h"

/* Each value: a byte for its length, 255 for NULL; then so many bytes, in memory of their own, of which the sanitizer knows the end. */
static const uint8_t *take(const uint8_t *at, const uint8_t *end, struct row_value *ret) {
        size_t length = at < end ? *at++ : 255;
        char *copy;

        *ret = (struct row_value){ .bytes = NULL, .length = -1 };
        if (length == 255 || length > (size_t)(end - at))
                return at;
        copy = malloc(length + 1);
        MUST(copy);
        copy = realloc(memcpy(copy, at, length), length ? length : 1);
        MUST(copy);
        *ret = (struct row_value){ .bytes = copy, .length = (int)length };
        return at + length;
}

static void check(const struct row_value *values, const struct owned_record *row, size_t n) {
        uint64_t id;

        memcpy(&id, values[0].bytes, 8);
        MUST(row->record.id == (int64_t)be64toh(id));
        for (size_t i = 0; i < n; i++)
                MUST(values[i].bytes);
        MUST(row->record.name.bytes == values[1].bytes && utf8_valid(row->record.name.bytes, row->record.name.length));
}

static void answer(const struct owned_record *row, enum workload which) {
        struct work_asked asked = { .ids = { row->record.id, row->record.id }, .n_ids = 2 };
        struct work_params params = { .which = which, .asked = &asked };
        const struct owned_record rows[2] = { *row, *row };
        struct work_response made;
        struct error e;

        MUST(work_rows(&params, rows, 2, &made, &e) == 0 && made.body_kind == WORK_BODY_OWNED);
        if (which == WORKLOAD_DB_RECORD)
                MUST(made.body_length == json_record_length(&row->record));
        if (which == WORKLOAD_DB_RECORDS)
                MUST(made.body_length == 2 * json_record_length(&row->record) + 3);
        MUST(utf8_valid(made.body, made.body_length));
        free((void *)made.body);
        asked.ids[1] ^= 1;
        if (which == WORKLOAD_DB_RECORDS)
                MUST(work_rows(&params, rows, 2, &made, &e) < 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
        const uint8_t *end = bytes + length;
        struct row_value values[ROW_COLUMNS_OWNED];
        struct owned_record row;
        uint32_t types[ROW_COLUMNS_OWNED] = { 0 };
        struct error e;

        memcpy(types, bytes, length < sizeof types ? length : sizeof types);
        (void)row_check_types(types, ROW_COLUMNS_OWNED, &e);
        for (int i = 0; i < ROW_COLUMNS_OWNED; i++)
                bytes = take(bytes, end, &values[i]);
        for (size_t n = ROW_COLUMNS; n <= ROW_COLUMNS_OWNED; n++)
                if (row_read(values, n, &row, &e) == 0) {
                        check(values, &row, n);
                        answer(&row, WORKLOAD_DB_RECORD);
                        answer(&row, WORKLOAD_DB_RECORDS);
                        answer(&row, WORKLOAD_DB_SEARCH);
                }
        for (int i = 0; i < ROW_COLUMNS_OWNED; i++)
                free((void *)(uintptr_t)values[i].bytes);
        return 0;
}
