#include <errno.h>
#include <msgpack.h>

#include "codec/msgpack_record.h"
#include "codec/record_builder.h"
#include "codec/tree.h"

static int feed_value(struct record_builder *b, const msgpack_object *value) {
        switch (value->type) {
        case MSGPACK_OBJECT_POSITIVE_INTEGER:
                return record_builder_unsigned(b, value->via.u64);
        case MSGPACK_OBJECT_NEGATIVE_INTEGER:
                return record_builder_integer(b, value->via.i64);
        case MSGPACK_OBJECT_FLOAT32:
        case MSGPACK_OBJECT_FLOAT64:
                return record_builder_float(b, value->via.f64);
        case MSGPACK_OBJECT_STR:
                return record_builder_text(b, value->via.str.ptr, value->via.str.size);
        case MSGPACK_OBJECT_NIL:
                return record_builder_wrong(b, RECORD_VALUE_NIL);
        case MSGPACK_OBJECT_BOOLEAN:
                return record_builder_wrong(b, RECORD_VALUE_BOOLEAN);
        case MSGPACK_OBJECT_ARRAY:
                return record_builder_wrong(b, RECORD_VALUE_ARRAY);
        case MSGPACK_OBJECT_MAP:
                return record_builder_wrong(b, RECORD_VALUE_MAP);
        case MSGPACK_OBJECT_BIN:
                return record_builder_wrong(b, RECORD_VALUE_BINARY);
        case MSGPACK_OBJECT_EXT:
                return record_builder_wrong(b, RECORD_VALUE_EXTENSION);
        }
        return record_builder_wrong(b, RECORD_VALUE_NIL);
}

/* Walks the tree; returns 0, or -1 for a record that is flawed. */
static int walk_record(const msgpack_object *object, struct record *record) {
        struct record_builder b;

        if (object->type != MSGPACK_OBJECT_MAP)
                return -1;
        record_builder_init(&b, record);
        for (uint32_t i = 0; i < object->via.map.size; i++) {
                const msgpack_object_kv *item = &object->via.map.ptr[i];

                if (item->key.type != MSGPACK_OBJECT_STR ||
                    record_builder_key(&b, item->key.via.str.ptr, item->key.via.str.size) < 0 ||
                    feed_value(&b, &item->val) < 0)
                        return -1;
                b.field = RECORD_FIELD_NONE;
        }
        return record_builder_finish(&b);
}

/* msgpack_unpack_next() allocates what a container's header claims before it looks for the elements: 200 GB for 5 bytes.
 * Such claims need the byte 0xdd (array 32) or 0xdf (map 32). Where one occurs, usually as a part of a number or a string,
 * the struct decoder judges first; it allocates nothing and refuses containers. */
static bool may_claim_much(const struct encoded_record *encoded) {
        return memchr(encoded->bytes, 0xdd, encoded->length) || memchr(encoded->bytes, 0xdf, encoded->length);
}

/* The sentence for a record that the tree refused: what the struct decoder says of the same bytes. */
static int explain(const struct encoded_record *encoded, struct error *e) {
        struct record record;
        int r = msgpack_record_decode(encoded, &record, e);

        return r < 0 ? r : error_set(e, -ENOMEM, "out of memory for the objects of a record of %u bytes", encoded->length);
}

static inline int decode(msgpack_unpacked *unpacked, const struct encoded_record *encoded, struct record *record,
                         struct error *e) {
        size_t offset = 0;

        if (may_claim_much(encoded)) {
                int r = msgpack_record_decode(encoded, record, e);

                if (r < 0)
                        return r;
        }
        if (msgpack_unpack_next(unpacked, (const char *)encoded->bytes, encoded->length, &offset) != MSGPACK_UNPACK_SUCCESS ||
            offset != encoded->length || walk_record(&unpacked->data, record) < 0)
                return explain(encoded, e);
        return 0;
}

int tree_records_decode(const struct encoded_record *encoded, size_t n, struct error *e) {
        msgpack_unpacked unpacked;
        int r = 0;

        msgpack_unpacked_init(&unpacked);
        for (size_t i = 0; i < n; i++) {
                struct record record;

                r = decode(&unpacked, &encoded[i], &record, e);
                if (r < 0) {
                        r = error_prefix(e, r, "record %zu", i);
                        break;
                }
        }
        msgpack_unpacked_destroy(&unpacked);
        return r;
}

int tree_record_decode(const struct encoded_record *encoded, struct record *ret, struct error *e) {
        msgpack_unpacked unpacked;
        struct record record;
        int r;

        msgpack_unpacked_init(&unpacked);
        r = decode(&unpacked, encoded, &record, e);
        msgpack_unpacked_destroy(&unpacked);
        if (r < 0)
                return r;
        *ret = record;
        return 0;
}
