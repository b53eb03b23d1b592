#include "wire/request.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/number.h"
#include "pace/random.h"
#include "wire/call.h"

enum { STREAM_MIX = 2, STREAM_PARAMETERS = 3, NUMBER_DIGITS_MAX = 20 };

static bool is_token(const char *text, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (text[i] <= ' ' || text[i] > '~' || strchr("\"(),/:;<=>?@[\\]{}", text[i]))
                        return false;
        return n > 0;
}

int request_check_method(const char *method, struct error *e) {
        if (!is_token(method, strlen(method)) || strlen(method) > 32 || strcmp(method, "CONNECT") == 0)
                return error_set(e, -EINVAL, "--method takes a method such as GET or POST, and not \"%s\"", method);
        return 0;
}

int request_check_header(const char *header, struct error *e) {
        static const char *const ours[] = { "Content-Length", "Transfer-Encoding", "Upgrade" };
        size_t name = strcspn(header, ":");

        if (!header[name] || !is_token(header, name))
                return error_set(e, -EINVAL, "--header takes \"Name: value\", and not \"%s\"", header);
        for (const char *at = header; *at; at++)
                if (((unsigned char)*at < ' ' && *at != '\t') || *at == 0x7f)
                        return error_set(e, -EINVAL, "--header %.*s has a control character in its value", (int)name, header);
        for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
                if (strlen(ours[i]) == name && strncasecmp(header, ours[i], name) == 0)
                        return error_set(e, -EINVAL, "--header %s: how requests are framed is not to be chosen; --body sends one", ours[i]);
        return 0;
}

/* Appends the target's literal bytes, and notes its numbers. */
static int compile_target(struct request *r, struct buf *literal, struct error *e) {
        const char *at = r->target;
        size_t begin = 0; /* of the literal bytes before the next number: the method's, at first */

        while (*at) {
                size_t plain = strcspn(at, "{}"), inside;

                buf_append(literal, at, plain);
                at += plain;
                if (!*at)
                        break;
                inside = strcspn(at + 1, "{}");
                if (*at != '{' || at[1 + inside] != '}')
                        return error_set(e, -EINVAL, "%s: a brace without its other half; write %%7B or %%7D for the character", r->target);
                if (r->n_parameters == REQUEST_PARAMETERS_MAX)
                        return error_set(e, -EINVAL, "%s: more than %d random numbers", r->target, REQUEST_PARAMETERS_MAX);
                if (request_parse_range(r->target, at + 1, inside, &r->parameters[r->n_parameters], e) < 0)
                        return -EINVAL;
                r->parameters[r->n_parameters].offset = begin;
                r->parameters[r->n_parameters++].length = literal->length - begin;
                begin = literal->length;
                at += inside + 2;
        }
        return 0;
}

static bool names_host(const struct request_style *style) {
        for (size_t i = 0; i < style->n_headers; i++)
                if (strncasecmp(style->headers[i], "Host:", 5) == 0)
                        return true;
        return false;
}

static size_t style_bytes(const struct request_style *style) {
        size_t bytes = strlen(style->method) + strlen(style->host) + style->body_length + 128;

        for (size_t i = 0; i < style->n_headers; i++)
                bytes += strlen(style->headers[i]) + 2;
        return bytes;
}

static int compile(struct request *r, const struct request_style *style, struct error *e) {
        size_t capacity = style_bytes(style) + strlen(r->target);
        struct buf literal = buf_over(malloc(capacity), capacity);

        if (!literal.data)
                return error_set(e, -ENOMEM, "no memory for a request of %zu bytes", capacity);
        r->literal = literal.data;
        buf_printf(&literal, "%s ", style->method);
        if (compile_target(r, &literal, e) < 0)
                return -EINVAL;
        buf_printf(&literal, " HTTP/1.1\r\n");
        if (!names_host(style))
                buf_printf(&literal, "Host: %s\r\n", style->host);
        for (size_t i = 0; i < style->n_headers; i++)
                buf_printf(&literal, "%s\r\n", style->headers[i]);
        if (style->body)
                buf_printf(&literal, "Content-Length: %zu\r\n", style->body_length);
        buf_append(&literal, "\r\n", 2);
        if (style->body)
                buf_append(&literal, style->body, style->body_length);
        r->literal_length = literal.length;
        return literal.overflow ? error_set(e, -E2BIG, "%s: the request is too long", r->target) : 0;
}

int request_mix_make(struct request_mix *m, const struct request_wish *wishes, size_t n, const struct request_style *style, uint64_t seed,
                     struct error *e) {
        *m = (struct request_mix){ .requests = calloc(n, sizeof *m->requests), .to_head = strcmp(style->method, "HEAD") == 0, .is_call = style->is_call, .seed = seed };
        if (!m->requests)
                return error_set(e, -ENOMEM, "no memory for %zu targets", n);
        for (m->n = 0; m->n < n;) {
                struct request *r = &m->requests[m->n];
                size_t bytes;
                int result;

                r->weight = wishes[m->n].weight;
                r->target = strdup(wishes[m->n].target);
                m->n++;
                result = r->target ? (style->is_call ? call_compile(r, style->body, style->body_length, e) : compile(r, style, e)) : error_set(e, -ENOMEM, "no memory for a target");
                if (result < 0)
                        return result;
                m->total_weight += r->weight;
                bytes = r->literal_length + r->n_parameters * NUMBER_DIGITS_MAX;
                m->bytes_max = bytes > m->bytes_max ? bytes : m->bytes_max;
        }
        return 0;
}

void request_mix_free(struct request_mix *m) {
        for (size_t i = 0; i < m->n; i++) {
                free(m->requests[i].target);
                free(m->requests[i].literal);
        }
        free(m->requests);
        *m = (struct request_mix){ .requests = NULL };
}

size_t request_choose(const struct request_mix *m, uint64_t k) {
        uint64_t at;
        size_t i = 0;

        if (m->n == 1)
                return 0;
        at = random_below(random_at(m->seed, STREAM_MIX, k), m->total_weight);
        while (at >= m->requests[i].weight)
                at -= m->requests[i++].weight;
        return i;
}

static size_t render_number(uint64_t number, char *out) {
        char digits[NUMBER_DIGITS_MAX];
        size_t n = 0;

        do {
                digits[n++] = (char)('0' + number % 10);
                number /= 10;
        } while (number > 0);
        for (size_t i = 0; i < n; i++)
                out[i] = digits[n - 1 - i];
        return n;
}

size_t request_render(const struct request_mix *m, size_t target, uint64_t k, char *out) {
        const struct request *r = &m->requests[target];
        size_t done = 0;
        char *at = out;

        for (size_t i = 0; i < r->n_parameters; i++) {
                const struct request_parameter *p = &r->parameters[i];
                uint64_t bits = random_at(m->seed, STREAM_PARAMETERS + i, k);

                memcpy(at, r->literal + p->offset, p->length);
                at += p->length;
                at += (m->is_call ? call_render_number : render_number)(p->low + random_below(bits, p->high - p->low + 1), at);
                done = p->offset + p->length;
        }
        memcpy(at, r->literal + done, r->literal_length - done);
        return (size_t)(at - out) + r->literal_length - done;
}
