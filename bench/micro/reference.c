#include <json-c/json_object.h>
#include <limits.h>
#include <msgpack.h>
#include <stdlib.h>

#include "micro.h"

struct reference {
        msgpack_zone zone;
        json_object *records;
};

static json_object *text(struct text t) {
        return json_object_new_string_len(t.bytes, (int)t.length);
}

struct reference *reference_new(const struct dataset *d) {
        struct reference *r = calloc(1, sizeof *r);

        if (!r || !msgpack_zone_init(&r->zone, MSGPACK_ZONE_CHUNK_SIZE))
                micro_die("out of memory");
        r->records = json_object_new_array();
        for (size_t i = 0; i < d->n_records; i++) {
                const struct record *record = &d->records[i];
                json_object *object = json_object_new_object();

                json_object_object_add(object, "id", json_object_new_int64(record->id));
                json_object_object_add(object, "name", text(record->name));
                json_object_object_add(object, "description", text(record->description));
                json_object_object_add(object, "type", text(record->type));
                json_object_object_add(object, "count", json_object_new_int64(record->count));
                json_object_object_add(object, "created_at", json_object_new_double(record->created_at));
                json_object_array_add(r->records, object);
        }
        return r;
}

struct reference *reference_free(struct reference *r) {
        json_object_put(r->records);
        msgpack_zone_destroy(&r->zone);
        free(r);
        return NULL;
}

/* A zone made and dropped for each record, as msgpack_unpack_next() does by itself. */
void reference_unpack_next(struct bench *b) {
        const struct dataset *d = b->dataset;
        msgpack_unpacked unpacked;

        msgpack_unpacked_init(&unpacked);
        for (size_t i = 0; i < d->n_records; i++) {
                size_t offset = 0;

                if (msgpack_unpack_next(&unpacked, (const char *)d->encoded[i].bytes, d->encoded[i].length, &offset) !=
                            MSGPACK_UNPACK_SUCCESS ||
                    unpacked.data.type != MSGPACK_OBJECT_MAP)
                        micro_die("record %zu did not unpack", i);
                micro_consume(&unpacked.data);
        }
        msgpack_unpacked_destroy(&unpacked);
}

/* The same into one zone that is cleared for each record: msgpack-c at its best, by a function that it calls obsolete. */
void reference_unpack_reused(struct bench *b) {
        const struct dataset *d = b->dataset;

        for (size_t i = 0; i < d->n_records; i++) {
                msgpack_object object;
                size_t offset = 0;

                msgpack_zone_clear(&b->reference->zone);
                if (msgpack_unpack((const char *)d->encoded[i].bytes, d->encoded[i].length, &offset, &b->reference->zone,
                                   &object) != MSGPACK_UNPACK_SUCCESS ||
                    object.type != MSGPACK_OBJECT_MAP)
                        micro_die("record %zu did not unpack", i);
                micro_consume(&object);
        }
}

/* Doubles as json-c prints them by itself: %.17g, more digits than needed. */
void reference_json_default(struct bench *b) {
        size_t length;
        const char *json = json_object_to_json_string_length(b->reference->records,
                                                             JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &length);

        if (!json || length < b->dataset->n_records)
                micro_die("json-c did not encode");
        micro_consume(json);
}
