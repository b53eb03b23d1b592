#include "codec/msgpack_record.h"

#include <errno.h>
#include <msgpack.h>

#include "codec/msgpack_buf.h"
#include "codec/msgpack_usual.h"
#include "codec/record_builder.h"

/* The parser's template keeps a stack of open containers. A record is one and holds none. With a single place the compiler
 * can prove which one is meant, and keep all of the parser's state in registers. */
#define MSGPACK_EMBED_STACK_SIZE 1
#include <msgpack/unpack_define.h>

/* Kept away from what runs on good data. */
#define COLD __attribute__((cold, noinline))

#define msgpack_unpack_struct(name) struct record_parser##name
#define msgpack_unpack_func(ret, name) static inline __attribute__((always_inline)) ret record_parser##name
#define msgpack_unpack_callback(name) record_parse##name
#define msgpack_unpack_object struct record_value
#define msgpack_unpack_user struct record_builder

#define CALLBACK static inline __attribute__((always_inline))

CALLBACK struct record_value record_parse_root(struct record_builder *b) {
        (void)b;
        return (struct record_value){ .tag = RECORD_TAG(RECORD_KIND_NIL, 0) };
}

#define INTEGER_CALLBACK(name, type)                                                                     \
        CALLBACK int record_parse##name(struct record_builder *b, type value, struct record_value *o) { \
                (void)b;                                                                                 \
                *o = (struct record_value){ .integer = value, .tag = RECORD_TAG(RECORD_KIND_INTEGER, 0) };             \
                return 0;                                                                                \
        }
INTEGER_CALLBACK(_uint8, uint8_t)
INTEGER_CALLBACK(_uint16, uint16_t)
INTEGER_CALLBACK(_uint32, uint32_t)
INTEGER_CALLBACK(_int8, int8_t)
INTEGER_CALLBACK(_int16, int16_t)
INTEGER_CALLBACK(_int32, int32_t)
INTEGER_CALLBACK(_int64, int64_t)

CALLBACK int record_parse_uint64(struct record_builder *b, uint64_t value, struct record_value *o) {
        (void)b;
        *o = (struct record_value){ .huge = value, .tag = value > INT64_MAX ? RECORD_TAG(RECORD_KIND_HUGE, 0) : RECORD_TAG(RECORD_KIND_INTEGER, 0) };
        return 0;
}

CALLBACK int record_parse_double(struct record_builder *b, double value, struct record_value *o) {
        (void)b;
        *o = (struct record_value){ .real = value, .tag = RECORD_TAG(RECORD_KIND_FLOAT, 0) };
        return 0;
}

CALLBACK int record_parse_float(struct record_builder *b, float value, struct record_value *o) {
        return record_parse_double(b, (double)value, o);
}

#define BYTES_CALLBACK(name, what)                                                                             \
        CALLBACK int record_parse##name(struct record_builder *b, const char *base, const char *first,         \
                                        unsigned int size, struct record_value *o) {                           \
                (void)b;                                                                                       \
                (void)base;                                                                                    \
                *o = (struct record_value){ .bytes = first, .tag = RECORD_TAG(what, size) };                    \
                return 0;                                                                                      \
        }
BYTES_CALLBACK(_str, RECORD_KIND_STRING)
BYTES_CALLBACK(_bin, RECORD_KIND_BINARY)
BYTES_CALLBACK(_ext, RECORD_KIND_EXTENSION)

#define KIND_CALLBACK(name, what)                                                            \
        CALLBACK int record_parse##name(struct record_builder *b, struct record_value *o) { \
                (void)b;                                                                     \
                *o = (struct record_value){ .tag = RECORD_TAG(what, 0) };                                  \
                return 0;                                                                    \
        }
KIND_CALLBACK(_nil, RECORD_KIND_NIL)
KIND_CALLBACK(_true, RECORD_KIND_BOOLEAN)
KIND_CALLBACK(_false, RECORD_KIND_BOOLEAN)

/* The record itself; there is no place for a second container. The number of items is the map's own claim: too many run into
 * an unknown or repeated field, too few into a missing one. */
CALLBACK int record_parse_map(struct record_builder *b, unsigned int n, struct record_value *o) {
        (void)b;
        (void)n;
        *o = (struct record_value){ .tag = RECORD_TAG(RECORD_KIND_MAP, 0) };
        return 0;
}

CALLBACK int record_parse_map_item(struct record_builder *b, struct record_value *map, struct record_value key,
                                   struct record_value value) {
        (void)map;
        return record_builder_item(b, key, value);
}

/* Arrays are refused before: as the record by starts_map(), within it for want of a place. */
CALLBACK int record_parse_array(struct record_builder *b, unsigned int n, struct record_value *o) {
        (void)b;
        (void)n;
        *o = (struct record_value){ .tag = RECORD_TAG(RECORD_KIND_ARRAY, 0) };
        return MSGPACK_UNPACK_PARSE_ERROR;
}

CALLBACK int record_parse_array_item(struct record_builder *b, struct record_value *array, struct record_value item) {
        (void)b;
        (void)array;
        (void)item;
        return MSGPACK_UNPACK_PARSE_ERROR;
}

#include <msgpack/unpack_template.h>

/* Every map's first byte: fixmap, map 16, map 32. */
static inline bool starts_map(uint8_t first) {
        return (first & 0xf0) == 0x80 || first == 0xde || first == 0xdf;
}

/* The kind of a value, told by its first byte (MessagePack specification, "Formats"). */
static enum record_kind kind_of_byte(uint8_t first) {
        if (first < 0x80 || first >= 0xe0 || (first >= 0xcc && first <= 0xd3))
                return RECORD_KIND_INTEGER;
        if (first < 0x90 || first >= 0xde)
                return RECORD_KIND_MAP;
        if (first < 0xa0 || first >= 0xdc)
                return RECORD_KIND_ARRAY;
        if (first < 0xc0 || first >= 0xd9)
                return RECORD_KIND_STRING;
        if (first == 0xca || first == 0xcb)
                return RECORD_KIND_FLOAT;
        if (first >= 0xc4 && first <= 0xc6)
                return RECORD_KIND_BINARY;
        if (first >= 0xc7)
                return RECORD_KIND_EXTENSION;
        return first == 0xc0 ? RECORD_KIND_NIL : RECORD_KIND_BOOLEAN;
}

/* A container inside the record, for which the parser had no place. It stopped at the header's byte, or, for the formats
 * whose count takes bytes of its own, behind it and in the state that stands for the format. */
static enum record_kind nested_container(unsigned state, uint8_t byte) {
        switch (state) {
        case MSGPACK_CS_ARRAY_16:
        case MSGPACK_CS_ARRAY_32:
                return RECORD_KIND_ARRAY;
        case MSGPACK_CS_MAP_16:
        case MSGPACK_CS_MAP_32:
                return RECORD_KIND_MAP;
        default:
                return kind_of_byte(byte);
        }
}

static COLD int not_a_map(struct record_builder b, uint8_t first) {
        if (first == 0xc1)
                return record_builder_fail(b, RECORD_FLAW_RESERVED_BYTE, RECORD_FIELD_NONE);
        b.report->value.tag = RECORD_TAG(kind_of_byte(first), 0);
        return record_builder_fail(b, RECORD_FLAW_NOT_A_MAP, RECORD_FIELD_NONE);
}

/* The parser stopped of its own accord, with `result`, in the state and at the offset that are given; `key` is the key whose
 * value it was reading, NULL if it was reading a key. */
static COLD int parse_failed(struct record_builder b, int result, unsigned state, size_t offset, const struct record_value *key,
                             const struct encoded_record *encoded) {
        enum record_field field = RECORD_FIELD_NONE;

        if (key) {
                field = record_builder_key(b, *key);
                if (field == RECORD_FIELD_NONE)
                        return RECORD_REFUSED;
        }
        if (result == MSGPACK_UNPACK_NOMEM_ERROR) {
                uint64_t tag = RECORD_TAG(nested_container(state, encoded->bytes[offset]), 0);

                return key ? record_builder_fail_value(b, field, tag, 0) : record_builder_fail_key(b, tag, NULL);
        }
        b.report->bytes = encoded->length;
        return record_builder_fail(b, result == 0 ? RECORD_FLAW_CUT_SHORT : RECORD_FLAW_RESERVED_BYTE, field);
}

/* The decoder of all records that are not usual, right or wrong. Fills `record`; returns 0, or RECORD_REFUSED with the reason in `report`. The place in the bytes is what each step of the
 * parser waits for: noinline leaves it a register, which a loop around it would take (restmark-micro --only parse). */
static __attribute__((noinline)) int record_parse(const struct encoded_record *encoded, struct record *record,
                                                  struct record_report *report) {
        struct record_parser_context parser;
        size_t offset = 0;
        int result;

        parser.user = record_builder_begin(record, report);
        record_parser_init(&parser);
        if (__builtin_expect(encoded->length > 0 && !starts_map(encoded->bytes[0]), 0))
                return not_a_map(parser.user, encoded->bytes[0]);
        result = record_parser_execute(&parser, (const char *)encoded->bytes, encoded->length, &offset);
        if (__builtin_expect(result != 1, 0)) {
                struct record_value key;

                if (result == RECORD_REFUSED)
                        return result;
                if (parser.top == 0 || parser.stack[0].ct != MSGPACK_CT_MAP_VALUE)
                        return parse_failed(parser.user, result, parser.cs, offset, NULL, encoded);
                key = parser.stack[0].map_key;
                return parse_failed(parser.user, result, parser.cs, offset, &key, encoded);
        }
        if (__builtin_expect(record_builder_finish(&parser.user) < 0, 0))
                return RECORD_REFUSED;
        if (__builtin_expect(offset != encoded->length, 0)) {
                report->bytes = encoded->length - offset;
                return record_builder_fail(parser.user, RECORD_FLAW_TRAILING, RECORD_FIELD_NONE);
        }
        return 0;
}

int msgpack_records_decode(const struct encoded_record *encoded, size_t n, struct record *records, struct error *e) {
        struct record_report report;

        for (size_t i = 0; i < n; i++)
                if (__builtin_expect(!usual_record_parse(&encoded[i], &records[i]), 0) && record_parse(&encoded[i], &records[i], &report) < 0)
                        return error_prefix(e, record_report_error(&report, e), "record %zu", i);
        return 0;
}

int msgpack_record_decode(const struct encoded_record *encoded, struct record *ret, struct error *e) {
        struct record_report report;
        struct record record;

        if (!usual_record_parse(encoded, &record) && record_parse(encoded, &record, &report) < 0)
                return record_report_error(&report, e);
        *ret = record;
        return 0;
}

enum {
        /* A string's header is at most 5 bytes, an integer or a double 9, the map's 1. */
        ENCODED_NAMES = sizeof "id" + sizeof "name" + sizeof "description" + sizeof "type" + sizeof "count" + sizeof "created_at",
        ENCODED_FIXED_MAX = 1 + ENCODED_NAMES + 3 * 5 + 3 * 9,
};

size_t msgpack_record_length_max(const struct record *record) {
        return (size_t)ENCODED_FIXED_MAX + record->name.length + record->description.length + record->type.length;
}

static int pack_text(msgpack_packer *packer, struct text text) {
        int r = msgpack_pack_str(packer, text.length);

        return r < 0 ? r : msgpack_pack_str_body(packer, text.bytes, text.length);
}

static int pack_name(msgpack_packer *packer, const char *name) {
        return pack_text(packer, (struct text){ .bytes = name, .length = (uint32_t)strlen(name) });
}

int msgpack_record_encode(struct buf *b, const struct record *record) {
        size_t before = b->length;
        msgpack_packer packer;

        msgpack_packer_init(&packer, b, msgpack_buf_write);
        if (msgpack_pack_map(&packer, _RECORD_FIELD_MAX) < 0 ||
            pack_name(&packer, "id") < 0 || msgpack_pack_int64(&packer, record->id) < 0 ||
            pack_name(&packer, "name") < 0 || pack_text(&packer, record->name) < 0 ||
            pack_name(&packer, "description") < 0 || pack_text(&packer, record->description) < 0 ||
            pack_name(&packer, "type") < 0 || pack_text(&packer, record->type) < 0 ||
            pack_name(&packer, "count") < 0 || msgpack_pack_int64(&packer, record->count) < 0 ||
            pack_name(&packer, "created_at") < 0 || msgpack_pack_double(&packer, record->created_at) < 0) {
                b->length = before;
                return -ENOBUFS;
        }
        return 0;
}
