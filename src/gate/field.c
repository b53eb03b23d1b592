#include <errno.h>
#include <string.h>

#include "base/number.h"
#include "gate/bytes.h"
#include "gate/gate_internal.h"
#include "gate/target.h"

/* A field without its line's white space. */
struct field {
        const char *name, *value;
        size_t name_length, value_length;
        uint32_t value_at; /* in the head */
};

static void count(uint8_t *n) {
        if (*n < 2)
                ++*n;
}

static bool is(const struct field *field, const char *name, size_t length) {
        return bytes_are(field->name, field->name_length, name, length);
}

static void trim(const char **begin, const char **end) {
        while (*begin < *end && (**begin == ' ' || **begin == '\t'))
                ++*begin;
        while (*end > *begin && ((*end)[-1] == ' ' || (*end)[-1] == '\t'))
                --*end;
}

/* Whether a list (RFC 9110, 5.6.1) has this member. */
static bool lists(const struct field *field, const char *member, size_t length) {
        const char *begin = field->value, *end = begin + field->value_length;
        bool found = false;

        while (begin < end) {
                const char *comma = memchr(begin, ',', (size_t)(end - begin)), *next = comma ? comma + 1 : end, *last = comma ? comma : end;

                trim(&begin, &last);
                found |= bytes_are(begin, (size_t)(last - begin), member, length);
                begin = next;
        }
        return found;
}

static enum gate_verdict take_length(struct gate *g, const struct field *field) {
        int r = number_parse(field->value, field->value_length, &g->length);

        count(&g->n_lengths);
        if (r == -ERANGE)
                g->length = UINT64_MAX;
        else if (r < 0)
                return gate_refuse(g, 400, "Content-Length is not a number.");
        if (g->n_lengths > 1)
                return gate_refuse(g, 400, "Content-Length is given more than once.");
        return GATE_MORE;
}

static enum gate_verdict take_coding(struct gate *g, const struct field *field) {
        count(&g->n_codings);
        g->is_chunked = bytes_are(field->value, field->value_length, "chunked", 7);
        if (!g->is_chunked || g->n_codings > 1)
                return gate_refuse(g, 400, "The only Transfer-Encoding that is understood is a single \"chunked\".");
        if (g->is_1_0)
                return gate_refuse(g, 400, "HTTP/1.0 has no Transfer-Encoding.");
        return GATE_MORE;
}

static struct gate_span value_span(const struct field *field) {
        return (struct gate_span){ field->value_at, (uint32_t)field->value_length };
}

static enum gate_verdict check_value(struct gate *g, const struct field *field) {
        if (bytes_value_span(field->value, field->value_length) != field->value_length)
                return gate_refuse(g, 400, "The value of a field holds a control character.");
        return GATE_MORE;
}

/* Each request has one, and what is a host needs no second look at its bytes. */
static enum gate_verdict take_host(struct gate *g, const struct field *field) {
        bool is_host = target_is_host(field->value, field->value_length, true);

        count(&g->n_hosts);
        if (g->limits->keeps_fields)
                g->host = value_span(field);
        if (is_host && g->n_hosts == 1)
                return GATE_MORE;
        if (check_value(g, field) == GATE_REFUSED)
                return GATE_REFUSED;
        if (g->n_hosts > 1)
                return gate_refuse(g, 400, "There is more than one Host field.");
        return gate_refuse(g, 400, "The Host field is not a host with an optional port.");
}

/* What the field means here. */
static enum gate_verdict take_meaning(struct gate *g, const struct field *field) {
        switch (field->name_length) {
        case 6:
                if (is(field, "Expect", 6))
                        g->expects_continue |= lists(field, "100-continue", 12);
                else if (g->limits->keeps_fields && is(field, "Accept", 6))
                        g->accept = value_span(field);
                break;
        case 8:
                /* None of the answers has an entity tag, so that only "*" matches. */
                if (is(field, "If-Match", 8) && !bytes_are(field->value, field->value_length, "*", 1))
                        g->condition = GATE_IF_MATCH;
                break;
        case 10:
                if (is(field, "Connection", 10)) {
                        g->closes |= lists(field, "close", 5);
                        g->keeps_alive |= lists(field, "keep-alive", 10);
                }
                break;
        case 13:
                /* Of both conditions If-Match comes first (RFC 9110, 13.2.2). */
                if (is(field, "If-None-Match", 13) && bytes_are(field->value, field->value_length, "*", 1) && g->condition == GATE_UNCONDITIONAL)
                        g->condition = GATE_IF_NONE_MATCH;
                break;
        case 14:
                return is(field, "Content-Length", 14) ? take_length(g, field) : GATE_MORE;
        case 17:
                return is(field, "Transfer-Encoding", 17) ? take_coding(g, field) : GATE_MORE;
        default:
                break;
        }
        return GATE_MORE;
}

enum gate_verdict field_take(struct gate *g, const char *head, size_t at, size_t length) {
        const char *line = head + at, *end = line + length;
        struct field field = { .name = line };

        field.name_length = bytes_span(line, length, BYTE_TOKEN);
        if (field.name_length == 0 && (*line == ' ' || *line == '\t'))
                return gate_refuse(g, 400, "A field is folded over several lines.");
        if (field.name_length == 0 || field.name_length == length || line[field.name_length] != ':')
                return gate_refuse(g, 400, "A field is not a name, which holds no white space, and a colon.");
        field.value = line + field.name_length + 1;
        trim(&field.value, &end);
        field.value_length = (size_t)(end - field.value);
        field.value_at = (uint32_t)(field.value - head);
        if (field.name_length == 4 && g->phase != GATE_TRAILER && bytes_four(line) == bytes_four("host"))
                return take_host(g, &field);
        if (check_value(g, &field) == GATE_REFUSED)
                return GATE_REFUSED;
        return g->phase == GATE_TRAILER ? GATE_MORE : take_meaning(g, &field);
}

/* Of a body that is announced. */
static enum gate_verdict check_body(struct gate *g, const char *head) {
        if (g->n_lengths > 0 && g->n_codings > 0)
                return gate_refuse(g, 400, "Content-Length and Transfer-Encoding are given together.");
        g->is_wanted = g->limits->wants_body && g->limits->wants_body(head + g->method.at, g->method.length, head + g->target.at, g->target.length);
        return GATE_MORE;
}

enum gate_verdict field_check_all(struct gate *g, const char *head) {
        if (g->n_lengths + g->n_codings > 0 && check_body(g, head) == GATE_REFUSED)
                return GATE_REFUSED;
        if (g->n_hosts == 0 && !g->is_1_0)
                return gate_refuse(g, 400, "HTTP/1.1 asks for a Host field.");
        if (g->length > gate_body_max(g))
                return gate_refuse(g, 413, "The request body is larger than this server accepts.");
        return GATE_MORE;
}
