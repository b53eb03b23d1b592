#include "codec/record_builder.h"

#include <errno.h>
#include <inttypes.h>

#include "base/quote.h"

/* Kept away from what runs on good data. */
#define COLD __attribute__((cold, noinline))

static const struct {
        const char *name, *type;
} fields[] = {
        [RECORD_ID] = { "id", "an integer" },
        [RECORD_NAME] = { "name", "a string" },
        [RECORD_DESCRIPTION] = { "description", "a string" },
        [RECORD_TYPE] = { "type", "a string" },
        [RECORD_COUNT] = { "count", "an integer" },
        [RECORD_CREATED_AT] = { "created_at", "a float" },
};
_Static_assert(sizeof fields / sizeof fields[0] == _RECORD_FIELD_MAX, "a name and a type for each field");

static const char *const kind_names[] = {
        [RECORD_KIND_NIL] = "nil",
        [RECORD_KIND_BOOLEAN] = "a boolean",
        [RECORD_KIND_INTEGER] = "an integer",
        [RECORD_KIND_HUGE] = "an integer",
        [RECORD_KIND_FLOAT] = "a float",
        [RECORD_KIND_STRING] = "a string",
        [RECORD_KIND_BINARY] = "binary data",
        [RECORD_KIND_EXTENSION] = "an extension type",
        [RECORD_KIND_ARRAY] = "an array",
        [RECORD_KIND_MAP] = "a map",
};
_Static_assert(sizeof kind_names / sizeof kind_names[0] == _RECORD_KIND_MAX, "a name for each kind");

COLD int record_builder_fail(struct record_builder b, enum record_flaw flaw, enum record_field field) {
        b.report->flaw = flaw;
        b.report->field = field;
        b.report->seen = b.seen;
        return RECORD_REFUSED;
}

COLD int record_builder_fail_key(struct record_builder b, uint64_t tag, const char *bytes) {
        b.report->value = (struct record_value){ .bytes = bytes, .tag = tag };
        return record_builder_fail(b, record_tag_kind(tag) == RECORD_KIND_STRING ? RECORD_FLAW_UNKNOWN : RECORD_FLAW_KEY_TYPE,
                                   RECORD_FIELD_NONE);
}

/* The type is wrong, or, if it is not, the one other thing that can be. */
static enum record_flaw value_flaw(enum record_field field, enum record_kind kind) {
        bool integer = field == RECORD_ID || field == RECORD_COUNT, real = field == RECORD_CREATED_AT;

        if (kind == RECORD_KIND_HUGE && integer)
                return RECORD_FLAW_RANGE;
        if (kind == RECORD_KIND_FLOAT && real)
                return RECORD_FLAW_NOT_FINITE;
        return RECORD_FLAW_TYPE;
}

COLD int record_builder_fail_value(struct record_builder b, enum record_field field, uint64_t tag, uint64_t payload) {
        if (b.seen & (1u << field))
                return record_builder_fail(b, RECORD_FLAW_REPEATED, field);
        b.report->value = (struct record_value){ .huge = payload, .tag = tag };
        return record_builder_fail(b, value_flaw(field, record_tag_kind(tag)), field);
}

COLD enum record_field record_builder_key(struct record_builder b, struct record_value key) {
        if (record_tag_kind(key.tag) == RECORD_KIND_STRING)
                for (unsigned field = 0; field < _RECORD_FIELD_MAX; field++)
                        if (strlen(fields[field].name) == key.tag && memcmp(fields[field].name, key.bytes, key.tag) == 0) {
                                if (!(b.seen & (1u << field)))
                                        return field;
                                (void)record_builder_fail(b, RECORD_FLAW_REPEATED, field);
                                return RECORD_FIELD_NONE;
                        }
        (void)record_builder_fail_key(b, key.tag, key.bytes);
        return RECORD_FIELD_NONE;
}

const char *record_report_field(const struct record_report *r) {
        if (r->field != RECORD_FIELD_NONE)
                return fields[r->field].name;
        for (unsigned field = 0; field < _RECORD_FIELD_MAX; field++)
                if (!(r->seen & (1u << field)))
                        return fields[field].name;
        return fields[RECORD_CREATED_AT].name; /* all were seen: a key that is one too many is cut short */
}

int record_report_error(const struct record_report *r, struct error *e) {
        const char *field = record_report_field(r);
        char quoted[QUOTE_MAX];

        switch (r->flaw) {
        case RECORD_FLAW_NOT_A_MAP:
                return error_set(e, -EBADMSG, "the record is %s, expected a map of its fields", kind_names[record_tag_kind(r->value.tag)]);
        case RECORD_FLAW_KEY_TYPE:
                return error_set(e, -EBADMSG, "a field's name is %s, expected a string (the next field would be \"%s\")",
                                 kind_names[record_tag_kind(r->value.tag)], field);
        case RECORD_FLAW_UNKNOWN:
                return error_set(e, -EBADMSG, "unknown field \"%s\"", quote_bytes(quoted, r->value.bytes, (uint32_t)r->value.tag));
        case RECORD_FLAW_REPEATED:
                return error_set(e, -EBADMSG, "field \"%s\": appears twice", field);
        case RECORD_FLAW_MISSING:
                return error_set(e, -EBADMSG, "field \"%s\": is missing", field);
        case RECORD_FLAW_TYPE:
                return error_set(e, -EBADMSG, "field \"%s\": is %s, expected %s", field, kind_names[record_tag_kind(r->value.tag)],
                                 fields[r->field].type);
        case RECORD_FLAW_UTF8:
                return error_set(e, -EBADMSG, "field \"%s\": is not valid UTF-8", field);
        case RECORD_FLAW_NOT_FINITE:
                return error_set(e, -EBADMSG, "field \"%s\": is infinite or not a number, which JSON cannot express", field);
        case RECORD_FLAW_RANGE:
                return error_set(e, -EBADMSG, "field \"%s\": %" PRIu64 " is above %" PRId64 ", the greatest that fits", field,
                                 r->value.huge, INT64_MAX);
        case RECORD_FLAW_CUT_SHORT:
                return error_set(e, -EBADMSG, "field \"%s\": the record is cut short, it ends after %zu bytes", field, r->bytes);
        case RECORD_FLAW_TRAILING:
                return error_set(e, -EBADMSG, "%zu bytes follow the record's last field", r->bytes);
        case RECORD_FLAW_RESERVED_BYTE:
                return error_set(e, -EBADMSG, "field \"%s\": holds the byte 0xc1, which MessagePack does not use", field);
        case _RECORD_FLAW_MAX:
                break;
        }
        return error_set(e, -EBADMSG, "the record is not valid");
}
