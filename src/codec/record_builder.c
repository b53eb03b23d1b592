#include "codec/record_builder.h"

#include <errno.h>
#include <inttypes.h>

#include "base/quote.h"

static const char *const field_names[] = {
        [RECORD_ID] = "id",
        [RECORD_NAME] = "name",
        [RECORD_DESCRIPTION] = "description",
        [RECORD_TYPE] = "type",
        [RECORD_COUNT] = "count",
        [RECORD_CREATED_AT] = "created_at",
};
_Static_assert(sizeof field_names / sizeof field_names[0] == _RECORD_FIELD_MAX, "a name for each field");

static const char *const field_types[] = {
        [RECORD_ID] = "an integer",      [RECORD_NAME] = "a string",   [RECORD_DESCRIPTION] = "a string",
        [RECORD_TYPE] = "a string",      [RECORD_COUNT] = "an integer", [RECORD_CREATED_AT] = "a float",
};
_Static_assert(sizeof field_types / sizeof field_types[0] == _RECORD_FIELD_MAX, "a type for each field");

static const char *const value_names[] = {
        [RECORD_VALUE_NIL] = "nil",
        [RECORD_VALUE_BOOLEAN] = "a boolean",
        [RECORD_VALUE_INTEGER] = "an integer",
        [RECORD_VALUE_FLOAT] = "a float",
        [RECORD_VALUE_STRING] = "a string",
        [RECORD_VALUE_BINARY] = "binary data",
        [RECORD_VALUE_EXTENSION] = "an extension type",
        [RECORD_VALUE_ARRAY] = "an array",
        [RECORD_VALUE_MAP] = "a map",
};
_Static_assert(sizeof value_names / sizeof value_names[0] == _RECORD_VALUE_MAX, "a name for each type");

/* The field that a sentence is about: the one being read, else the first one not seen yet. */
static const char *field_in_question(const struct record_builder *b) {
        if (b->field != RECORD_FIELD_NONE)
                return field_names[b->field];
        for (unsigned field = 0; field < _RECORD_FIELD_MAX; field++)
                if (!(b->seen & (1u << field)))
                        return field_names[field];
        return "created_at"; /* all were seen: what is cut short is a key that would be one too many */
}

int record_builder_error(const struct record_builder *b, struct error *e) {
        const char *field = field_in_question(b);
        char quoted[QUOTE_MAX];

        switch (b->flaw) {
        case RECORD_FLAW_NOT_A_MAP:
                return error_set(e, -EBADMSG, "the record is %s, expected a map of its fields", value_names[b->found]);
        case RECORD_FLAW_KEY_TYPE:
                return error_set(e, -EBADMSG, "a field's name is %s, expected a string (the next field would be \"%s\")",
                                 value_names[b->found], field);
        case RECORD_FLAW_UNKNOWN:
                return error_set(e, -EBADMSG, "unknown field \"%s\"", quote_bytes(quoted, b->key.bytes, b->key.length));
        case RECORD_FLAW_REPEATED:
                return error_set(e, -EBADMSG, "field \"%s\": appears twice", field);
        case RECORD_FLAW_MISSING:
                return error_set(e, -EBADMSG, "field \"%s\": is missing", field);
        case RECORD_FLAW_TYPE:
                return error_set(e, -EBADMSG, "field \"%s\": is %s, expected %s", field, value_names[b->found],
                                 field_types[b->field]);
        case RECORD_FLAW_UTF8:
                return error_set(e, -EBADMSG, "field \"%s\": is not valid UTF-8", field);
        case RECORD_FLAW_NOT_FINITE:
                return error_set(e, -EBADMSG, "field \"%s\": is infinite or not a number, which JSON cannot express", field);
        case RECORD_FLAW_RANGE:
                return error_set(e, -EBADMSG, "field \"%s\": %" PRIu64 " is above %" PRId64 ", the greatest that fits", field,
                                 b->out_of_range, INT64_MAX);
        case RECORD_FLAW_CUT_SHORT:
                return error_set(e, -EBADMSG, "field \"%s\": the record is cut short, it ends after %zu bytes", field, b->bytes);
        case RECORD_FLAW_TRAILING:
                return error_set(e, -EBADMSG, "%zu bytes follow the record's last field", b->bytes);
        case RECORD_FLAW_RESERVED_BYTE:
                return error_set(e, -EBADMSG, "field \"%s\": holds the byte 0xc1, which MessagePack does not use", field);
        case RECORD_FLAW_NONE:
        case _RECORD_FLAW_MAX:
                break;
        }
        return error_set(e, -EBADMSG, "the record is not valid");
}
