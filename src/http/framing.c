#include "http/framing.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/number.h"

/* From this version on the library itself can be told to refuse bare LF, folded lines and NUL bytes (server.c does). Before, it takes a
 * lone LF for a line end and leaves no trace, except where things lie: lines stay in place in its buffer while their ends are
 * overwritten, so that two neighbours stand exactly as far apart as the line end was long. */
#define LIBRARY_CHECKS_LINES (MHD_VERSION >= 0x00097701)

enum { FIELD_MEMORY = 64 }; /* bytes of the library's memory for each field, cookie and argument: 56, aligned */

struct scan {
        const char *previous_end; /* of the line before, without its line end */
        bool bad_line, bad_name, bad_length, bad_coding;
        unsigned int n_length, n_coding, n_host;
        uint64_t content_length;
        size_t cookie_bytes; /* which the library copies */
};

static bool is(const char *key, size_t size, const char *name) {
        return size == strlen(name) && strncasecmp(key, name, size) == 0;
}

/* A field name is a token (RFC 9110, 5.6.2). */
static bool is_token(const char *name, size_t size) {
        static const char marks[] = "!#$%&'*+-.^_`|~";

        for (size_t i = 0; i < size; i++) {
                unsigned char c = (unsigned char)name[i];
                bool is_letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';

                if (!is_letter && !(c >= '0' && c <= '9') && (c == '\0' || !strchr(marks, c)))
                        return false;
        }
        return size > 0;
}

static enum MHD_Result look_at_field(void *context, enum MHD_ValueKind kind, const char *key, size_t key_size, const char *value,
                                     size_t value_size) {
        struct scan *scan = context;

        (void)kind;
        if (!LIBRARY_CHECKS_LINES) {
                if (key - scan->previous_end != 2)
                        scan->bad_line = true;
                scan->previous_end = value + value_size;
        }
        if (memchr(value, '\r', value_size)) /* some take a bare CR for a line end */
                scan->bad_line = true;
        if (!is_token(key, key_size))
                scan->bad_name = true; /* "Content-Length : 5" */
        if (is(key, key_size, "Content-Length")) {
                scan->n_length++;
                scan->bad_length |= number_parse(value, value_size, &scan->content_length) < 0;
        } else if (is(key, key_size, "Transfer-Encoding")) {
                scan->n_coding++;
                scan->bad_coding |= !is(value, value_size, "chunked");
        } else if (is(key, key_size, "Host"))
                scan->n_host++;
        else if (is(key, key_size, "Cookie"))
                scan->cookie_bytes += value_size + 1;
        return MHD_YES;
}

static int check_fields(const struct scan *scan, const char *version, struct error *e) {
        bool is_1_0 = strcmp(version, "HTTP/1.0") == 0;

        if (scan->bad_name)
                return error_set(e, -EBADMSG, "The name of a header field holds white space or other characters that names cannot have.");
        if (scan->n_length > 1)
                return error_set(e, -EBADMSG, "Content-Length is given %u times.", scan->n_length);
        if (scan->n_length > 0 && scan->n_coding > 0)
                return error_set(e, -EBADMSG, "Content-Length and Transfer-Encoding are given together.");
        if (scan->bad_length)
                return error_set(e, -EBADMSG, "Content-Length is not a number.");
        if (scan->n_coding > 1 || scan->bad_coding)
                return error_set(e, -EBADMSG, "The only Transfer-Encoding that is understood is a single \"chunked\".");
        if (scan->n_coding > 0 && is_1_0)
                return error_set(e, -EBADMSG, "HTTP/1.0 has no Transfer-Encoding.");
        if (scan->n_host > 1 || (scan->n_host == 0 && !is_1_0))
                return error_set(e, -EBADMSG, "HTTP/1.1 asks for exactly one Host field; there are %u.", scan->n_host);
        return 0;
}

int framing_check(const struct connection *connection, const char *method, const char *version, struct framing *ret,
                  struct error *e) {
        const union MHD_ConnectionInfo *info =
                MHD_get_connection_info(connection->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
        struct scan scan = { .previous_end = version + strlen(version) };
        size_t head_bytes = info ? info->header_size : 0, n_fields, n_others;

        n_others = (size_t)MHD_get_connection_values_n(connection->mhd, MHD_COOKIE_KIND | MHD_GET_ARGUMENT_KIND, NULL, NULL);
        n_fields = (size_t)MHD_get_connection_values_n(connection->mhd, MHD_HEADER_KIND, look_at_field, &scan);
        if (!LIBRARY_CHECKS_LINES) {
                /* The request line: exactly one space before the target and before the version, and no NUL in the target. The head's
                 * end: the last line's CRLF and the empty line's. */
                if (connection->request.target != method + strlen(method) + 1 || connection->request.target_end + 1 != version ||
                    method + head_bytes - scan.previous_end != 4)
                        scan.bad_line = true;
        }
        if (scan.bad_line)
                return error_set(e, -EBADMSG,
                                 "Each line of the request must end with CR LF and hold no other CR, fields must not be folded over "
                                 "several lines, and there must be no NUL byte or stray space in the request line.");
        *ret = (struct framing){ .head_bytes = head_bytes,
                                 .memory_bytes = head_bytes + scan.cookie_bytes + FIELD_MEMORY * (n_fields + n_others),
                                 .content_length = scan.content_length,
                                 /* Before 0.9.77 chunk lines may end with a bare LF too, unseen. What such a body was framed as, nobody
                                  * can say: at least nothing behind it is taken for another request. */
                                 .last = !LIBRARY_CHECKS_LINES && scan.n_coding > 0 };
        return check_fields(&scan, version, e);
}
