/* The rules that a decoded record obeys, in one place for both codecs: which fields there are, their types and bounds.
 * A parser feeds it a map's keys and values in the order in which they come; the builder fills the record and remembers
 * the first flaw. Everything that runs on good data is inline; describing a flaw is not. Internal to codec/. */
#ifndef RESTMARK_CODEC_RECORD_BUILDER_H
#define RESTMARK_CODEC_RECORD_BUILDER_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/error.h"
#include "codec/record.h"
#include "codec/utf8.h"

enum record_field {
        RECORD_ID,
        RECORD_NAME,
        RECORD_DESCRIPTION,
        RECORD_TYPE,
        RECORD_COUNT,
        RECORD_CREATED_AT,
        _RECORD_FIELD_MAX,
        RECORD_FIELD_NONE = _RECORD_FIELD_MAX,
        RECORD_ALL_FIELDS = (1 << _RECORD_FIELD_MAX) - 1,
};

enum record_flaw {
        RECORD_FLAW_NONE,
        RECORD_FLAW_NOT_A_MAP,
        RECORD_FLAW_KEY_TYPE,
        RECORD_FLAW_UNKNOWN,
        RECORD_FLAW_REPEATED,
        RECORD_FLAW_MISSING,
        RECORD_FLAW_TYPE,
        RECORD_FLAW_UTF8,
        RECORD_FLAW_NOT_FINITE,
        RECORD_FLAW_RANGE,
        RECORD_FLAW_CUT_SHORT,
        RECORD_FLAW_TRAILING,
        RECORD_FLAW_RESERVED_BYTE,
        _RECORD_FLAW_MAX,
};

/* What was found where something else was expected. */
enum record_value {
        RECORD_VALUE_NIL,
        RECORD_VALUE_BOOLEAN,
        RECORD_VALUE_INTEGER,
        RECORD_VALUE_FLOAT,
        RECORD_VALUE_STRING,
        RECORD_VALUE_BINARY,
        RECORD_VALUE_EXTENSION,
        RECORD_VALUE_ARRAY,
        RECORD_VALUE_MAP,
        _RECORD_VALUE_MAX,
};

struct record_builder {
        struct record *record; /* filled field by field; of no use unless record_builder_finish() returned 0 */
        unsigned seen;         /* bit per field */
        enum record_field field; /* whose value comes next; RECORD_FIELD_NONE when a key does */
        enum record_flaw flaw;
        enum record_value found; /* for the flaws about types */
        struct text key;         /* for RECORD_FLAW_UNKNOWN */
        uint64_t out_of_range;   /* for RECORD_FLAW_RANGE */
        size_t bytes;            /* for RECORD_FLAW_CUT_SHORT (length of the record), _TRAILING (what follows it) */
};

static inline void record_builder_init(struct record_builder *b, struct record *record) {
        b->record = record;
        b->seen = 0;
        b->field = RECORD_FIELD_NONE;
        b->flaw = RECORD_FLAW_NONE;
}

/* Writes the sentence of the builder's flaw and returns -EBADMSG. */
int record_builder_error(const struct record_builder *b, struct error *e);

/* All feeding functions return 0, or -1 when the record is flawed. */
static inline int record_builder_fail(struct record_builder *b, enum record_flaw flaw) {
        b->flaw = flaw;
        return -1;
}

static inline int record_builder_fail_type(struct record_builder *b, enum record_flaw flaw, enum record_value found) {
        b->found = found;
        return record_builder_fail(b, flaw);
}

/* A name's length alone tells it from all others but one, so a key costs one switch and one or two comparisons of
 * constant size, in any order of keys; in the usual order the CPU predicts each of these branches. */
static inline enum record_field record_field_find(const char *name, size_t length) {
        switch (length) {
        case 2:
                return memcmp(name, "id", 2) == 0 ? RECORD_ID : RECORD_FIELD_NONE;
        case 4:
                if (memcmp(name, "name", 4) == 0)
                        return RECORD_NAME;
                return memcmp(name, "type", 4) == 0 ? RECORD_TYPE : RECORD_FIELD_NONE;
        case 5:
                return memcmp(name, "count", 5) == 0 ? RECORD_COUNT : RECORD_FIELD_NONE;
        case 10:
                return memcmp(name, "created_at", 10) == 0 ? RECORD_CREATED_AT : RECORD_FIELD_NONE;
        case 11:
                return memcmp(name, "description", 11) == 0 ? RECORD_DESCRIPTION : RECORD_FIELD_NONE;
        default:
                return RECORD_FIELD_NONE;
        }
}

static inline int record_builder_key(struct record_builder *b, const char *name, uint32_t length) {
        enum record_field field = record_field_find(name, length);

        if (field == RECORD_FIELD_NONE) {
                b->key = (struct text){ .bytes = name, .length = length };
                return record_builder_fail(b, RECORD_FLAW_UNKNOWN);
        }
        b->field = field;
        if (b->seen & (1u << field))
                return record_builder_fail(b, RECORD_FLAW_REPEATED);
        b->seen |= 1u << field;
        return 0;
}

/* A value of a type that no field has, or a non-string in a key's place. */
static inline int record_builder_wrong(struct record_builder *b, enum record_value found) {
        return record_builder_fail_type(b, b->field == RECORD_FIELD_NONE ? RECORD_FLAW_KEY_TYPE : RECORD_FLAW_TYPE, found);
}

static inline int record_builder_text(struct record_builder *b, const char *bytes, uint32_t length) {
        struct text value = { .bytes = bytes, .length = length };

        switch (b->field) {
        case RECORD_NAME:
                b->record->name = value;
                break;
        case RECORD_DESCRIPTION:
                b->record->description = value;
                break;
        case RECORD_TYPE:
                b->record->type = value;
                break;
        default:
                return record_builder_wrong(b, RECORD_VALUE_STRING);
        }
        if (!utf8_valid(bytes, length))
                return record_builder_fail(b, RECORD_FLAW_UTF8);
        return 0;
}

static inline int record_builder_integer(struct record_builder *b, int64_t value) {
        if (b->field == RECORD_ID)
                b->record->id = value;
        else if (b->field == RECORD_COUNT)
                b->record->count = value;
        else
                return record_builder_wrong(b, RECORD_VALUE_INTEGER);
        return 0;
}

static inline int record_builder_unsigned(struct record_builder *b, uint64_t value) {
        if (value > INT64_MAX && (b->field == RECORD_ID || b->field == RECORD_COUNT)) {
                b->out_of_range = value;
                return record_builder_fail(b, RECORD_FLAW_RANGE);
        }
        return record_builder_integer(b, (int64_t)value);
}

static inline int record_builder_float(struct record_builder *b, double value) {
        if (b->field != RECORD_CREATED_AT)
                return record_builder_wrong(b, RECORD_VALUE_FLOAT);
        if (!isfinite(value))
                return record_builder_fail(b, RECORD_FLAW_NOT_FINITE);
        b->record->created_at = value;
        return 0;
}

/* The map is over: is all there? */
static inline int record_builder_finish(struct record_builder *b) {
        b->field = RECORD_FIELD_NONE;
        if (b->seen != RECORD_ALL_FIELDS)
                return record_builder_fail(b, RECORD_FLAW_MISSING);
        return 0;
}

#endif
