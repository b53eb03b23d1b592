#include "work/schema.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/quote.h"

/* Unicode code points: bytes that do not continue one. */
static size_t characters(struct text text) {
        size_t n = 0;

        for (uint32_t i = 0; i < text.length; i++)
                n += ((unsigned char)text.bytes[i] & 0xc0) != 0x80;
        return n;
}

static bool is_type(struct text text) {
        return text.length == 1 && (*text.bytes == 'U' || *text.bytes == 'G' || *text.bytes == 'S');
}

int schema_check(const struct record *record, struct error *e) {
        char quoted[QUOTE_MAX];
        size_t n = characters(record->name);

        if (n < 1 || n > SCHEMA_NAME_MAX)
                return error_set(e, -EDOM, "field \"name\": has %zu characters; it may have 1 to %d", n, SCHEMA_NAME_MAX);
        n = characters(record->description);
        if (n > SCHEMA_DESCRIPTION_MAX)
                return error_set(e, -EDOM, "field \"description\": has %zu characters; it may have up to %d", n, SCHEMA_DESCRIPTION_MAX);
        if (!is_type(record->type))
                return error_set(e, -EDOM, "field \"type\": is \"%s\"; it may be \"U\", \"G\" or \"S\"",
                                 quote_bytes(quoted, record->type.bytes, record->type.length));
        if (record->count < 0 || record->count > SCHEMA_COUNT_MAX)
                return error_set(e, -EDOM, "field \"count\": is %" PRId64 "; it may be from 0 to %d", record->count, SCHEMA_COUNT_MAX);
        if (!(record->created_at >= 0 && record->created_at <= SCHEMA_CREATED_AT_MAX))
                return error_set(e, -EDOM, "field \"created_at\": is %.17g; it may be from 0 to %.0f", record->created_at, SCHEMA_CREATED_AT_MAX);
        return 0;
}
