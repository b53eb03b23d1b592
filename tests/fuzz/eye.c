#include "eye.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "fuzz.h"

enum { HEAD_LINES_MAX = 6 /* the request line, Host, If-Match, Connection, the empty one, and one that two may be of */ };

unsigned int eye_count(const char *bytes, size_t length, const char *text) {
        size_t n = strlen(text);
        unsigned int found = 0;

        for (size_t i = 0; i + n <= length; i++)
                found += strncasecmp(bytes + i, text, n) == 0;
        return found;
}

/* ---- answers ---- */

static void add(struct eye_answers *a, uint64_t value) {
        a->sum = (a->sum ^ value) * UINT64_C(0x100000001b3);
}

/* The value of the field in the head, which is NUL-terminated and has one only; NULL if there is none. */
static const char *find_field(const char *head, const char *name) {
        char line[64];
        const char *found;

        (void)snprintf(line, sizeof line, "\r\n%s: ", name);
        found = strcasestr(head, line);
        if (!found)
                return NULL;
        REQUIRE(!strcasestr(found + 1, line), "an answer with two fields %s:\n%s", name, head);
        return found + strlen(line);
}

static void check_lines(const char *head, size_t length) {
        for (size_t i = 0; i < length; i++) {
                unsigned char c = (unsigned char)head[i];

                if (c == '\r' || c == '\n')
                        REQUIRE(c == '\n' ? i > 0 && head[i - 1] == '\r' : head[i + 1] == '\n', "a bare line end in an answer:\n%s", head);
                else
                        REQUIRE((c >= 0x20 && c < 0x7f), "byte 0x%02x in the head of an answer:\n%s", c, head);
        }
}

static void take_head(struct eye_answers *a, const char *head) {
        const char *length = find_field(head, "Content-Length"), *connection = find_field(head, "Connection");
        unsigned int version, status;
        unsigned long long bytes = 0;
        int n = 0;

        check_lines(head, strlen(head));
        REQUIRE(sscanf(head, "HTTP/1.%1u %3u%n", &version, &status, &n) == 2 && head[n] == ' ' && n == 12, "no status line:\n%s", head);
        REQUIRE(status >= 100 && status <= 599, "status %u", status);
        REQUIRE(!a->says_close, "an answer follows one that says Connection: close:\n%s", head);
        if (status == 100) {
                a->n_interim++;
                return;
        }
        REQUIRE(find_field(head, "Date"), "an answer without a Date:\n%s", head);
        REQUIRE(!find_field(head, "Transfer-Encoding"), "an answer in chunks:\n%s", head);
        REQUIRE(length ? sscanf(length, "%llu\r%n", &bytes, &n) == 1 : status == 204, "an answer without a length:\n%s", head);
        a->n++;
        a->status = status;
        a->says_close = connection && strncasecmp(connection, "close\r", 6) == 0;
        a->body_left = a->body_length = bytes;
        a->in_body = bytes > 0;
        add(a, status);
}

/* An answer to HEAD has a length but no body, which shows in what follows. Returns whether that is known. */
static bool look_for_body(struct eye_answers *a, bool may_lack_body) {
        static const char begin[] = "HTTP/1.";
        size_t n = a->n_kept < sizeof begin - 1 ? a->n_kept : sizeof begin - 1;

        if (!may_lack_body || a->body_left < a->body_length || memcmp(a->kept, begin, n) != 0)
                return true;
        if (n < sizeof begin - 1)
                return false;
        a->in_body = false;
        return true;
}

/* Returns how many of the kept bytes are done with, 0 if more are needed. */
static size_t step(struct eye_answers *a, bool may_lack_body) {
        const char *end;
        char head[EYE_KEPT_MAX + 1];
        size_t n;

        if (a->in_body) {
                if (!look_for_body(a, may_lack_body) || !a->in_body)
                        return 0;
                n = a->body_left < a->n_kept ? (size_t)a->body_left : a->n_kept;
                for (size_t i = 0; a->status != 400 && i < n; i++)
                        add(a, (unsigned char)a->kept[i]);
                a->body_left -= n;
                a->in_body = a->body_left > 0;
                return n;
        }
        end = memmem(a->kept, a->n_kept, "\r\n\r\n", 4);
        if (!end) {
                REQUIRE(a->n_kept < EYE_KEPT_MAX, "no end of an answer's head in %d bytes", EYE_KEPT_MAX);
                return 0;
        }
        n = (size_t)(end - a->kept) + 4;
        memcpy(head, a->kept, n);
        head[n] = '\0';
        REQUIRE(strlen(head) == n, "a NUL in the head of an answer:\n%s", head);
        take_head(a, head);
        return n;
}

void eye_take(struct eye_answers *a, const char *bytes, size_t length, bool may_lack_body) {
        while (length > 0) {
                size_t n = EYE_KEPT_MAX - a->n_kept < length ? EYE_KEPT_MAX - a->n_kept : length, used;
                bool was_in_body;

                memcpy(a->kept + a->n_kept, bytes, n);
                a->n_kept += n;
                bytes += n;
                length -= n;
                do {
                        was_in_body = a->in_body;
                        used = a->n_kept > 0 ? step(a, may_lack_body) : 0;
                        a->n_kept -= used;
                        memmove(a->kept, a->kept + used, a->n_kept);
                } while (used > 0 || was_in_body != a->in_body);
        }
}

bool eye_is_whole(const struct eye_answers *a, bool may_lack_body) {
        return a->n_kept == 0 && (!a->in_body || (may_lack_body && a->body_left == a->body_length));
}

/* ---- heads for the library ---- */

static bool begins(const struct eye_heads *h, const char *with) {
        size_t n = strlen(with);

        return h->line_length >= n && strncasecmp(h->line, with, n) == 0;
}

static void end_line(struct eye_heads *h) {
        if (h->line_length == 0) {
                REQUIRE(h->n_lines > 0, "the library is given an empty line before a head");
                h->n++;
                h->n_lines = 0;
                return;
        }
        REQUIRE(h->n_lines == 0 || begins(h, "Host:") || begins(h, "If-Match:") || begins(h, "Connection:"),
                "the library is given a line that is none of the gate's: %.*s", (int)sizeof h->line, h->line);
        REQUIRE(++h->n_lines < HEAD_LINES_MAX, "the library is given too many lines");
        h->line_length = 0;
}

void eye_take_heads(struct eye_heads *h, const char *bytes, size_t length) {
        for (size_t i = 0; i < length; i++) {
                unsigned char c = (unsigned char)bytes[i];

                if (h->was_cr || c == '\n') {
                        REQUIRE(h->was_cr && c == '\n', "the library is given a bare line end");
                        end_line(h);
                } else if (c != '\r') {
                        REQUIRE(c >= 0x20 || c == '\t', "the library is given byte 0x%02x", c);
                        if (h->line_length < sizeof h->line)
                                h->line[h->line_length] = (char)c;
                        h->line_length++;
                }
                h->was_cr = c == '\r';
        }
}
