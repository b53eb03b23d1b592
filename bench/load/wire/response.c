#include "wire/response.h"

#include <string.h>

#include "wire/head.h"

const char *const response_fault_names[RESPONSE_FAULTS] = {
        [RESPONSE_GOOD] = "none",
        [RESPONSE_BAD_STATUS_LINE] = "malformed-status-line",
        [RESPONSE_BAD_HEADER] = "malformed-header",
        [RESPONSE_BAD_LENGTH] = "malformed-length",
        [RESPONSE_BAD_CHUNK] = "malformed-chunk",
        [RESPONSE_TOO_LARGE] = "too-large-head",
};

void response_begin(struct response_parser *p, bool to_head, struct response_memo *memo) {
        p->state = RESPONSE_AT_STATUS;
        p->fault = RESPONSE_GOOD;
        p->to_head = to_head;
        p->head_bytes = 0;
        p->partial = 0;
        p->memo = memo;
}

static bool has_no_body(const struct response_parser *p) {
        return p->to_head || p->head.status == 204 || p->head.status == 304;
}

/* The head is complete: how the body is framed, RFC 9112 section 6.3. */
static enum response_fault begin_body(struct response_parser *p) {
        struct response_head *head = &p->head;

        if (head->status == 101)
                return RESPONSE_BAD_STATUS_LINE; /* nobody asked for another protocol */
        if (head->status < 200) {
                if (head->has_length || head->chunked)
                        return RESPONSE_BAD_LENGTH;
                p->state = RESPONSE_AT_STATUS; /* interim: the answer is yet to come */
                return RESPONSE_GOOD;
        }
        if (head->status == 204 && (head->chunked || (head->has_length && head->length > 0)))
                return RESPONSE_BAD_LENGTH;
        if (has_no_body(p)) {
                p->state = RESPONSE_AT_END;
        } else if (head->chunked) {
                p->state = RESPONSE_AT_CHUNK_SIZE;
        } else if (head->has_length) {
                p->left = head->length;
                p->state = p->left > 0 ? RESPONSE_AT_LENGTH : RESPONSE_AT_END;
        } else {
                head->closes = true;
                p->state = RESPONSE_AT_CLOSE;
        }
        return RESPONSE_GOOD;
}

static enum response_fault take_chunk_size(struct response_parser *p, const char *line, size_t n) {
        enum response_fault fault = head_chunk_size(line, n, &p->left);

        if (fault == RESPONSE_GOOD)
                p->state = p->left > 0 ? RESPONSE_AT_CHUNK : RESPONSE_AT_TRAILERS;
        return fault;
}

/* A whole line, without its end. */
static enum response_fault take_line(struct response_parser *p, const char *line, size_t n) {
        switch (p->state) {
        case RESPONSE_AT_STATUS:
                p->state = RESPONSE_AT_HEADERS;
                return head_status_line(line, n, &p->head);
        case RESPONSE_AT_HEADERS:
                return n == 0 ? begin_body(p) : head_field(line, n, &p->head);
        case RESPONSE_AT_CHUNK_SIZE:
                return take_chunk_size(p, line, n);
        case RESPONSE_AT_CHUNK_END:
                p->state = RESPONSE_AT_CHUNK_SIZE;
                return n == 0 ? RESPONSE_GOOD : RESPONSE_BAD_CHUNK;
        default: /* RESPONSE_AT_TRAILERS */
                if (n == 0)
                        p->state = RESPONSE_AT_END;
                return n == 0 ? RESPONSE_GOOD : head_trailer(line, n);
        }
}

/* What a line without CRLF at its end, or with too many bytes, is called depends on where it is. */
static enum response_fault line_fault(const struct response_parser *p) {
        switch (p->state) {
        case RESPONSE_AT_STATUS:
                return RESPONSE_BAD_STATUS_LINE;
        case RESPONSE_AT_CHUNK_SIZE:
        case RESPONSE_AT_CHUNK_END:
                return RESPONSE_BAD_CHUNK;
        default:
                return RESPONSE_BAD_HEADER;
        }
}

static enum response_event broken(struct response_parser *p, enum response_fault fault) {
        p->fault = fault;
        return RESPONSE_BROKEN;
}

/* Whether the bytes of an unfinished status line may still become one: rubbish without a line's end is told at once. */
static bool may_be_status_line(const struct response_parser *p) {
        static const char begin[] = "HTTP/1.";
        size_t n = p->partial < sizeof begin - 1 ? p->partial : sizeof begin - 1;

        return p->state != RESPONSE_AT_STATUS || memcmp(p->line, begin, n) == 0;
}

/* Keeps the beginning of a line for the bytes to come. */
static enum response_event keep_partial(struct response_parser *p, const char *bytes, size_t n) {
        if (n > sizeof p->line - p->partial)
                return broken(p, RESPONSE_TOO_LARGE);
        memcpy(p->line + p->partial, bytes, n);
        p->partial += (uint32_t)n;
        return may_be_status_line(p) ? RESPONSE_MORE : broken(p, RESPONSE_BAD_STATUS_LINE);
}

/* Reads one line or the part of it that is there. Returns RESPONSE_MORE, also when the line is complete, or RESPONSE_BROKEN. */
static enum response_event feed_line(struct response_parser *p, const char *bytes, size_t n, size_t *ret_used) {
        const char *end = memchr(bytes, '\n', n), *line = bytes;
        size_t length = end ? (size_t)(end + 1 - bytes) : n;
        enum response_fault fault;

        *ret_used = length;
        if (!end)
                return keep_partial(p, bytes, n);
        if (p->partial > 0) {
                if (keep_partial(p, bytes, length) == RESPONSE_BROKEN)
                        return RESPONSE_BROKEN;
                line = p->line;
                length = p->partial;
                p->partial = 0;
        }
        if (length > RESPONSE_LINE_MAX)
                return broken(p, RESPONSE_TOO_LARGE);
        if (p->state != RESPONSE_AT_CHUNK_SIZE && p->state != RESPONSE_AT_CHUNK_END) {
                p->head_bytes += (uint32_t)length;
                if (p->head_bytes > RESPONSE_HEAD_MAX)
                        return broken(p, RESPONSE_TOO_LARGE);
        }
        if (length < 2 || line[length - 2] != '\r')
                return broken(p, line_fault(p));
        fault = take_line(p, line, length - 2);
        return fault == RESPONSE_GOOD ? RESPONSE_MORE : broken(p, fault);
}

/* Remembers a head that began at `bytes` and is `length` long, if it was the whole of one. */
static void remember(struct response_parser *p, const char *bytes, size_t length) {
        if (!p->memo || length > sizeof p->memo->bytes || p->head.status < 200)
                return;
        memcpy(p->memo->bytes, bytes, length);
        p->memo->length = length;
        p->memo->head = p->head;
}

/* The head, from wherever it has come to. */
static enum response_event feed_head(struct response_parser *p, const char *bytes, size_t n, size_t *ret_used) {
        bool whole = response_is_idle(p);
        enum response_fault fault;
        size_t used = 0;

        if (whole && p->memo && p->memo->length > 0 && n >= p->memo->length && memcmp(bytes, p->memo->bytes, p->memo->length) == 0) {
                p->head = p->memo->head;
                *ret_used = p->memo->length;
                fault = begin_body(p);
                return fault == RESPONSE_GOOD ? RESPONSE_MORE : broken(p, fault);
        }
        while (used < n && (p->state == RESPONSE_AT_STATUS || p->state == RESPONSE_AT_HEADERS)) {
                size_t length;
                enum response_event event = feed_line(p, bytes + used, n - used, &length);

                used += length;
                if (event == RESPONSE_BROKEN || p->partial > 0) {
                        *ret_used = used;
                        return event;
                }
                if (p->state == RESPONSE_AT_STATUS)
                        whole = false; /* behind an interim answer */
        }
        if (whole && p->state != RESPONSE_AT_HEADERS)
                remember(p, bytes, used);
        *ret_used = used;
        return RESPONSE_MORE;
}

static enum response_event feed_body(struct response_parser *p, size_t n, size_t *ret_used, size_t *ret_body) {
        size_t piece = p->state != RESPONSE_AT_CLOSE && p->left < n ? (size_t)p->left : n;

        *ret_used = *ret_body = piece;
        if (p->state == RESPONSE_AT_CLOSE)
                return RESPONSE_BODY;
        p->left -= piece;
        if (p->left == 0)
                p->state = p->state == RESPONSE_AT_LENGTH ? RESPONSE_AT_END : RESPONSE_AT_CHUNK_END;
        return RESPONSE_BODY;
}

enum response_event response_feed(struct response_parser *p, const char *bytes, size_t n, size_t *ret_used, size_t *ret_body) {
        size_t used = 0;

        *ret_body = 0;
        while (p->state != RESPONSE_AT_END) {
                enum response_event event;
                size_t length = 0;

                if (used == n) {
                        *ret_used = used;
                        return RESPONSE_MORE;
                }
                switch (p->state) {
                case RESPONSE_AT_STATUS:
                case RESPONSE_AT_HEADERS:
                        event = feed_head(p, bytes + used, n - used, &length);
                        break;
                case RESPONSE_AT_LENGTH:
                case RESPONSE_AT_CHUNK:
                case RESPONSE_AT_CLOSE:
                        event = feed_body(p, n - used, &length, ret_body);
                        break;
                default:
                        event = feed_line(p, bytes + used, n - used, &length);
                }
                used += length;
                if (event != RESPONSE_MORE) {
                        *ret_used = used;
                        return event;
                }
        }
        *ret_used = used;
        return RESPONSE_DONE;
}
