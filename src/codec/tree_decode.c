#include <errno.h>
#include <msgpack.h>

#include "codec/msgpack_record.h"
#include "codec/record_builder.h"
#include "codec/tree.h"
#include "codec/words.h"

/* Code of the two loops over records: each is to have its own, since a record's call and what the loop does not keep cost 1.5 %. */
#define IN_EACH_LOOP static inline __attribute__((always_inline))

static __attribute__((noinline)) struct record_value value_of_others(const msgpack_object *o) {
        switch (o->type) {
        case MSGPACK_OBJECT_POSITIVE_INTEGER:
                return (struct record_value){ .huge = o->via.u64,
                                              .tag = RECORD_TAG(o->via.u64 > INT64_MAX ? RECORD_KIND_HUGE : RECORD_KIND_INTEGER, 0) };
        case MSGPACK_OBJECT_NEGATIVE_INTEGER:
                return (struct record_value){ .integer = o->via.i64, .tag = RECORD_TAG(RECORD_KIND_INTEGER, 0) };
        case MSGPACK_OBJECT_FLOAT32:
        case MSGPACK_OBJECT_FLOAT64:
                return (struct record_value){ .real = o->via.f64, .tag = RECORD_TAG(RECORD_KIND_FLOAT, 0) };
        case MSGPACK_OBJECT_BOOLEAN:
                return (struct record_value){ .tag = RECORD_TAG(RECORD_KIND_BOOLEAN, 0) };
        case MSGPACK_OBJECT_ARRAY:
                return (struct record_value){ .tag = RECORD_TAG(RECORD_KIND_ARRAY, 0) };
        case MSGPACK_OBJECT_MAP:
                return (struct record_value){ .tag = RECORD_TAG(RECORD_KIND_MAP, 0) };
        case MSGPACK_OBJECT_BIN:
                return (struct record_value){ .tag = RECORD_TAG(RECORD_KIND_BINARY, 0) };
        case MSGPACK_OBJECT_EXT:
                return (struct record_value){ .tag = RECORD_TAG(RECORD_KIND_EXTENSION, 0) };
        case MSGPACK_OBJECT_STR: /* see value_of() */
        case MSGPACK_OBJECT_NIL:
                break;
        }
        return (struct record_value){ .tag = RECORD_TAG(RECORD_KIND_NIL, 0) };
}

/* Nine of a record's twelve keys and values are texts. */
IN_EACH_LOOP struct record_value value_of(const msgpack_object *o) {
        if (o->type == MSGPACK_OBJECT_STR)
                return (struct record_value){ .bytes = o->via.str.ptr, .tag = RECORD_TAG(RECORD_KIND_STRING, o->via.str.size) };
        return value_of_others(o);
}

/* Walks the tree; returns 0, or a negative number for a record that is flawed. */
IN_EACH_LOOP int walk_record(const msgpack_object *object, struct record *record) {
        struct record_report report; /* not read: explain() has the words */
        struct record_builder b = record_builder_begin(record, &report);

        if (object->type != MSGPACK_OBJECT_MAP)
                return RECORD_REFUSED;
        for (uint32_t i = 0; i < object->via.map.size; i++) {
                const msgpack_object_kv *item = &object->via.map.ptr[i];
                int r = record_builder_item(&b, value_of(&item->key), value_of(&item->val));

                if (r < 0)
                        return r;
        }
        return record_builder_finish(&b);
}

/* msgpack_unpack() allocates what a container's header claims before it looks for the elements: 200 GB for 5 bytes.
 * Such claims need the byte 0xdd (array 32) or 0xdf (map 32). Where one occurs, usually as a part of a number or a string,
 * the struct decoder judges first; it allocates nothing and refuses containers. */
static inline bool may_claim_much(const struct encoded_record *encoded) {
        const size_t length = encoded->length;
        bytes16 found = { 0 };

        if (length < sizeof found)
                return memchr(encoded->bytes, 0xdd, length) || memchr(encoded->bytes, 0xdf, length);
        /* The last 16 overlap those before. */
        for (size_t i = 0; i + sizeof found < length; i += sizeof found)
                found |= (bytes16)((load_bytes16(encoded->bytes + i) & 0xfd) == 0xdd);
        return any_high_bit16(found | (bytes16)((load_bytes16(encoded->bytes + length - sizeof found) & 0xfd) == 0xdd));
}

/* The sentence for a record that the tree refused: what the struct decoder says of the same bytes. */
static int explain(const struct encoded_record *encoded, struct error *e) {
        struct record record;
        int r = msgpack_record_decode(encoded, &record, e);

        return r < 0 ? r : error_set(e, -ENOMEM, "out of memory for the objects of a record of %u bytes", encoded->length);
}

/* `zone` holds the tree of one record after the other. msgpack_unpack_next() would make a new one for each;
 * msgpack_unpack() is called obsolete in the library's header, but is there in all versions, and nothing else unpacks into a zone of the caller's. */
IN_EACH_LOOP int decode(msgpack_zone *zone, const struct encoded_record *encoded, struct record *record, struct error *e) {
        msgpack_object object;
        size_t offset = 0;

        if (may_claim_much(encoded)) {
                int r = msgpack_record_decode(encoded, record, e);

                if (r < 0)
                        return r;
        }
        msgpack_zone_clear(zone);
        if (msgpack_unpack((const char *)encoded->bytes, encoded->length, &offset, zone, &object) != MSGPACK_UNPACK_SUCCESS ||
            offset != encoded->length || walk_record(&object, record) < 0)
                return explain(encoded, e);
        return 0;
}

static int zone_init(msgpack_zone *zone, struct error *e) {
        return msgpack_zone_init(zone, MSGPACK_ZONE_CHUNK_SIZE) ? 0 : error_set(e, -ENOMEM, "out of memory for msgpack-c's objects");
}

/* `records` may be NULL. */
IN_EACH_LOOP int decode_all(const struct encoded_record *encoded, size_t n, struct record *records, struct error *e) {
        msgpack_zone zone;
        int r = zone_init(&zone, e);

        if (r < 0)
                return r;
        for (size_t i = 0; i < n; i++) {
                struct record unkept;

                r = decode(&zone, &encoded[i], records ? &records[i] : &unkept, e);
                if (r < 0) {
                        r = error_prefix(e, r, "record %zu", i);
                        break;
                }
        }
        msgpack_zone_destroy(&zone);
        return r;
}

int tree_records_decode(const struct encoded_record *encoded, size_t n, struct error *e) {
        return decode_all(encoded, n, NULL, e);
}

int tree_records_read(const struct encoded_record *encoded, size_t n, struct record *records, struct error *e) {
        return decode_all(encoded, n, records, e);
}

int tree_record_decode(const struct encoded_record *encoded, struct record *ret, struct error *e) {
        msgpack_zone zone;
        struct record record;
        int r = zone_init(&zone, e);

        if (r < 0)
                return r;
        r = decode(&zone, encoded, &record, e);
        msgpack_zone_destroy(&zone);
        if (r < 0)
                return r;
        *ret = record;
        return 0;
}
