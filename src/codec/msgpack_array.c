#include "codec/msgpack_array.h"

#include <errno.h>
#include <msgpack.h>
#include <stdbool.h>

#include "codec/msgpack_buf.h"

/* As in msgpack_record.c: one open container, and a place for the callback that refuses a second. */
#define MSGPACK_EMBED_STACK_SIZE 2
#include <msgpack/unpack_define.h>

struct array_walk {
        struct encoded_record *encoded; /* NULL: stop behind the array's header */
        size_t capacity;
        size_t n; /* what the header claims */
        size_t i; /* elements seen */
        bool in_array;
        const char *found; /* the type that stopped the walk, for a sentence */
};

enum {
        /* Returned by callbacks to stop the parser; it has -1 and -2 for itself. */
        WALK_COUNTED = -10,
        WALK_WRONG_TYPE = -11,
};

typedef unsigned char nothing;

#define msgpack_unpack_struct(name) struct array_parser##name
#define msgpack_unpack_func(ret, name) static inline ret array_parser##name
#define msgpack_unpack_callback(name) array_walk##name
#define msgpack_unpack_object nothing
#define msgpack_unpack_user struct array_walk

static inline nothing array_walk_root(struct array_walk *w) {
        (void)w;
        return 0;
}

static inline int array_walk_array(struct array_walk *w, unsigned int n, nothing *o) {
        *o = 0;
        if (w->in_array) {
                w->found = "an array";
                return WALK_WRONG_TYPE;
        }
        w->in_array = true;
        w->n = n;
        return w->encoded ? 0 : WALK_COUNTED;
}

static inline int array_walk_bin(struct array_walk *w, const char *base, const char *bytes, unsigned int length, nothing *o) {
        (void)base;
        *o = 0;
        if (!w->in_array) {
                w->found = "binary data";
                return WALK_WRONG_TYPE;
        }
        if (w->i < w->capacity)
                w->encoded[w->i] = (struct encoded_record){ .bytes = (const uint8_t *)bytes, .length = length };
        return 0;
}

static inline int array_walk_array_item(struct array_walk *w, nothing *array, nothing item) {
        (void)array;
        (void)item;
        w->i++;
        return 0;
}

static inline int array_walk_map_item(struct array_walk *w, nothing *map, nothing key, nothing value) {
        (void)map;
        (void)key;
        (void)value;
        w->found = "a map"; /* not reached: _map refuses */
        return WALK_WRONG_TYPE;
}

static inline int walk_refuse(struct array_walk *w, nothing *o, const char *found) {
        *o = 0;
        w->found = found;
        return WALK_WRONG_TYPE;
}

#define REFUSE(name, found, type)                                                       \
        static inline int array_walk##name(struct array_walk *w, type value, nothing *o) { \
                (void)value;                                                            \
                return walk_refuse(w, o, found);                                        \
        }
REFUSE(_uint8, "an integer", uint8_t)
REFUSE(_uint16, "an integer", uint16_t)
REFUSE(_uint32, "an integer", uint32_t)
REFUSE(_uint64, "an integer", uint64_t)
REFUSE(_int8, "an integer", int8_t)
REFUSE(_int16, "an integer", int16_t)
REFUSE(_int32, "an integer", int32_t)
REFUSE(_int64, "an integer", int64_t)
REFUSE(_float, "a float", float)
REFUSE(_double, "a float", double)
REFUSE(_map, "a map", unsigned int)

#define REFUSE_SIMPLE(name, found)                                          \
        static inline int array_walk##name(struct array_walk *w, nothing *o) { \
                return walk_refuse(w, o, found);                            \
        }
REFUSE_SIMPLE(_nil, "nil")
REFUSE_SIMPLE(_true, "a boolean")
REFUSE_SIMPLE(_false, "a boolean")

#define REFUSE_BYTES(name, found)                                                                              \
        static inline int array_walk##name(struct array_walk *w, const char *base, const char *bytes,          \
                                           unsigned int length, nothing *o) {                                  \
                (void)base;                                                                                    \
                (void)bytes;                                                                                   \
                (void)length;                                                                                  \
                return walk_refuse(w, o, found);                                                               \
        }
REFUSE_BYTES(_str, "a string")
REFUSE_BYTES(_ext, "an extension type")

#include <msgpack/unpack_template.h>

/* Runs the parser; returns its result and where it stopped. */
static int walk(struct array_walk *w, const uint8_t *bytes, size_t length, size_t *ret_offset) {
        struct array_parser_context parser;
        size_t offset = 0;
        int result;

        parser.user = *w;
        array_parser_init(&parser);
        result = array_parser_execute(&parser, (const char *)bytes, length, &offset);
        *w = parser.user;
        *ret_offset = offset;
        return result;
}

int msgpack_array_count(const uint8_t *bytes, size_t length, size_t *ret_n, struct error *e) {
        struct array_walk w = { .found = NULL };
        size_t offset;
        int r;

        r = walk(&w, bytes, length, &offset);
        if (r == 0)
                return error_set(e, -EBADMSG, "truncated: it ends after %zu bytes, within the array's header", length);
        if (r != WALK_COUNTED)
                return error_set(e, -EBADMSG, "not a dataset: starts with %s, expected a MessagePack array of records",
                                 w.found ? w.found : "a byte that MessagePack does not use");
        if (w.n > length / 2)
                return error_set(e, -EBADMSG, "the array claims %zu records, more than fit into the %zu bytes there are", w.n,
                                 length);
        *ret_n = w.n;
        return 0;
}

int msgpack_array_split(const uint8_t *bytes, size_t length, struct encoded_record *encoded, size_t n, struct error *e) {
        struct array_walk w = { .encoded = encoded, .capacity = n };
        size_t offset;
        int r;

        r = walk(&w, bytes, length, &offset);
        if (r == 0)
                return error_set(e, -EBADMSG, "record %zu: truncated: the data ends after %zu bytes, but %zu records should be there",
                                 w.i, length, w.n);
        if (r == WALK_WRONG_TYPE)
                return error_set(e, -EBADMSG, "record %zu: is %s, expected binary data (an encoded record), before byte %zu", w.i,
                                 w.found, offset);
        if (r < 0)
                return error_set(e, -EBADMSG, "record %zu: byte %zu is no MessagePack", w.i, offset);
        if (offset != length)
                return error_set(e, -EBADMSG, "%zu bytes follow the last of %zu records", length - offset, w.n);
        return 0;
}

void msgpack_array_header(struct buf *b, size_t n) {
        msgpack_packer packer;

        msgpack_packer_init(&packer, b, msgpack_buf_write);
        (void)msgpack_pack_array(&packer, n); /* b->overflow tells */
}

void msgpack_bin_header(struct buf *b, size_t length) {
        msgpack_packer packer;

        msgpack_packer_init(&packer, b, msgpack_buf_write);
        (void)msgpack_pack_bin(&packer, length); /* b->overflow tells */
}
