#include "work/validate.h"

#include <errno.h>
#include <stdlib.h>

#include "codec/json_decode.h"
#include "codec/json_record.h"
#include "codec/tree.h"
#include "work/schema.h"

/* Where an escaped string goes: over the body, unless json-c is to read that, too. */
static int decode(const struct work_params *p, char *strings, size_t n, struct record *records, struct error *e) {
        int r;

        if (p->body_length == 0)
                return error_set(e, -EILSEQ, "The request has no body; it is to be a record in JSON, or an array of count= records.");
        r = p->has_count ? json_records_decode(p->body, p->body_length, strings, n, records, e)
                         : json_record_decode(p->body, p->body_length, strings, records, e);
        return r < 0 ? error_prefix(e, r == JSON_NO_JSON ? -EILSEQ : -EDOM, "The body is refused") : 0;
}

static int check(const struct work_params *p, size_t n, const struct record *records, struct error *e) {
        for (size_t i = 0; i < n; i++) {
                int r = schema_check(&records[i], e);

                if (r == 0)
                        continue;
                if (p->has_count)
                        (void)error_prefix(e, r, "record %zu", i);
                return error_prefix(e, r, "The body is refused");
        }
        return 0;
}

/* Into exactly as much memory as it needs: a client may take its time with the answer. */
static int encode(const struct work_params *p, size_t n, const struct record *records, char **ret_json, size_t *ret_length, struct error *e) {
        size_t capacity = p->has_count ? json_records_length(records, n) : json_record_length(records);
        struct buf b = buf_over(malloc(capacity), capacity);
        int r;

        if (!b.data)
                return error_set(e, -ENOMEM, "out of memory for an answer of %zu bytes", capacity);
        r = p->has_count ? json_records_encode(&b, records, n) : json_record_encode(&b, records);
        if (r < 0) {
                free(b.data);
                return error_set(e, r, "the JSON of %zu records does not fit into %zu bytes", n, capacity);
        }
        *ret_json = b.data;
        *ret_length = b.length;
        return 0;
}

int validate(const struct work_params *p, enum codec codec, struct record *room, char **ret_json, size_t *ret_length, struct error *e) {
        const size_t n = p->has_count ? p->count : 1;
        char *strings = codec == CODEC_TREE && p->body_length > 0 ? malloc(p->body_length) : p->body;
        int r;

        if (!strings && p->body_length > 0)
                return error_set(e, -ENOMEM, "out of memory for the strings of a body of %zu bytes", p->body_length);
        r = decode(p, strings, n, room, e);
        if (r == 0)
                r = check(p, n, room, e);
        if (r == 0 && codec == CODEC_TREE)
                r = tree_read_and_encode(p->body, p->body_length, room, n, p->has_count, ret_json, ret_length, e);
        else if (r == 0)
                r = encode(p, n, room, ret_json, ret_length, e);
        if (strings != p->body)
                free(strings);
        return r;
}
