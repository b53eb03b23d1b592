#include "work/work.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "base/quote.h"
#include "codec/json_record.h"
#include "codec/msgpack_record.h"
#include "codec/tree.h"
#include "data/dataset.h"
#include "work/digest.h"
#include "work/loop.h"
#include "work/memory.h"
#include "work/validate.h"

static const char *const workload_names[] = {
        [WORKLOAD_WELCOME] = "welcome",
        [WORKLOAD_PARSE_MSGPACK] = "parse-msgpack",
        [WORKLOAD_ENCODE_JSON] = "encode-json",
        [WORKLOAD_TRANSFER_DATA] = "transfer-data",
        [WORKLOAD_MILLION_LOOP] = "million-loop",
        [WORKLOAD_VALIDATE] = "validate",
        [WORKLOAD_WAIT] = "wait",
        [WORKLOAD_RECORD] = "record",
        [WORKLOAD_SIBLING] = "sibling",
        [WORKLOAD_DB_RECORD] = "db-record",
        [WORKLOAD_DB_RECORDS] = "db-records",
        [WORKLOAD_DB_SEARCH] = "db-search",
        [WORKLOAD_DB_UPDATE] = "db-update",
        [WORKLOAD_CACHE_RECORDS] = "cache-records",
        [WORKLOAD_CACHE_JSON] = "cache-json",
};
_Static_assert(sizeof workload_names / sizeof workload_names[0] == _WORKLOAD_MAX, "a name for each workload");

static const char type_text[] = "text/plain; charset=utf-8";
static const char type_json[] = "application/json";
static const char welcome[] = "Welcome!\n";

struct work {
        const struct dataset *dataset;
        enum codec codec;
        /* Struct mode's; in tree mode NULL until a cache's values are to be decoded. Pages are taken only when the first request writes to them. */
        struct record *records; /* as many as the dataset has */
        char *json;
        size_t json_capacity; /* bytes: no partial encoding has more, and none of shifted records */
        struct record *checked; /* from the first request to validate on, WORK_VALIDATE_COUNT_MAX of them; else NULL */
        struct tree *shifted; /* tree mode's, from the first request for a digest of JSON on; else NULL */
};

const char *workload_name(enum workload which) {
        assert(which < _WORKLOAD_MAX);
        return workload_names[which];
}

/* Takes it, if it is not there. */
static bool has_memory(struct work *w) {
        const struct dataset *d = w->dataset;

        w->json_capacity = d->json_length + json_numbers_growth_max(d->n_records);
        if (!w->records)
                w->records = malloc(d->n_records * sizeof *w->records);
        if (!w->json)
                w->json = malloc(w->json_capacity);
        return w->records && w->json;
}

int work_memory(struct work *w, struct work_memory *ret, struct error *e) {
        if (!has_memory(w))
                return error_set(e, -ENOMEM, "out of memory for %zu records", w->dataset->n_records);
        *ret = (struct work_memory){ .records = w->records, .json = w->json, .json_capacity = w->json_capacity };
        return 0;
}

int work_new(const struct dataset *d, enum codec codec, struct work **ret, struct error *e) {
        struct work *w;

        if (codec == CODEC_TREE && !d->tree)
                return error_set(e, -EINVAL, "the dataset was made without json-c objects, which codec = tree needs");
        w = calloc(1, sizeof *w);
        if (w) {
                w->dataset = d;
                w->codec = codec;
        }
        if (!w || (codec == CODEC_STRUCT && !has_memory(w))) {
                work_free(w);
                return error_set(e, -ENOMEM, "out of memory for the buffers of %zu records", d->n_records);
        }
        *ret = w;
        return 0;
}

struct work *work_free(struct work *w) {
        if (!w)
                return NULL;
        free(w->records);
        free(w->json);
        tree_free(w->shifted);
        free(w->checked);
        free(w);
        return NULL;
}

/* Tells the compiler that somebody will read all memory: what was decoded or encoded must really be there, although the
 * response only says how much it is. */
static inline void work_is_used(void) {
        __asm__ volatile("" : : : "memory");
}

void work_respond_number(struct work_response *ret, int64_t number) {
        int length = snprintf(ret->text, sizeof ret->text, "%" PRId64, number);

        ret->body_kind = WORK_BODY_INLINE;
        ret->content_type = type_text;
        ret->body = ret->text;
        ret->body_length = (size_t)length;
}

static void respond_static(struct work_response *ret, const char *type, const char *body, size_t length) {
        ret->body_kind = WORK_BODY_STATIC;
        ret->content_type = type;
        ret->body = body;
        ret->body_length = length;
}

/* Tree mode's place for records, in requests for a digest alone: a worker does not keep what only these need. */
static int new_records(const struct dataset *d, struct record **ret, struct error *e) {
        *ret = malloc(d->n_records * sizeof **ret);
        return *ret ? 0 : error_set(e, -ENOMEM, "out of memory for the digest of %zu records", d->n_records);
}

static uint32_t parsed_digest(const struct work_params *p, const struct record *records) {
        uint32_t crc = p->seed;

        for (uint32_t i = 0; i < p->digest_times; i++)
                crc = digest_records(crc, records, p->count);
        return crc;
}

static int digest_msgpack(struct work *w, const struct work_params *p, struct work_response *ret, struct error *e) {
        const struct dataset *d = w->dataset;
        struct record *records = w->records;
        int r;

        if (w->codec == CODEC_TREE) {
                r = new_records(d, &records, e);
                if (r < 0)
                        return r;
                r = tree_records_read(d->encoded, p->count, records, e);
        } else
                r = msgpack_records_decode(d->encoded, p->count, records, e);
        if (r == 0)
                work_respond_number(ret, parsed_digest(p, records));
        if (w->codec == CODEC_TREE)
                free(records);
        return r;
}

static int parse_msgpack(struct work *w, size_t count, struct work_response *ret, struct error *e) {
        const struct dataset *d = w->dataset;
        int r;

        if (w->codec == CODEC_TREE)
                r = tree_records_decode(d->encoded, count, e);
        else
                r = msgpack_records_decode(d->encoded, count, w->records, e);
        if (r < 0)
                return r;
        work_is_used();
        work_respond_number(ret, (int64_t)count);
        return 0;
}

static int encode_structs(struct work *w, const struct record *records, size_t count, const char **ret_json, size_t *ret_length,
                          struct error *e) {
        struct buf b = buf_over(w->json, w->json_capacity);
        int r = json_records_encode(&b, records, count);

        if (r < 0)
                return error_set(e, r, "the JSON of %zu records does not fit into %zu bytes", count, w->json_capacity);
        *ret_json = b.data;
        *ret_length = b.length;
        return 0;
}

/* Encodes into memory that is reused: the worker's buffer, or json-c's own. */
static int encode(struct work *w, size_t count, const char **ret_json, size_t *ret_length, struct error *e) {
        const struct dataset *d = w->dataset;

        if (w->codec == CODEC_TREE)
                return tree_encode(d->tree, count, ret_json, ret_length, e);
        return encode_structs(w, d->records, count, ret_json, ret_length, e);
}

static void respond_json_digest(struct work_response *ret, const struct work_params *p, const char *json, size_t length) {
        uint32_t crc = p->seed;

        for (uint32_t i = 0; i < p->digest_times; i++)
                crc = digest_bytes(crc, json, length);
        work_respond_number(ret, crc);
}

static int digest_json_structs(struct work *w, const struct work_params *p, struct work_response *ret, struct error *e) {
        const char *json;
        size_t length;
        int r;

        for (uint32_t i = 0; i < p->digest_times; i++)
                digest_shift(w->dataset->records, p->count, p->seed, w->records);
        r = encode_structs(w, w->records, p->count, &json, &length, e);
        if (r == 0)
                respond_json_digest(ret, p, json, length);
        return r;
}

/* The shifted records are a tree of their own, each time anew: the dataset's is shared by all workers, and its pages stay as they are. */
/* The shifted tree is kept from one digest to the next: with a new one, its allocations would pass for a part of encoding. */
static int digest_json_tree(struct work *w, const struct work_params *p, struct work_response *ret, struct error *e) {
        struct record *records;
        const char *json;
        size_t length;
        int r = new_records(w->dataset, &records, e);

        if (r == 0 && !w->shifted)
                r = tree_new(w->dataset->records, w->dataset->n_records, &w->shifted, e);
        for (uint32_t i = 0; r == 0 && i < p->digest_times; i++) {
                digest_shift(w->dataset->records, p->count, p->seed, records);
                r = tree_set_numbers(w->shifted, records, p->count, e);
        }
        if (r == 0)
                r = tree_encode(w->shifted, p->count, &json, &length, e);
        if (r == 0)
                respond_json_digest(ret, p, json, length);
        free(records);
        return r;
}

static int encode_json(struct work *w, size_t count, struct work_response *ret, struct error *e) {
        const char *json;
        size_t length;
        int r;

        r = encode(w, count, &json, &length, e);
        if (r < 0)
                return r;
        work_is_used();
        work_respond_number(ret, (int64_t)length);
        return 0;
}

static int transfer_data(struct work *w, size_t count, struct work_response *ret, struct error *e) {
        const struct dataset *d = w->dataset;
        const char *json;
        size_t length;
        char *copy;
        int r;

        if (count == d->n_records) {
                respond_static(ret, type_json, d->json, d->json_length);
                return 0;
        }
        /* Encoded into the warm buffer and copied: a client may take its time with the body, which is then exactly as large
         * as it need be, and the copy is a small part of the encoding. */
        r = encode(w, count, &json, &length, e);
        if (r < 0)
                return r;
        copy = malloc(length);
        if (!copy)
                return error_set(e, -ENOMEM, "out of memory for a body of %zu bytes", length);
        memcpy(copy, json, length);
        ret->body_kind = WORK_BODY_OWNED;
        ret->content_type = type_json;
        ret->body = copy;
        ret->body_length = length;
        return 0;
}

static int validate_body(struct work *w, const struct work_params *p, struct work_response *ret, struct error *e) {
        char *json;
        int r;

        if (!w->checked)
                w->checked = malloc(WORK_VALIDATE_COUNT_MAX * sizeof *w->checked);
        if (!w->checked)
                return error_set(e, -ENOMEM, "out of memory for %u records", WORK_VALIDATE_COUNT_MAX);
        r = validate(p, w->codec, w->checked, &json, &ret->body_length, e);
        if (r < 0)
                return r;
        ret->body_kind = WORK_BODY_OWNED;
        ret->content_type = type_json;
        ret->body = json;
        return 0;
}

static int encode_one(struct work *w, size_t position, const char **ret_json, size_t *ret_length, struct error *e) {
        const struct dataset *d = w->dataset;
        struct buf b = buf_over(w->json, w->json_capacity);
        int r;

        if (w->codec == CODEC_TREE)
                return tree_encode_one(d->tree, position, ret_json, ret_length, e);
        r = json_record_encode(&b, &d->records[position]);
        if (r < 0)
                return error_set(e, r, "the JSON of record %zu does not fit into %zu bytes", position, w->json_capacity);
        *ret_json = b.data;
        *ret_length = b.length;
        return 0;
}

/* "/record/7" */
static int record(struct work *w, const char *path, struct work_response *ret, struct error *e) {
        const char *digits = strrchr(path, '/') + 1;
        const size_t n = w->dataset->n_records;
        uint64_t position = UINT64_MAX;
        char quoted[QUOTE_MAX];
        int r = number_parse(digits, strlen(digits), &position);

        if (r < 0 || position >= n)
                return error_set(e, -ENOENT, "There is no record \"%s\"; their numbers go from 0 to %zu.",
                                 quote_bytes(quoted, digits, strlen(digits)), n - 1);
        r = encode_one(w, (size_t)position, &ret->body, &ret->body_length, e);
        ret->body_kind = WORK_BODY_REUSED;
        ret->content_type = type_json;
        return r;
}

/* "/users/7/items" is answered with "users 7 items". */
static void name_sibling(const char *path, struct work_response *ret) {
        size_t n = 0;

        for (const char *c = path + 1; *c && n < sizeof ret->text; c++)
                ret->text[n++] = *c == '/' ? ' ' : *c;
        ret->body_kind = WORK_BODY_INLINE;
        ret->content_type = type_text;
        ret->body = ret->text;
        ret->body_length = n;
}

bool work_is_ready(const struct work *w, const struct work_params *p) {
        return p->which == WORKLOAD_WELCOME || (p->which == WORKLOAD_TRANSFER_DATA && p->count == w->dataset->n_records);
}

int work_run(struct work *w, enum workload which, const struct work_params *p, struct work_response *ret, struct error *e) {
        switch (which) {
        case WORKLOAD_WELCOME:
                respond_static(ret, type_text, welcome, sizeof welcome - 1);
                return 0;
        case WORKLOAD_PARSE_MSGPACK:
                if (p->digest_times)
                        return digest_msgpack(w, p, ret, e);
                return parse_msgpack(w, p->count, ret, e);
        case WORKLOAD_ENCODE_JSON:
                if (p->digest_times)
                        return w->codec == CODEC_TREE ? digest_json_tree(w, p, ret, e) : digest_json_structs(w, p, ret, e);
                return encode_json(w, p->count, ret, e);
        case WORKLOAD_TRANSFER_DATA:
                return transfer_data(w, p->count, ret, e);
        case WORKLOAD_MILLION_LOOP:
                work_respond_number(ret, loop_run(p->n, p->seed));
                return 0;
        case WORKLOAD_VALIDATE:
                return validate_body(w, p, ret, e);
        case WORKLOAD_WAIT:
                work_respond_number(ret, p->wait_ms);
                return 0;
        case WORKLOAD_RECORD:
                return record(w, p->path, ret, e);
        case WORKLOAD_SIBLING:
                name_sibling(p->path, ret);
                return 0;
        default: /* what a store answers, or none */
                break;
        }
        return error_set(e, -EINVAL, "no such workload: %d", (int)which);
}
