#include "work/stored.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "codec/json_record.h"
#include "codec/json_string.h"
#include "codec/msgpack_record.h"
#include "work/memory.h"

#define BEFORE_OWNER ",\"owner\":\""

static const char type_json[] = "application/json";

/* The memory is given back as far as it was not needed. */
static void respond_owned(struct work_response *ret, struct buf *b) {
        char *less = b->capacity - b->length > b->length ? realloc(b->data, b->length) : NULL;

        ret->body_kind = WORK_BODY_OWNED;
        ret->content_type = type_json;
        ret->body = less ? less : b->data;
        ret->body_length = b->length;
}

static int new_buffer(size_t bytes, struct buf *ret, struct error *e) {
        char *memory = malloc(bytes);

        *ret = buf_over(memory, bytes);
        return memory ? 0 : error_set(e, -ENOMEM, "out of memory for an answer of %zu bytes", bytes);
}

static size_t bound(const struct owned_record *row) {
        return json_records_bound(&row->record, 1) + sizeof BEFORE_OWNER + JSON_ESCAPE_MAX * (size_t)row->owner.length + sizeof "\"},";
}

/* The record's object, with one member more. There is room. */
static void append_owned(struct buf *b, const struct owned_record *row) {
        (void)json_record_encode(b, &row->record);
        b->length--; /* the brace */
        buf_append(b, BEFORE_OWNER, sizeof BEFORE_OWNER - 1);
        b->length = (size_t)(json_string_emit(b->data + b->length, row->owner.bytes, row->owner.length) - b->data);
        buf_append(b, "\"}", 2);
}

static int no_record(int64_t id, struct error *e) {
        return error_set(e, -ENOENT, "There is no record %" PRId64 " in the database.", id);
}

static int one_row(const struct work_params *p, const struct owned_record *rows, size_t n, struct work_response *ret, struct error *e) {
        struct buf b;
        int r;

        if (n == 0)
                return no_record(p->asked->ids[0], e);
        r = new_buffer(bound(&rows[0]), &b, e);
        if (r < 0)
                return r;
        (void)json_record_encode(&b, &rows[0].record);
        respond_owned(ret, &b);
        return 0;
}

/* Mostly the database has them in this order, or near it. */
static const struct owned_record *find(const struct owned_record *rows, size_t n, size_t guess, int64_t id) {
        for (size_t i = 0; i < n; i++) {
                const struct owned_record *row = &rows[(guess + i) % n];

                if (row->record.id == id)
                        return row;
        }
        return NULL;
}

static int in_order_asked(const struct work_params *p, const struct owned_record *rows, size_t n, struct work_response *ret, struct error *e) {
        const struct owned_record *found[WORK_IDS_MAX];
        size_t bytes = sizeof "[]";
        struct buf b;
        int r;

        for (size_t i = 0; i < p->asked->n_ids; i++) {
                found[i] = find(rows, n, i, p->asked->ids[i]);
                if (!found[i])
                        return no_record(p->asked->ids[i], e);
                bytes += bound(found[i]);
        }
        r = new_buffer(bytes, &b, e);
        if (r < 0)
                return r;
        for (size_t i = 0; i < p->asked->n_ids; i++) {
                buf_append(&b, i ? "," : "[", 1);
                (void)json_record_encode(&b, &found[i]->record);
        }
        buf_append(&b, "]", 1);
        respond_owned(ret, &b);
        return 0;
}

static int all_owned(const struct owned_record *rows, size_t n, struct work_response *ret, struct error *e) {
        size_t bytes = sizeof "[]";
        struct buf b;
        int r;

        for (size_t i = 0; i < n; i++)
                bytes += bound(&rows[i]);
        r = new_buffer(bytes, &b, e);
        if (r < 0)
                return r;
        buf_append(&b, "[", 1);
        for (size_t i = 0; i < n; i++) {
                if (i)
                        buf_append(&b, ",", 1);
                append_owned(&b, &rows[i]);
        }
        buf_append(&b, "]", 1);
        respond_owned(ret, &b);
        return 0;
}

int work_rows(const struct work_params *p, const struct owned_record *rows, size_t n, struct work_response *ret, struct error *e) {
        if (p->which == WORKLOAD_DB_RECORDS)
                return in_order_asked(p, rows, n, ret, e);
        if (p->which == WORKLOAD_DB_SEARCH)
                return all_owned(rows, n, ret, e);
        return one_row(p, rows, n, ret, e);
}

/* ---- the cache's ---- */

/* Into the worker's memory if it fits, else into new; copied once more, as a client may take its time with it. */
static int encode_values(struct work_memory *memory, size_t n, struct work_response *ret, struct error *e) {
        struct buf warm = buf_over(memory->json, memory->json_capacity), b;
        bool fits = json_records_encode(&warm, memory->records, n) == 0;
        int r = new_buffer(fits ? warm.length : json_records_length(memory->records, n), &b, e);

        if (r < 0)
                return r;
        if (fits)
                buf_append(&b, warm.data, warm.length);
        else
                (void)json_records_encode(&b, memory->records, n);
        respond_owned(ret, &b);
        return 0;
}

int work_values(struct work *w, const struct work_params *p, const struct encoded_record *values, size_t n, struct work_response *ret,
                struct error *e) {
        struct work_memory memory;
        int r = work_memory(w, &memory, e);

        if (r == 0)
                r = msgpack_records_decode(values, n, memory.records, e);
        if (r < 0)
                return r;
        if (p->which == WORKLOAD_CACHE_JSON)
                return encode_values(&memory, n, ret, e);
        work_respond_number(ret, (int64_t)n);
        return 0;
}
