#include "codec/msgpack_record.h"

#include <errno.h>
#include <msgpack.h>

#include "codec/msgpack_buf.h"
#include "codec/record_builder.h"

/* The parser's template keeps a stack of open containers. A record has one; the second place is for the callback of a
 * nested one, so that it can refuse it by name. */
#define MSGPACK_EMBED_STACK_SIZE 2
#include <msgpack/unpack_define.h>

struct record_parse {
        struct record_builder builder;
        bool in_map;
};

/* What the template passes around as "the value". The callbacks put the values where they belong at once. */
typedef unsigned char nothing;

#define msgpack_unpack_struct(name) struct record_parser##name
#define msgpack_unpack_func(ret, name) static inline __attribute__((always_inline)) ret record_parser##name
#define msgpack_unpack_callback(name) record_parse##name
#define msgpack_unpack_object nothing
#define msgpack_unpack_user struct record_parse

#define CALLBACK static inline __attribute__((always_inline))

CALLBACK nothing record_parse_root(struct record_parse *p) {
        (void)p;
        return 0;
}

/* Values of the types that some field has. */
#define INTEGER_CALLBACK(name, type, feed)                                       \
        CALLBACK int record_parse##name(struct record_parse *p, type value, nothing *o) { \
                *o = 0;                                                          \
                return feed(&p->builder, value);                                 \
        }
INTEGER_CALLBACK(_uint8, uint8_t, record_builder_integer)
INTEGER_CALLBACK(_uint16, uint16_t, record_builder_integer)
INTEGER_CALLBACK(_uint32, uint32_t, record_builder_integer)
INTEGER_CALLBACK(_uint64, uint64_t, record_builder_unsigned)
INTEGER_CALLBACK(_int8, int8_t, record_builder_integer)
INTEGER_CALLBACK(_int16, int16_t, record_builder_integer)
INTEGER_CALLBACK(_int32, int32_t, record_builder_integer)
INTEGER_CALLBACK(_int64, int64_t, record_builder_integer)
INTEGER_CALLBACK(_double, double, record_builder_float)

CALLBACK int record_parse_float(struct record_parse *p, float value, nothing *o) {
        *o = 0;
        return record_builder_float(&p->builder, (double)value);
}

CALLBACK int record_parse_str(struct record_parse *p, const char *base, const char *bytes, unsigned int length, nothing *o) {
        (void)base;
        *o = 0;
        if (p->builder.field == RECORD_FIELD_NONE)
                return record_builder_key(&p->builder, bytes, length);
        return record_builder_text(&p->builder, bytes, length);
}

CALLBACK int record_parse_map(struct record_parse *p, unsigned int n, nothing *o) {
        (void)n; /* the map's own claim: too many fields run into an unknown or repeated one, too few are missed */
        *o = 0;
        if (p->in_map)
                return record_builder_wrong(&p->builder, RECORD_VALUE_MAP);
        p->in_map = true;
        return 0;
}

CALLBACK int record_parse_map_item(struct record_parse *p, nothing *map, nothing key, nothing value) {
        (void)map;
        (void)key;
        (void)value;
        p->builder.field = RECORD_FIELD_NONE;
        return 0;
}

/* Values of the types that no field has. */
#define WRONG_CALLBACK(name, found)                                              \
        CALLBACK int record_parse##name(struct record_parse *p, nothing *o) {    \
                *o = 0;                                                          \
                return record_builder_wrong(&p->builder, found);                 \
        }
WRONG_CALLBACK(_nil, RECORD_VALUE_NIL)
WRONG_CALLBACK(_true, RECORD_VALUE_BOOLEAN)
WRONG_CALLBACK(_false, RECORD_VALUE_BOOLEAN)

CALLBACK int record_parse_array(struct record_parse *p, unsigned int n, nothing *o) {
        (void)n;
        *o = 0;
        return record_builder_wrong(&p->builder, RECORD_VALUE_ARRAY);
}

CALLBACK int record_parse_bin(struct record_parse *p, const char *base, const char *bytes, unsigned int length, nothing *o) {
        (void)base;
        (void)bytes;
        (void)length;
        *o = 0;
        return record_builder_wrong(&p->builder, RECORD_VALUE_BINARY);
}

CALLBACK int record_parse_ext(struct record_parse *p, const char *base, const char *bytes, unsigned int length, nothing *o) {
        (void)base;
        (void)bytes;
        (void)length;
        *o = 0;
        return record_builder_wrong(&p->builder, RECORD_VALUE_EXTENSION);
}

CALLBACK int record_parse_array_item(struct record_parse *p, nothing *array, nothing item) {
        (void)array;
        (void)item;
        return record_builder_wrong(&p->builder, RECORD_VALUE_ARRAY); /* not reached: _array refuses */
}

#include <msgpack/unpack_template.h>

/* Every map's first byte: fixmap, map 16, map 32. */
static inline bool starts_map(uint8_t first) {
        return (first & 0xf0) == 0x80 || first == 0xde || first == 0xdf;
}

/* The type of a value, told by its first byte (MessagePack specification, "Formats"). */
static enum record_value value_of_byte(uint8_t first) {
        if (first < 0x80 || first >= 0xe0 || (first >= 0xcc && first <= 0xd3))
                return RECORD_VALUE_INTEGER;
        if (first < 0x90 || first >= 0xde)
                return RECORD_VALUE_MAP;
        if (first < 0xa0 || first >= 0xdc)
                return RECORD_VALUE_ARRAY;
        if (first < 0xc0 || first >= 0xd9)
                return RECORD_VALUE_STRING;
        if (first == 0xca || first == 0xcb)
                return RECORD_VALUE_FLOAT;
        if (first >= 0xc4 && first <= 0xc6)
                return RECORD_VALUE_BINARY;
        if (first >= 0xc7)
                return RECORD_VALUE_EXTENSION;
        return first == 0xc0 ? RECORD_VALUE_NIL : RECORD_VALUE_BOOLEAN;
}

/* What stopped the parser, when it was not the builder. `result` is the template's: 0 asks for more bytes, negative is
 * an encoding that it does not know. */
static int parse_flaw(struct record_builder *b, int result, size_t length) {
        if (b->flaw != RECORD_FLAW_NONE)
                return -1;
        b->bytes = length;
        return record_builder_fail(b, result == 0 ? RECORD_FLAW_CUT_SHORT : RECORD_FLAW_RESERVED_BYTE);
}

/* Fills b->record; returns 0, or -1 with the flaw in `b`. */
static inline __attribute__((always_inline)) int record_parse(const struct encoded_record *encoded, struct record *record,
                                                              struct record_builder *ret_flawed) {
        struct record_parser_context parser;
        size_t offset = 0;
        int result;

        record_builder_init(&parser.user.builder, record);
        parser.user.in_map = false;
        record_parser_init(&parser);
        if (__builtin_expect(encoded->length > 0 && !starts_map(encoded->bytes[0]), 0)) {
                uint8_t first = encoded->bytes[0];

                (void)(first == 0xc1 ? record_builder_fail(&parser.user.builder, RECORD_FLAW_RESERVED_BYTE)
                                     : record_builder_fail_type(&parser.user.builder, RECORD_FLAW_NOT_A_MAP,
                                                                value_of_byte(first)));
                goto flawed;
        }
        result = record_parser_execute(&parser, (const char *)encoded->bytes, encoded->length, &offset);
        if (__builtin_expect(result != 1, 0)) {
                (void)parse_flaw(&parser.user.builder, result, encoded->length);
                goto flawed;
        }
        if (__builtin_expect(record_builder_finish(&parser.user.builder) < 0, 0))
                goto flawed;
        if (__builtin_expect(offset != encoded->length, 0)) {
                parser.user.builder.bytes = encoded->length - offset;
                (void)record_builder_fail(&parser.user.builder, RECORD_FLAW_TRAILING);
                goto flawed;
        }
        return 0;
flawed:
        *ret_flawed = parser.user.builder;
        return -1;
}

int msgpack_records_decode(const struct encoded_record *encoded, size_t n, struct record *records, struct error *e) {
        struct record_builder flawed;

        for (size_t i = 0; i < n; i++)
                if (__builtin_expect(record_parse(&encoded[i], &records[i], &flawed) < 0, 0))
                        return error_prefix(e, record_builder_error(&flawed, e), "record %zu", i);
        return 0;
}

int msgpack_record_decode(const struct encoded_record *encoded, struct record *ret, struct error *e) {
        struct record_builder flawed;
        struct record record;

        if (record_parse(encoded, &record, &flawed) < 0)
                return record_builder_error(&flawed, e);
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
