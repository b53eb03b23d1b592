#include "codec/json_record.h"

#include <errno.h>
#include <stdbool.h>

#include "codec/double_text.h"
#include "codec/integer_text.h"
#include "codec/json_string.h"

#define BEFORE_ID "{\"id\":"
#define BEFORE_NAME ",\"name\":\""
#define BEFORE_DESCRIPTION "\",\"description\":\""
#define BEFORE_TYPE "\",\"type\":\""
#define BEFORE_COUNT "\",\"count\":"
#define BEFORE_CREATED_AT ",\"created_at\":"

/* Bytes of a literal without its NUL. */
#define LITERAL(s) (sizeof(s) - 1)

enum {
        RECORD_LITERALS = LITERAL(BEFORE_ID) + LITERAL(BEFORE_NAME) + LITERAL(BEFORE_DESCRIPTION) + LITERAL(BEFORE_TYPE) +
                          LITERAL(BEFORE_COUNT) + LITERAL(BEFORE_CREATED_AT) + LITERAL("}"),
        /* DOUBLE_TEXT_MAX, not what a double's text really needs: double_text() may write that far. */
        RECORD_FIXED_MAX = RECORD_LITERALS + 2 * INTEGER_TEXT_MAX + DOUBLE_TEXT_MAX,
};

_Static_assert(LITERAL(BEFORE_NAME) >= INTEGER_TEXT_WRITES && LITERAL(BEFORE_CREATED_AT) >= INTEGER_TEXT_WRITES,
               "what stands behind an integer is written over what it has not used");

#define EMIT(p, literal) ((char *)memcpy((p), (literal), LITERAL(literal)) + LITERAL(literal))

/* Length that this record's text cannot exceed. */
static inline size_t record_bound(const struct record *r) {
        return RECORD_FIXED_MAX + JSON_ESCAPE_MAX * ((size_t)r->name.length + r->description.length + r->type.length);
}

static size_t record_length(const struct record *r) {
        char text[DOUBLE_TEXT_MAX];

        return RECORD_LITERALS + integer_text_length(r->id) + json_string_length(r->name.bytes, r->name.length) +
               json_string_length(r->description.bytes, r->description.length) +
               json_string_length(r->type.bytes, r->type.length) + integer_text_length(r->count) +
               double_text(r->created_at, text);
}

/* Writes one record; the caller has made sure of the room. `exact`: there is room for the text and for nothing more, so
 * double_text(), which may use DOUBLE_TEXT_MAX bytes, gets a place of its own. */
static inline __attribute__((always_inline)) char *record_emit(char *p, const struct record *r, bool exact) {
        p = EMIT(p, BEFORE_ID);
        p = integer_text(p, r->id);
        p = EMIT(p, BEFORE_NAME);
        p = json_string_emit(p, r->name.bytes, r->name.length);
        p = EMIT(p, BEFORE_DESCRIPTION);
        p = json_string_emit(p, r->description.bytes, r->description.length);
        p = EMIT(p, BEFORE_TYPE);
        p = json_string_emit(p, r->type.bytes, r->type.length);
        p = EMIT(p, BEFORE_COUNT);
        p = integer_text(p, r->count);
        p = EMIT(p, BEFORE_CREATED_AT);
        if (exact) {
                char text[DOUBLE_TEXT_MAX];
                size_t length = double_text(r->created_at, text);

                memcpy(p, text, length);
                p += length;
        } else
                p += double_text(r->created_at, p);
        *p++ = '}';
        return p;
}

/* The last records in a buffer without slack. */
static __attribute__((noinline)) char *record_emit_exactly(char *p, const char *end, const struct record *r) {
        if (record_length(r) > (size_t)(end - p))
                return NULL;
        return record_emit(p, r, true);
}

size_t json_record_length(const struct record *record) {
        return record_length(record);
}

size_t json_records_length(const struct record *records, size_t n) {
        size_t length = LITERAL("[]") + (n ? n - 1 : 0);

        for (size_t i = 0; i < n; i++)
                length += record_length(&records[i]);
        return length;
}

size_t json_records_bound(const struct record *records, size_t n) {
        size_t bound = LITERAL("[]") + n;

        for (size_t i = 0; i < n; i++)
                bound += record_bound(&records[i]);
        return bound;
}

size_t json_numbers_growth_max(size_t n) {
        return n * (2 * (INTEGER_TEXT_MAX - LITERAL("0")) + DOUBLE_TEXT_MAX - LITERAL("0.0"));
}

int json_records_encode(struct buf *b, const struct record *records, size_t n) {
        char *p = b->data + b->length, *end = b->data + b->capacity;

        /* The brackets, and a comma per record but the first; they are then not checked one by one. */
        if ((size_t)(end - p) < LITERAL("[]") + (n ? n - 1 : 0))
                goto overflow;
        end -= LITERAL("[]") + (n ? n - 1 : 0);
        for (size_t i = 0; i < n; i++) {
                *p++ = i ? ',' : '[';
                end++; /* the byte just used was set aside */
                if (__builtin_expect(record_bound(&records[i]) <= (size_t)(end - p), 1))
                        p = record_emit(p, &records[i], false);
                else {
                        p = record_emit_exactly(p, end, &records[i]);
                        if (!p)
                                goto overflow;
                }
        }
        if (n == 0)
                *p++ = '[';
        *p++ = ']';
        b->length = (size_t)(p - b->data);
        return 0;
overflow:
        b->overflow = true;
        return -ENOBUFS;
}

int json_record_encode(struct buf *b, const struct record *record) {
        char *p = b->data + b->length, *end = b->data + b->capacity;

        p = record_bound(record) <= (size_t)(end - p) ? record_emit(p, record, false) : record_emit_exactly(p, end, record);
        if (!p) {
                b->overflow = true;
                return -ENOBUFS;
        }
        b->length = (size_t)(p - b->data);
        return 0;
}
