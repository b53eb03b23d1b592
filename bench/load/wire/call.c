#include "wire/call.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/number.h"

enum { ID_AT = 3, NAMES_BYTES_MAX = 31, PARAMETERS_MAX = 15 };

/* ---- calls ---- */

static void put_byte(struct buf *out, unsigned int byte) {
        const char c = (char)byte;

        buf_append(out, &c, 1);
}

static void put_bytes(struct buf *out, uint64_t number, unsigned int n) {
        while (n-- > 0)
                put_byte(out, number >> (8 * n) & 0xff);
}

size_t call_render_number(uint64_t number, char *out) {
        struct buf b = buf_over(out, CALL_NUMBER_BYTES);

        put_byte(&b, 0xcf);
        put_bytes(&b, number, 8);
        return b.length;
}

/* A name of the path or the query. */
static int put_name(struct buf *out, const char *target, const char *name, size_t n, struct error *e) {
        if (n == 0 || n > NAMES_BYTES_MAX || memchr(name, '%', n) || memchr(name, '{', n) || memchr(name, '/', n))
                return error_set(e, -EINVAL, "%s: \"%.*s\" is no name of a method or of a parameter", target, (int)n, name);
        put_byte(out, 0xa0 | (unsigned int)n);
        buf_append(out, name, n);
        return 0;
}

/* A number, or a random one; *begin is where the literal bytes since the last random one begin. */
static int put_value(struct request *r, struct buf *out, const char *value, size_t n, size_t *begin, struct error *e) {
        struct request_parameter *p = &r->parameters[r->n_parameters];
        uint64_t number;

        if (n > 1 && value[0] == '{' && value[n - 1] == '}') {
                if (r->n_parameters == REQUEST_PARAMETERS_MAX)
                        return error_set(e, -EINVAL, "%s: more than %d random numbers", r->target, REQUEST_PARAMETERS_MAX);
                if (request_parse_range(r->target, value + 1, n - 2, p, e) < 0)
                        return -EINVAL;
                p->offset = *begin;
                p->length = out->length - *begin;
                *begin = out->length;
                r->n_parameters++;
                return 0;
        }
        if (number_parse(value, n, &number) < 0)
                return error_set(e, -EINVAL, "%s: \"%.*s\" is no whole number, which parameters of calls are", r->target, (int)n, value);
        put_byte(out, 0xcf);
        put_bytes(out, number, 8);
        return 0;
}

static unsigned int count_parameters(const char *query) {
        unsigned int n = query && *query ? 1 : 0;

        for (const char *c = query; c && *c; c++)
                n += *c == '&';
        return n;
}

static int put_query(struct request *r, struct buf *out, const char *query, size_t *begin, struct error *e) {
        while (query && *query) {
                size_t length = strcspn(query, "&"), name = strcspn(query, "=&");
                size_t value = name < length ? name + 1 : length;

                if (put_name(out, r->target, query, name, e) < 0 || put_value(r, out, query + value, length - value, begin, e) < 0)
                        return -EINVAL;
                query += length + (query[length] == '&');
        }
        return 0;
}

static int put_call(struct request *r, struct buf *out, const char *body, size_t body_length, struct error *e) {
        static const char record[] = "record/", welcome[] = "welcome";
        const char *path = r->target + 1, *query = strchr(path, '?');
        size_t path_length = query ? (size_t)(query - path) : strlen(path), begin = 0;
        const bool has_id = path_length > sizeof record - 1 && memcmp(path, record, sizeof record - 1) == 0;
        unsigned int n = count_parameters(query ? query + 1 : NULL) + has_id + (body != NULL);

        if (n > PARAMETERS_MAX)
                return error_set(e, -EINVAL, "%s: more than %d parameters", r->target, PARAMETERS_MAX);
        put_byte(out, 0x94);
        put_byte(out, 0x00);
        put_byte(out, 0xce);
        put_bytes(out, 0, 4);
        if (put_name(out, r->target, path_length == 0 ? welcome : path, path_length == 0 ? sizeof welcome - 1 : has_id ? sizeof record - 2 : path_length, e) < 0)
                return -EINVAL;
        put_byte(out, n > 0 ? 0x91 : 0x90);
        if (n > 0)
                put_byte(out, 0x80 | n);
        if (body) {
                (void)put_name(out, r->target, "body", 4, e);
                put_byte(out, 0xc6);
                put_bytes(out, body_length, 4);
                buf_append(out, body, body_length);
        }
        if (has_id) {
                (void)put_name(out, r->target, "id", 2, e);
                if (put_value(r, out, path + sizeof record - 1, path_length - (sizeof record - 1), &begin, e) < 0)
                        return -EINVAL;
        }
        return put_query(r, out, query ? query + 1 : NULL, &begin, e);
}

int call_compile(struct request *r, const char *body, size_t body_length, struct error *e) {
        /* A byte more for each name, and for a number of one digit nine. */
        const size_t capacity = 10 * strlen(r->target) + body_length + 64;
        struct buf literal = buf_over(malloc(capacity), capacity);

        if (!literal.data)
                return error_set(e, -ENOMEM, "no memory for a call of %zu bytes", capacity);
        r->literal = literal.data;
        if (body_length > UINT32_MAX)
                return error_set(e, -E2BIG, "a body of %zu bytes does not fit into a call", body_length);
        if (put_call(r, &literal, body, body_length, e) < 0)
                return -EINVAL;
        r->literal_length = literal.length;
        return literal.overflow ? error_set(e, -E2BIG, "%s: the call is too long", r->target) : 0;
}

void call_set_id(char *bytes, uint32_t id) {
        struct buf b = buf_over(bytes + ID_AT, 4);

        put_bytes(&b, id, 4);
}

/* ---- answers ---- */

enum part {
        AT_ARRAY,
        AT_TYPE,
        AT_ID,
        AT_ID_BYTES,
        AT_ERROR,        /* nil, or an array of two */
        AT_RESULT,       /* the header of a str */
        AT_RESULT_BYTES, /* its length */
        AT_BODY,
        AT_STATUS,
        AT_STATUS_BYTES,
        AT_TEXT,
        AT_TEXT_BYTES,
        AT_TEXT_BODY,
        AT_NIL,
};

void answer_begin(struct answer_parser *p) {
        *p = (struct answer_parser){ .at = AT_ARRAY, .status = 200 };
}

/* A number that is not negative begins, or a str: how many bytes of it, or of its length, are to come; 0 if it is the byte itself, whose value is in
 * `number` then. Returns whether it is one. */
static bool begin_number(struct answer_parser *p, uint8_t byte) {
        p->number = 0;
        p->want = byte >= 0xcc && byte <= 0xcf ? 1u << (byte - 0xcc) : 0;
        if (byte <= 0x7f)
                p->number = byte;
        return byte <= 0x7f || p->want > 0;
}

static bool begin_text(struct answer_parser *p, uint8_t byte) {
        p->number = 0;
        p->want = byte >= 0xd9 && byte <= 0xdb ? 1u << (byte - 0xd9) : 0;
        if (byte >= 0xa0 && byte <= 0xbf)
                p->number = byte & 0x1f;
        return (byte >= 0xa0 && byte <= 0xbf) || p->want > 0;
}

/* A number is whole: what follows it. Returns whether it may be one. */
static bool end_number(struct answer_parser *p) {
        switch (p->at) {
        case AT_ID:
        case AT_ID_BYTES:
                p->id = (uint32_t)p->number;
                p->at = AT_ERROR;
                return p->number <= UINT32_MAX;
        case AT_RESULT:
        case AT_RESULT_BYTES:
                p->left = p->number;
                p->at = AT_BODY;
                return true;
        case AT_STATUS:
        case AT_STATUS_BYTES:
                p->status = (uint16_t)p->number;
                p->at = AT_TEXT;
                return p->number >= 300 && p->number <= 599;
        default:
                p->left = p->number;
                p->at = p->left > 0 ? AT_TEXT_BODY : AT_NIL;
                return true;
        }
}

/* Takes one byte that is not a body's. Returns whether it can be. */
static bool take_byte(struct answer_parser *p, uint8_t byte) {
        switch (p->at) {
        case AT_ARRAY:
                p->at = AT_TYPE;
                return byte == 0x94;
        case AT_TYPE:
                p->at = AT_ID;
                return byte == 0x01;
        case AT_ERROR:
                p->at = byte == 0xc0 ? AT_RESULT : AT_STATUS;
                return byte == 0xc0 || byte == 0x92;
        case AT_ID:
        case AT_STATUS:
                if (!begin_number(p, byte))
                        return false;
                break;
        case AT_RESULT:
        case AT_TEXT:
                if (!begin_text(p, byte))
                        return false;
                break;
        default: /* in a number */
                p->number = p->number << 8 | byte;
                if (--p->want > 0)
                        return true;
                return end_number(p);
        }
        if (p->want == 0)
                return end_number(p);
        p->at++; /* to its bytes */
        return true;
}

enum response_event answer_feed(struct answer_parser *p, const char *bytes, size_t n, size_t *ret_used, size_t *ret_body) {
        size_t used = 0;

        *ret_body = 0;
        for (;;) {
                if (p->at == AT_BODY && p->left == 0) {
                        *ret_used = used;
                        return RESPONSE_DONE;
                }
                if (used == n) {
                        *ret_used = used;
                        return RESPONSE_MORE;
                }
                if (p->at == AT_BODY || p->at == AT_TEXT_BODY) {
                        size_t piece = n - used < p->left ? n - used : (size_t)p->left;

                        used += piece;
                        p->left -= piece;
                        if (p->at == AT_BODY) {
                                *ret_used = used;
                                *ret_body = piece;
                                return RESPONSE_BODY;
                        }
                        if (p->left == 0)
                                p->at = AT_NIL;
                } else if (p->at == AT_NIL) {
                        *ret_used = used + 1;
                        return bytes[used] == (char)0xc0 ? RESPONSE_DONE : RESPONSE_BROKEN;
                } else if (!take_byte(p, (uint8_t)bytes[used++])) {
                        *ret_used = used;
                        return RESPONSE_BROKEN;
                }
        }
}
