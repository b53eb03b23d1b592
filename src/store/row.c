#include "store/row.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "codec/utf8.h"

static const struct {
        const char *name, *type;
        uint32_t number;
} columns[ROW_COLUMNS_OWNED] = {
        { "id", "bigint", ROW_TYPE_INT8 },
        { "name", "text", ROW_TYPE_TEXT },
        { "description", "text", ROW_TYPE_TEXT },
        { "type", "text", ROW_TYPE_TEXT },
        { "count", "bigint", ROW_TYPE_INT8 },
        { "created_at", "double precision", ROW_TYPE_FLOAT8 },
        { "owner's name", "text", ROW_TYPE_TEXT },
};

/* A varchar's bytes are those of a text. */
int row_check_types(const uint32_t *types, size_t n, struct error *e) {
        for (size_t i = 0; i < n; i++)
                if (types[i] != columns[i].number && !(columns[i].number == ROW_TYPE_TEXT && types[i] == ROW_TYPE_VARCHAR))
                        return error_set(e, -EBADMSG, "the column of the %s has the type %" PRIu32 " of pg_type: make it %s", columns[i].name, types[i],
                                         columns[i].type);
        return 0;
}

static int64_t read_number(const char *bytes) {
        uint64_t big;

        memcpy(&big, bytes, sizeof big);
        return (int64_t)be64toh(big);
}

static int check(const struct row_value *value, size_t column, struct error *e) {
        bool is_text = columns[column].number == ROW_TYPE_TEXT;

        if (!value->bytes)
                return error_set(e, -EBADMSG, "the %s is NULL", columns[column].name);
        if (value->length < 0 || (!is_text && value->length != 8))
                return error_set(e, -EBADMSG, "the %s has %d bytes, and a %s has 8", columns[column].name, value->length, columns[column].type);
        if (is_text && !utf8_valid(value->bytes, (size_t)value->length))
                return error_set(e, -EBADMSG, "the %s is not valid UTF-8", columns[column].name);
        return 0;
}

static struct text text_of(const struct row_value *value) {
        return (struct text){ .bytes = value->bytes, .length = (uint32_t)value->length };
}

int row_read(const struct row_value *values, size_t n, struct owned_record *ret, struct error *e) {
        struct record *r = &ret->record;
        int64_t bits;

        for (size_t i = 0; i < n; i++) {
                int code = check(&values[i], i, e);

                if (code < 0)
                        return i > 0 && values[0].bytes && values[0].length == 8
                                       ? error_prefix(e, code, "the row %" PRId64, read_number(values[0].bytes))
                                       : code;
        }
        r->id = read_number(values[0].bytes);
        r->name = text_of(&values[1]);
        r->description = text_of(&values[2]);
        r->type = text_of(&values[3]);
        r->count = read_number(values[4].bytes);
        bits = read_number(values[5].bytes);
        memcpy(&r->created_at, &bits, sizeof bits);
        if (!isfinite(r->created_at))
                return error_set(e, -EBADMSG, "the row %" PRId64 ": the created_at is not a finite number", r->id);
        ret->owner = n == ROW_COLUMNS_OWNED ? text_of(&values[6]) : (struct text){ .bytes = "", .length = 0 };
        return 0;
}
