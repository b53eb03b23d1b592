/* yyjson's writer, as its manual shows it for speed: a document whose strings are views, memory from one allocator that keeps it. Built where pkg-config knows
 * yyjson (Debian 13: libyyjson-dev). The document is made anew each time, as records come from a database: yyjson has no other way from structs to JSON. */
#include <string.h>
#include <yyjson.h>

#include "micro.h"

static yyjson_alc *memory; /* lives as long as the program */

static void add_record(yyjson_mut_doc *doc, yyjson_mut_val *array, const struct record *r) {
        yyjson_mut_val *object = yyjson_mut_arr_add_obj(doc, array);

        if (!yyjson_mut_obj_add_sint(doc, object, "id", r->id) || !yyjson_mut_obj_add_strn(doc, object, "name", r->name.bytes, r->name.length) ||
            !yyjson_mut_obj_add_strn(doc, object, "description", r->description.bytes, r->description.length) ||
            !yyjson_mut_obj_add_strn(doc, object, "type", r->type.bytes, r->type.length) ||
            !yyjson_mut_obj_add_sint(doc, object, "count", r->count) || !yyjson_mut_obj_add_real(doc, object, "created_at", r->created_at))
                micro_die("yyjson: out of memory");
}

/* Returns the JSON, yyjson_free_json()'s to free. */
static char *encoded(const struct dataset *d, size_t *ret_length) {
        yyjson_mut_doc *doc;
        yyjson_mut_val *array;
        char *json;

        if (!memory)
                memory = yyjson_alc_dyn_new();
        doc = yyjson_mut_doc_new(memory);
        array = yyjson_mut_arr(doc);
        yyjson_mut_doc_set_root(doc, array);
        for (size_t i = 0; i < d->n_records; i++)
                add_record(doc, array, &d->records[i]);
        json = yyjson_mut_write_opts(doc, YYJSON_WRITE_NOFLAG, memory, ret_length, NULL);
        yyjson_mut_doc_free(doc);
        if (!json)
                micro_die("yyjson did not encode");
        return json;
}

void reference_yyjson(struct bench *b) {
        static bool proved;
        size_t length;
        char *json = encoded(b->dataset, &length);

        if (!proved) { /* in the run before those that are measured */
                if (length != b->dataset->json_length || memcmp(json, b->dataset->json, length) != 0)
                        micro_die("yyjson encodes something else");
                proved = true;
        }
        micro_consume(json);
        memory->free(memory->ctx, json);
}
