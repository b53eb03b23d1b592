#include "act/canary.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/fd.h"

enum {
        HEAD_MAX = 2048,
        BODY_KEPT = 96, /* bytes of a body that are compared; all that is fixed fits */
        QUESTIONS_MAX = 9,
};

#define A_RECORD "{\"id\":1,\"name\":\"n\",\"description\":\"\",\"type\":\"U\",\"count\":1,\"created_at\":1.5}"

/* One question and what must come back. */
struct question {
        const char *target;
        const char *sent;     /* NULL: it is a GET; else a POST with this body */
        char body[BODY_KEPT]; /* "": any */
        uint64_t body_bytes;
};

struct canary {
        int fd;
        sd_event_source *io, *timer;
        struct question questions[QUESTIONS_MAX];
        unsigned int n_questions;
        unsigned int at; /* the question whose answer is awaited */
        char head[HEAD_MAX];
        size_t head_length; /* bytes */
        bool in_body;
        uint64_t body_received;
        char body[BODY_KEPT];
        canary_done done;
        void *context;
};

/* `body` NULL: any of so many bytes. */
static void add(struct canary *c, const char *target, const char *sent, const char *body, uint64_t body_bytes) {
        struct question *q = &c->questions[c->n_questions++];

        q->target = target;
        q->sent = sent;
        q->body_bytes = body ? strlen(body) : body_bytes;
        (void)snprintf(q->body, sizeof q->body, "%s", body ? body : "");
}

static void add_number(struct canary *c, const char *target, size_t number) {
        char body[BODY_KEPT];

        (void)snprintf(body, sizeof body, "%zu", number);
        add(c, target, NULL, body, 0);
}

static void prepare(struct canary *c, const struct canary_expectation *expect) {
        add(c, "/", NULL, "Welcome!\n", 0);
        add_number(c, "/parse-msgpack", expect->n_records);
        add_number(c, "/encode-json", expect->json_bytes);
        add(c, "/transfer-data", NULL, NULL, expect->json_bytes);
        add(c, "/million-loop", NULL, "249999500000", 0); /* DESIGN: the loop of 1000000 steps from 0 */
        if (expect->body_bytes_max >= sizeof A_RECORD - 1)
                add(c, "/validate", A_RECORD, A_RECORD, 0);
        if (expect->n_records > 0)
                add(c, "/record/0", NULL, NULL, expect->record_bytes);
        add(c, "/users/7/items/3", NULL, "users 7 items 3", 0);
        if (expect->can_wait)
                add(c, "/wait?ms=1", NULL, "1", 0);
}

static void finish(struct canary *c, const char *why) {
        c->io = sd_event_source_unref(c->io);
        c->timer = sd_event_source_unref(c->timer);
        c->done(c->context, why);
}

static void __attribute__((format(printf, 2, 3))) fail(struct canary *c, const char *format, ...) {
        char what[160], why[256];
        va_list arguments;

        va_start(arguments, format);
        (void)vsnprintf(what, sizeof what, format, arguments);
        va_end(arguments);
        (void)snprintf(why, sizeof why, "asked for %s it %s", c->questions[c->at].target, what);
        finish(c, why);
}

/* All questions fit into the socket's buffer many times over. */
static int ask(struct canary *c) {
        const struct question *q = &c->questions[c->at];
        char text[256];
        int n;

        if (q->sent)
                n = snprintf(text, sizeof text, "POST %s HTTP/1.1\r\nHost: canary\r\nContent-Length: %zu\r\n\r\n%s", q->target, strlen(q->sent), q->sent);
        else
                n = snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: canary\r\n\r\n", q->target);
        return send(c->fd, text, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL) == n ? 0 : -errno;
}

/* The value of Content-Length; false if there is no whole number. */
static bool content_length(const char *head, uint64_t *ret) {
        static const char name[] = "\r\nContent-Length:";
        const char *field = strcasestr(head, name);
        char *end;

        if (!field)
                return false;
        errno = 0;
        *ret = strtoull(field + sizeof name - 1, &end, 10);
        return errno == 0 && *end == '\r';
}

/* Returns whether the answer is the one awaited as far as its head tells. */
static bool check_head(struct canary *c) {
        const struct question *q = &c->questions[c->at];
        unsigned int status;
        uint64_t length;

        if (sscanf(c->head, "HTTP/1.1 %3u ", &status) != 1)
                fail(c, "did not answer in HTTP");
        else if (status != 200)
                fail(c, "answered with status %u", status);
        else if (!content_length(c->head, &length))
                fail(c, "did not say the length of its answer");
        else if (length != q->body_bytes)
                fail(c, "answered %llu bytes instead of %llu", (unsigned long long)length, (unsigned long long)q->body_bytes);
        else
                return true;
        return false;
}

/* The body is complete. Returns false when the examination is over. */
static bool next_question(struct canary *c) {
        const struct question *q = &c->questions[c->at];
        int r;

        if (*q->body && memcmp(c->body, q->body, q->body_bytes) != 0) {
                fail(c, "answered \"%.*s\" instead of \"%s\"", (int)strcspn(c->body, "\n"), c->body, q->body);
                return false;
        }
        c->at++;
        c->head_length = 0;
        c->body_received = 0;
        memset(c->body, 0, sizeof c->body);
        c->in_body = false;
        if (c->at == c->n_questions) {
                finish(c, NULL);
                return false;
        }
        r = ask(c);
        if (r < 0)
                fail(c, "closed its connection (%s)", strerror(-r));
        return r == 0;
}

/* Eats one byte of a head. Returns 1 at its end, 0 before, -1 when the examination is over. */
static int take_head(struct canary *c, char byte) {
        if (c->head_length == HEAD_MAX - 1) {
                fail(c, "sent a head of more than %d bytes", HEAD_MAX - 1);
                return -1;
        }
        c->head[c->head_length++] = byte;
        c->head[c->head_length] = '\0';
        if (c->head_length < 4 || memcmp(c->head + c->head_length - 4, "\r\n\r\n", 4) != 0)
                return 0;
        return check_head(c) ? 1 : -1;
}

/* Returns false when the examination is over; the canary may be gone then. */
static bool take(struct canary *c, const char *data, size_t n) {
        while (n > 0) {
                const struct question *q = &c->questions[c->at];
                uint64_t left = q->body_bytes - c->body_received;
                size_t part = n < left ? n : (size_t)left;

                if (!c->in_body) {
                        int r = take_head(c, *data);

                        if (r < 0)
                                return false;
                        c->in_body = r > 0;
                        data++;
                        n--;
                } else {
                        for (size_t i = 0; i < part && c->body_received + i < BODY_KEPT - 1; i++)
                                c->body[c->body_received + i] = data[i];
                        c->body_received += part;
                        data += part;
                        n -= part;
                }
                if (c->in_body && c->body_received == q->body_bytes && !next_question(c))
                        return false;
        }
        return true;
}

static int on_readable(sd_event_source *source, int fd, uint32_t events, void *context) {
        struct canary *c = context;
        char data[65536];
        ssize_t n = recv(fd, data, sizeof data, MSG_DONTWAIT);

        (void)source;
        (void)events;
        if (n > 0)
                (void)take(c, data, (size_t)n);
        else if (n == 0)
                fail(c, "closed its connection");
        else if (errno != EAGAIN && errno != EINTR)
                fail(c, "broke its connection (%s)", strerror(errno));
        return 0;
}

static int on_timeout(sd_event_source *source, uint64_t usec, void *context) {
        struct canary *c = context;

        (void)source;
        (void)usec;
        fail(c, "did not answer in time");
        return 0;
}

int canary_new(sd_event *event, int fd, const struct canary_expectation *expect, uint64_t timeout_ms, canary_done done, void *context,
               struct canary **ret, struct error *e) {
        struct canary *c = calloc(1, sizeof *c);
        int r;

        if (!c) {
                (void)fd_close(fd);
                return error_set_errno(e, ENOMEM, "cannot examine the canary");
        }
        *c = (struct canary){ .fd = fd, .done = done, .context = context };
        prepare(c, expect);
        r = ask(c);
        if (r >= 0)
                r = sd_event_add_io(event, &c->io, fd, EPOLLIN, on_readable, c);
        if (r >= 0)
                r = sd_event_add_time_relative(event, &c->timer, CLOCK_MONOTONIC, timeout_ms * 1000, 1000, on_timeout, c);
        if (r < 0) {
                (void)canary_free(c);
                return error_set_errno(e, -r, "cannot examine the canary");
        }
        *ret = c;
        return 0;
}

struct canary *canary_free(struct canary *c) {
        if (!c)
                return NULL;
        sd_event_source_unref(c->io);
        sd_event_source_unref(c->timer);
        (void)fd_close(c->fd);
        free(c);
        return NULL;
}
