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
        BODY_KEPT = 64, /* bytes of a body that are compared; all that is fixed fits */
};

/* One question and what must come back. */
struct question {
        const char *target;
        char body[BODY_KEPT]; /* "": any */
        uint64_t body_bytes;
};

enum { N_QUESTIONS = 5 };

struct canary {
        int fd;
        sd_event_source *io, *timer;
        struct question questions[N_QUESTIONS];
        unsigned int at; /* the question whose answer is awaited */
        char head[HEAD_MAX];
        size_t head_length; /* bytes */
        bool in_body;
        uint64_t body_received;
        char body[BODY_KEPT];
        canary_done done;
        void *context;
};

static void prepare(struct canary *c, const struct canary_expectation *expect) {
        static const char *const targets[N_QUESTIONS] = { "/", "/parse-msgpack", "/encode-json", "/transfer-data", "/million-loop" };

        for (unsigned int i = 0; i < N_QUESTIONS; i++)
                c->questions[i].target = targets[i];
        (void)snprintf(c->questions[0].body, BODY_KEPT, "Welcome!\n");
        (void)snprintf(c->questions[1].body, BODY_KEPT, "%zu", expect->n_records);
        (void)snprintf(c->questions[2].body, BODY_KEPT, "%zu", expect->json_bytes);
        (void)snprintf(c->questions[4].body, BODY_KEPT, "249999500000"); /* DESIGN: the loop of 1000000 steps from 0 */
        for (unsigned int i = 0; i < N_QUESTIONS; i++)
                c->questions[i].body_bytes = strlen(c->questions[i].body);
        c->questions[3].body_bytes = expect->json_bytes;
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
        char text[128];
        int n;

        n = snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: canary\r\n\r\n", c->questions[c->at].target);
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
        if (c->at == N_QUESTIONS) {
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
