/* The rules that a decoded record obeys, in one place for both codecs: which fields there are, their types and bounds.
 * A parser feeds it a map's items in the order in which they come; the builder fills the record, and remembers what was wrong
 * first. What runs on good data is inline; describing a flaw is not. Internal to codec/. */
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

/* Inlined whatever the compiler thinks of their size: only then does all state live in registers. */
#define RECORD_INLINE static inline __attribute__((always_inline))

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

enum record_kind {
        RECORD_KIND_STRING, /* first: its tag is then its length */
        RECORD_KIND_NIL,
        RECORD_KIND_BOOLEAN,
        RECORD_KIND_INTEGER,
        RECORD_KIND_HUGE, /* an integer above INT64_MAX */
        RECORD_KIND_FLOAT,
        RECORD_KIND_BINARY,
        RECORD_KIND_EXTENSION,
        RECORD_KIND_ARRAY,
        RECORD_KIND_MAP,
        _RECORD_KIND_MAX,
};

/* A key or a value, as a parser hands it over: by value, two registers. Kinds without a member are told by their tag. */
struct record_value {
        union {
                int64_t integer;
                uint64_t huge;
                double real;
                const char *bytes; /* of a string */
        };
        uint64_t tag; /* kind, and of a string the length: one comparison tells both */
};

#define RECORD_TAG(kind, length) ((uint64_t)(kind) << 32 | (uint32_t)(length))

static inline enum record_kind record_tag_kind(uint64_t tag) {
        return (enum record_kind)(tag >> 32);
}

enum record_flaw {
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

/* What was wrong first, with all that a sentence about it needs. Of use only after a failure. */
struct record_report {
        enum record_flaw flaw;
        enum record_field field; /* RECORD_FIELD_NONE: between fields */
        unsigned seen;           /* bit per field */
        struct record_value value; /* the key of RECORD_FLAW_KEY_TYPE and _UNKNOWN, the value of the others */
        size_t bytes;            /* for RECORD_FLAW_CUT_SHORT (length of the record), _TRAILING (what follows it) */
};

struct record_builder {
        struct record *record; /* filled field by field; of no use unless record_builder_finish() returned 0 */
        unsigned seen;         /* bit per field */
        struct record_report *report;
};

/* What a feeding function returns for a flawed record, 0 being good. Not a code that msgpack-c's parser has for itself. */
enum { RECORD_REFUSED = -100 };

RECORD_INLINE struct record_builder record_builder_begin(struct record *record, struct record_report *report) {
        return (struct record_builder){ .record = record, .report = report };
}

/* Fill the report; return RECORD_REFUSED. They take all by value and piece by piece: with an address taken, or a struct to be
 * put together, what is kept in registers would be stored for them where nothing is wrong. `payload`: the 8 bytes of a value. */
int record_builder_fail(struct record_builder b, enum record_flaw flaw, enum record_field field);
int record_builder_fail_key(struct record_builder b, uint64_t tag, const char *bytes);
int record_builder_fail_value(struct record_builder b, enum record_field field, uint64_t tag, uint64_t payload);

/* For what goes wrong within an item's value: the field that `key` names, or RECORD_FIELD_NONE when the key itself is refused,
 * which is then reported. */
enum record_field record_builder_key(struct record_builder b, struct record_value key);

/* The name of the field that a sentence is about: the one being read, else the first one not seen yet. */
const char *record_report_field(const struct record_report *report);

/* Writes the sentence of the report, in MessagePack's words, and returns -EBADMSG. */
int record_report_error(const struct record_report *report, struct error *e);

RECORD_INLINE int record_builder_see(struct record_builder *b, enum record_field field) {
        if (__builtin_expect(b->seen & (1u << field), 0))
                return record_builder_fail(*b, RECORD_FLAW_REPEATED, field);
        b->seen |= 1u << field;
        return 0;
}

RECORD_INLINE int record_builder_integer(struct record_builder *b, enum record_field field, int64_t *slot,
                                         struct record_value value) {
        if (__builtin_expect(value.tag != RECORD_TAG(RECORD_KIND_INTEGER, 0), 0))
                return record_builder_fail_value(*b, field, value.tag, value.huge);
        *slot = value.integer;
        return record_builder_see(b, field);
}

RECORD_INLINE int record_builder_text(struct record_builder *b, enum record_field field, struct text *slot,
                                      struct record_value value) {
        if (__builtin_expect(record_tag_kind(value.tag) != RECORD_KIND_STRING, 0))
                return record_builder_fail_value(*b, field, value.tag, value.huge);
        *slot = (struct text){ .bytes = value.bytes, .length = (uint32_t)value.tag };
        return record_builder_see(b, field);
}

RECORD_INLINE int record_builder_real(struct record_builder *b, enum record_field field, double *slot,
                                      struct record_value value) {
        if (__builtin_expect(value.tag != RECORD_TAG(RECORD_KIND_FLOAT, 0) || !isfinite(value.real), 0))
                return record_builder_fail_value(*b, field, value.tag, value.huge);
        *slot = value.real;
        return record_builder_see(b, field);
}

/* The next item of the map. A name's length alone tells it from all others but one, so a key costs one switch and one or two
 * comparisons of constant size, in any order of keys; in the usual order the CPU predicts each of these branches. */
RECORD_INLINE int record_builder_item(struct record_builder *b, struct record_value key, struct record_value value) {
        switch (key.tag) {
        case RECORD_TAG(RECORD_KIND_STRING, 2):
                if (memcmp(key.bytes, "id", 2) == 0)
                        return record_builder_integer(b, RECORD_ID, &b->record->id, value);
                break;
        case RECORD_TAG(RECORD_KIND_STRING, 4):
                if (memcmp(key.bytes, "name", 4) == 0)
                        return record_builder_text(b, RECORD_NAME, &b->record->name, value);
                if (memcmp(key.bytes, "type", 4) == 0)
                        return record_builder_text(b, RECORD_TYPE, &b->record->type, value);
                break;
        case RECORD_TAG(RECORD_KIND_STRING, 5):
                if (memcmp(key.bytes, "count", 5) == 0)
                        return record_builder_integer(b, RECORD_COUNT, &b->record->count, value);
                break;
        case RECORD_TAG(RECORD_KIND_STRING, 10):
                if (memcmp(key.bytes, "created_at", 10) == 0)
                        return record_builder_real(b, RECORD_CREATED_AT, &b->record->created_at, value);
                break;
        case RECORD_TAG(RECORD_KIND_STRING, 11):
                if (memcmp(key.bytes, "description", 11) == 0)
                        return record_builder_text(b, RECORD_DESCRIPTION, &b->record->description, value);
                break;
        }
        return record_builder_fail_key(*b, key.tag, key.bytes);
}

/* The map is over: is all there, and are the strings text? That is asked here and not for each string as it comes, because a
 * parser has most of its state behind it by now: in the midst of it the check would push that out of the registers. */
RECORD_INLINE int record_builder_finish(const struct record_builder *b) {
        const struct record *r = b->record;

        if (__builtin_expect(b->seen != RECORD_ALL_FIELDS, 0))
                return record_builder_fail(*b, RECORD_FLAW_MISSING, RECORD_FIELD_NONE);
        if (__builtin_expect(!utf8_valid(r->name.bytes, r->name.length), 0))
                return record_builder_fail(*b, RECORD_FLAW_UTF8, RECORD_NAME);
        if (__builtin_expect(!utf8_valid(r->description.bytes, r->description.length), 0))
                return record_builder_fail(*b, RECORD_FLAW_UTF8, RECORD_DESCRIPTION);
        if (__builtin_expect(!utf8_valid(r->type.bytes, r->type.length), 0))
                return record_builder_fail(*b, RECORD_FLAW_UTF8, RECORD_TYPE);
        return 0;
}

#endif
