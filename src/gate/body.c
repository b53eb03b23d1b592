#include "gate/bytes.h"
#include "gate/gate_internal.h"

enum { CHUNK_DIGITS_MAX = 16 };

#define BAD_CHUNK "The body is not in well-formed chunks."

/* Sizes and extensions of chunks may together be as large as a head, beside a digit and a line's end for each byte of the body: they mean
 * nothing. */
static bool has_room(struct gate *g) {
        return ++g->chunk_line_bytes <= g->limits->head_bytes + 2 * g->body_bytes;
}

static enum gate_verdict end_chunk_line(struct gate *g) {
        if (g->left > gate_body_max(g) - g->body_bytes)
                return gate_refuse(g, 413, "The request body is larger than this server accepts.");
        g->body_bytes += g->left;
        if (g->left > 0)
                g->chunk = CHUNK_DATA;
        else {
                g->phase = GATE_TRAILER;
                g->line = g->looked_at = 0;
        }
        return GATE_MORE;
}

static enum gate_verdict take_size(struct gate *g, char byte) {
        if (byte_is(byte, BYTE_HEX)) {
                if (g->chunk_digits++ == CHUNK_DIGITS_MAX)
                        return gate_refuse(g, 400, BAD_CHUNK);
                g->left = g->left << 4 | byte_hex(byte);
                return GATE_MORE;
        }
        if (g->chunk_digits == 0)
                return gate_refuse(g, 400, BAD_CHUNK);
        if (byte == '\r')
                g->chunk = CHUNK_LF;
        else if (byte == ';')
                g->chunk = CHUNK_EXTENSION;
        else if (byte == ' ' || byte == '\t')
                g->chunk = CHUNK_SPACE;
        else
                return gate_refuse(g, 400, BAD_CHUNK);
        return GATE_MORE;
}

/* Takes a byte that is not a chunk's data. */
static enum gate_verdict take_byte(struct gate *g, char byte) {
        bool fits;

        if (g->chunk <= CHUNK_EXTENSION && !has_room(g))
                return gate_refuse(g, 413, "The lines of the body's chunks are larger than this server accepts.");
        switch (g->chunk) {
        case CHUNK_SIZE:
                return take_size(g, byte);
        case CHUNK_SPACE: /* only an extension may have some before it (RFC 9112, 7.1.1) */
                fits = byte == ';' || byte == ' ' || byte == '\t';
                if (byte == ';')
                        g->chunk = CHUNK_EXTENSION;
                break;
        case CHUNK_EXTENSION:
                fits = byte == '\r' || byte_is(byte, BYTE_VALUE);
                if (byte == '\r')
                        g->chunk = CHUNK_LF;
                break;
        case CHUNK_LF:
                if (byte == '\n')
                        return end_chunk_line(g);
                fits = false;
                break;
        case CHUNK_DATA_CR:
                fits = byte == '\r';
                g->chunk = CHUNK_DATA_LF;
                break;
        default: /* CHUNK_DATA_LF */
                fits = byte == '\n';
                g->chunk = CHUNK_SIZE;
                g->chunk_digits = 0;
                break;
        }
        return fits ? GATE_MORE : gate_refuse(g, 400, BAD_CHUNK);
}

static enum gate_verdict take_chunks(struct gate *g, const char *bytes, size_t length, size_t *ret_used) {
        enum gate_verdict verdict = GATE_MORE;
        size_t at = 0;

        while (verdict == GATE_MORE && at < length && g->phase == GATE_CHUNKS) {
                if (g->chunk == CHUNK_DATA) {
                        size_t n = g->left < length - at ? (size_t)g->left : length - at;

                        g->data = (struct gate_span){ (uint32_t)at, (uint32_t)n };
                        at += n;
                        g->left -= n;
                        if (g->left == 0)
                                g->chunk = CHUNK_DATA_CR;
                        if (g->is_wanted)
                                break;
                } else
                        verdict = take_byte(g, bytes[at++]);
        }
        *ret_used = at;
        return verdict;
}

enum gate_verdict body_take(struct gate *g, const char *bytes, size_t length, size_t *ret_used) {
        size_t n = g->left < length ? (size_t)g->left : length;

        g->data.length = 0;
        if (g->phase == GATE_CHUNKS)
                return take_chunks(g, bytes, length, ret_used);
        g->data = (struct gate_span){ 0, (uint32_t)n };
        *ret_used = n;
        g->left -= n;
        return g->left == 0 ? GATE_END : GATE_MORE;
}
