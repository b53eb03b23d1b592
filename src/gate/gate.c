#include "gate/gate.h"

#include <string.h>

#include "gate/bytes.h"
#include "gate/gate_internal.h"

#define BAD_LINE "Each line of the request must end with CR LF and hold no other control character but tabs in field values."
#define BAD_BEGIN "The request does not begin with a method."

void gate_init(struct gate *g, const struct gate_limits *limits) {
        *g = (struct gate){ .limits = limits };
}

void gate_next(struct gate *g) {
        gate_init(g, g->limits);
}

static enum gate_verdict refuse_silently(struct gate *g, enum gate_silence silence) {
        g->refusal = (struct gate_refusal){ .silence = silence };
        return GATE_REFUSED;
}

bool gate_has_body(const struct gate *g) {
        return g->is_chunked || g->length > 0;
}

void gate_give_up(struct gate *g, unsigned int status, const char *detail) {
        (void)gate_refuse(g, status, detail);
}

bool gate_is_last(const struct gate *g) {
        return g->closes || (g->is_1_0 && !g->keeps_alive);
}

static bool is_head_method(const char *bytes, size_t length) {
        return length >= 5 && memcmp(bytes, "HEAD ", 5) == 0;
}

/* Nothing good can come of what begins otherwise; what is no text gets no answer. */
static enum gate_verdict check_begin(struct gate *g, char first) {
        if (byte_is(first, BYTE_TOKEN))
                return GATE_MORE;
        if (first == 0x16) /* the record type of a handshake */
                return refuse_silently(g, GATE_TLS);
        if (byte_is(first, BYTE_VALUE) && (unsigned char)first < 0x80)
                return gate_refuse(g, 400, BAD_BEGIN);
        return refuse_silently(g, GATE_BINARY);
}

/* Ignores empty lines before a request line (RFC 9112, 2.2). */
static enum gate_verdict skip_blank_lines(struct gate *g, const char *bytes, size_t length, size_t *ret_used) {
        size_t n = 0;

        for (; n < length && (bytes[n] == '\r' || bytes[n] == '\n'); n += 2) {
                if (bytes[n] == '\n' || g->blank_lines == GATE_BLANK_LINES_MAX)
                        return gate_refuse(g, 400, BAD_BEGIN);
                if (n + 1 == length)
                        break;
                if (bytes[n + 1] != '\n')
                        return gate_refuse(g, 400, BAD_BEGIN);
                g->blank_lines++;
        }
        *ret_used = n;
        return GATE_MORE;
}

/* Of the limit for which the head or trailer is too large the greatest part is to blame. */
static enum gate_verdict refuse_size(struct gate *g, const char *head) {
        size_t limit = g->limits->head_bytes, method = bytes_span(head, limit, BYTE_TOKEN);

        if (g->phase == GATE_TRAILER)
                return gate_refuse(g, 431, "The trailer is larger than this server accepts.");
        if (g->phase == GATE_LINE && method < limit && head[method] != ' ')
                return gate_refuse(g, 400, BAD_BEGIN);
        if (g->phase == GATE_LINE && method > limit / 2) /* RFC 9112, 3 */
                return gate_refuse(g, 501, UNKNOWN_METHOD);
        if (g->phase == GATE_LINE || g->target.length > limit / 2)
                return gate_refuse(g, 414, "The request target is longer than this server accepts.");
        return gate_refuse(g, 431, "The request line and header fields are larger than this server accepts.");
}

/* Looks at the part of a line that is there and was not looked at, and again at the byte before, which may be a CR. */
static enum gate_verdict check_part(struct gate *g, const char *head, size_t length) {
        size_t from = g->looked_at > g->line ? g->looked_at - 1 : g->line;
        size_t n = from + bytes_span(head + from, length - from, BYTE_VALUE);

        if (n < length && !(head[n] == '\r' && n + 1 == length))
                return gate_refuse(g, 400, BAD_LINE);
        g->looked_at = (uint32_t)length;
        return GATE_MORE;
}

/* Takes one line, without its end; the empty one is the last. */
static enum gate_verdict take_line(struct gate *g, const char *head, size_t length) {
        enum gate_verdict verdict = GATE_MORE;

        if (g->phase == GATE_LINE) {
                verdict = line_take(g, head, length);
                if (verdict == GATE_MORE)
                        g->phase = GATE_FIELDS;
                return verdict;
        }
        if (length > 0)
                return field_take(g, head, g->line, length);
        if (g->phase == GATE_FIELDS)
                verdict = field_check_all(g, head);
        return verdict == GATE_MORE ? GATE_END : verdict;
}

/* Takes lines up to the empty one, behind which GATE_END comes. */
static enum gate_verdict take_lines(struct gate *g, const char *head, size_t length, size_t *ret_used) {
        bool is_cut = length >= g->limits->head_bytes;
        enum gate_verdict verdict = GATE_MORE;

        if (is_cut)
                length = g->limits->head_bytes;
        while (verdict == GATE_MORE) {
                const char *end = memchr(head + g->looked_at, '\n', length - g->looked_at);
                size_t line_length;

                if (!end) {
                        verdict = check_part(g, head, length);
                        return verdict == GATE_MORE && is_cut ? refuse_size(g, head) : verdict;
                }
                line_length = (size_t)(end - head) - g->line;
                if (line_length == 0 || end[-1] != '\r')
                        return gate_refuse(g, 400, BAD_LINE);
                verdict = take_line(g, head, line_length - 1);
                g->line = g->looked_at = (uint32_t)(end - head) + 1;
        }
        if (verdict == GATE_END)
                *ret_used = g->line;
        return verdict;
}

static enum gate_verdict take_head(struct gate *g, const char *bytes, size_t length, size_t *ret_used) {
        enum gate_verdict verdict;

        if (length == 0)
                return GATE_MORE;
        if (g->looked_at == 0) {
                if (*bytes == '\r' || *bytes == '\n')
                        return skip_blank_lines(g, bytes, length, ret_used);
                if (check_begin(g, *bytes) == GATE_REFUSED)
                        return GATE_REFUSED;
        }
        g->is_head = is_head_method(bytes, length);
        verdict = take_lines(g, bytes, length, ret_used);
        if (verdict != GATE_END)
                return verdict;
        g->phase = g->is_chunked ? GATE_CHUNKS : GATE_LENGTH;
        g->left = g->length;
        return GATE_HEAD;
}

enum gate_verdict gate_take(struct gate *g, const char *bytes, size_t length, size_t *ret_used) {
        *ret_used = 0;
        if (g->refusal.status > 0 || g->refusal.silence != GATE_ANSWERABLE)
                return GATE_REFUSED;
        switch (g->phase) {
        case GATE_LENGTH:
        case GATE_CHUNKS:
                return body_take(g, bytes, length, ret_used);
        case GATE_TRAILER:
                return take_lines(g, bytes, length, ret_used);
        default:
                return take_head(g, bytes, length, ret_used);
        }
}
