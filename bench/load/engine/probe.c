#include "engine/probe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/fd.h"
#include "wire/call.h"
#include "wire/response.h"

enum { PROBE_IN_BYTES = 65536, PROBE_BODY_MAX = 256 * 1024 * 1024 };

/* An answer as it came. */
struct answer {
        uint16_t status;
        char *body;
        size_t length, capacity;
};

static int open_socket(const struct load_plan *plan, struct error *e) {
        struct timeval limit = { .tv_sec = (time_t)(plan->timeout_ns / 1000000000u), .tv_usec = (suseconds_t)(plan->timeout_ns / 1000u % 1000000u) };
        int fd = socket(plan->address.socket.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0), code;

        if (fd < 0)
                return error_set_errno(e, errno, "cannot make a socket");
        if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) < 0 ||
            connect(fd, (const struct sockaddr *)&plan->address.socket, plan->address.length) < 0) {
                code = errno == EINPROGRESS ? ETIMEDOUT : errno;
                (void)fd_close(fd);
                return error_set_errno(e, code, "cannot connect to %s", plan->address.text);
        }
        return fd;
}

static int keep(struct answer *a, const char *piece, size_t n, struct error *e) {
        if (n > PROBE_BODY_MAX - a->length)
                return error_set(e, -EPROTO, "an answer of more than %d MiB", PROBE_BODY_MAX >> 20);
        if (a->length + n > a->capacity) {
                size_t capacity = (a->length + n) * 2;
                char *more = realloc(a->body, capacity);

                if (!more)
                        return error_set(e, -ENOMEM, "no memory for an answer of %zu bytes", a->length + n);
                a->body = more;
                a->capacity = capacity;
        }
        memcpy(a->body + a->length, piece, n);
        a->length += n;
        return 0;
}

/* The parser of one answer, of whichever protocol. */
struct parser {
        struct response_parser response;
        struct answer_parser answer;
        bool is_call;
};

static enum response_event feed_one(struct parser *p, const char *bytes, size_t n, size_t *ret_used, size_t *ret_body) {
        return p->is_call ? answer_feed(&p->answer, bytes, n, ret_used, ret_body) : response_feed(&p->response, bytes, n, ret_used, ret_body);
}

/* Feeds what has come. Returns 1 when the answer is complete, 0 if not, or a negative errno value. */
static int feed(struct parser *p, struct answer *a, const char *bytes, size_t n, struct error *e) {
        enum response_event event;

        do {
                size_t used, body;

                event = feed_one(p, bytes, n, &used, &body);
                if (event == RESPONSE_BODY && keep(a, bytes + used - body, body, e) < 0)
                        return -EPROTO;
                if (event == RESPONSE_BROKEN)
                        return p->is_call ? error_set(e, -EPROTO, "an answer that is none to a call")
                                          : error_set(e, -EPROTO, "an answer that is not HTTP/1.1: %s", response_fault_names[p->response.fault]);
                bytes += used;
                n -= used;
        } while (event == RESPONSE_BODY);
        if (event == RESPONSE_DONE && n > 0)
                return error_set(e, -EPROTO, "%zu bytes behind the end of its answer", n);
        return event == RESPONSE_DONE;
}

static int send_all(int fd, const char *bytes, size_t n, struct error *e) {
        while (n > 0) {
                ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);

                if (sent < 0)
                        return error_set_errno(e, errno == EAGAIN ? ETIMEDOUT : errno, "cannot send a request");
                bytes += sent;
                n -= (size_t)sent;
        }
        return 0;
}

static int receive(int fd, struct parser *p, struct answer *a, struct error *e) {
        char in[PROBE_IN_BYTES];
        int r = 0;

        while (r == 0) {
                ssize_t n = recv(fd, in, sizeof in, 0);

                if (n < 0)
                        return error_set_errno(e, errno == EAGAIN ? ETIMEDOUT : errno, "no answer");
                if (n == 0)
                        return !p->is_call && response_ends_here(&p->response) ? 0 : error_set(e, -EPROTO, "the connection ended before the answer did");
                r = feed(p, a, in, (size_t)n, e);
        }
        return r < 0 ? r : 0;
}

/* Sends one request on a connection of its own and reads the answer, whose body is the caller's to free. */
static int ask(const struct load_plan *plan, size_t target, struct answer *ret, struct error *e) {
        struct parser *parser = malloc(sizeof *parser);
        char *request = malloc(plan->mix.bytes_max);
        int fd = -1, r = 0;

        *ret = (struct answer){ .body = NULL };
        if (!parser || !request)
                r = error_set(e, -ENOMEM, "no memory for a request");
        else
                r = fd = open_socket(plan, e);
        if (r >= 0)
                r = send_all(fd, request, request_render(&plan->mix, target, 0, request), e);
        if (r == 0) {
                parser->is_call = plan->mix.is_call;
                response_begin(&parser->response, plan->mix.to_head, NULL);
                answer_begin(&parser->answer);
                r = receive(fd, parser, ret, e);
                ret->status = parser->is_call ? parser->answer.status : parser->response.head.status;
        }
        (void)fd_close(fd);
        free(request);
        free(parser);
        return r;
}

static size_t first_difference(const struct expectation *x, const struct answer *a) {
        size_t n = x->length < a->length ? x->length : a->length, i = 0;

        while (i < n && x->body[i] == a->body[i])
                i++;
        return i;
}

static bool is_same(const struct expectation *x, const struct answer *a) {
        return x->length == a->length && first_difference(x, a) == a->length;
}

static int check_status(const struct load_plan *plan, const struct answer *a, struct error *e) {
        if (plan_accepts(plan, a->status))
                return 0;
        return error_set(e, -EPROTO, "answered with status %u; --status %u if that is what to measure", a->status, a->status);
}

/* The second answer, or the one that is compared with a file. */
static int compare(const struct load_plan *plan, size_t target, const struct expectation *x, const char *what, struct error *e) {
        struct answer again;
        int r = ask(plan, target, &again, e);

        if (r == 0)
                r = check_status(plan, &again, e);
        if (r == 0 && !is_same(x, &again))
                r = error_set(e, -EPROTO, "%s, from byte %zu on (%zu bytes, and %zu now); --no-check loads it all the same", what,
                              first_difference(x, &again), x->length, again.length);
        free(again.body);
        return r;
}

static int learn(struct load_plan *plan, size_t target, struct error *e) {
        struct answer first;
        int r = ask(plan, target, &first, e);

        if (r == 0)
                r = check_status(plan, &first, e);
        if (r == 0 && plan->mix.requests[target].n_parameters == 0) {
                plan->expected[target] = (struct expectation){ .known = true, .body = first.body, .length = first.length };
                return compare(plan, target, &plan->expected[target], "answers the same request differently", e);
        }
        free(first.body);
        return r;
}

int probe_targets(struct load_plan *plan, const struct expectation *expected, bool ask, struct error *e) {
        for (size_t i = 0; i < plan->mix.n; i++) {
                int r;

                if (expected) {
                        plan->expected[i] = (struct expectation){ .known = true, .body = malloc(expected->length + 1), .length = expected->length };
                        if (!plan->expected[i].body)
                                return error_set(e, -ENOMEM, "no memory for what is expected");
                        memcpy(plan->expected[i].body, expected->body, expected->length);
                        r = ask ? compare(plan, i, expected, "does not answer what --expect says", e) : 0;
                } else {
                        r = learn(plan, i, e);
                }
                if (r < 0)
                        return error_prefix(e, r, "%s", plan->mix.requests[i].target);
        }
        return 0;
}

void probe_forget(struct load_plan *plan) {
        for (size_t i = 0; i < REQUEST_TARGETS_MAX; i++) {
                free(plan->expected[i].body);
                plan->expected[i] = (struct expectation){ .known = false };
        }
}
