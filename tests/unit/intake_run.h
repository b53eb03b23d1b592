/* A connection whose server's side is read through the intake. */
#ifndef RESTMARK_TESTS_INTAKE_RUN_H
#define RESTMARK_TESTS_INTAKE_RUN_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "unit.h"

#include "gate/intake.h"

/* What the owner was told. */
struct told {
        struct intake *in;
        unsigned int begun, refused, status, serving_when_refused;
        char target[64];
};

static inline void on_begun(void *context, const struct intake_request *request) {
        struct told *told = context;

        told->begun++;
        assert_int_equal(told->in->n_serving, 0);
        (void)snprintf(told->target, sizeof told->target, "%.*s", (int)request->target_length, request->target);
}

static inline void on_refused(void *context, const struct gate_refusal *refusal, bool is_head, const struct intake_request *request) {
        struct told *told = context;

        (void)is_head;
        told->refused++;
        told->status = refusal->status;
        told->serving_when_refused = (unsigned int)told->in->n_serving;
        (void)snprintf(told->target, sizeof told->target, "%.*s", (int)request->target_length, request->target);
}

static inline bool wants_body(const char *method, size_t method_length, const char *target, size_t target_length) {
        return method_length == 4 && memcmp(method, "POST", 4) == 0 && target_length == 2 && memcmp(target, "/w", 2) == 0;
}

static struct body_memory memory = { .max_bytes = 20000 };

static const struct intake_owner owner = { .limits = { .head_bytes = 1024, .body_bytes = 100000, .wanted_body_bytes = 12000, .wants_body = wants_body },
                                           .bodies = &memory,
                                           .begun = on_begun,
                                           .refused = on_refused };

/* Before and after all tests of a program. */
static inline int prepare_intakes(void **state) {
        (void)state;
        return intake_prepare(&owner);
}

static inline int forget_intakes(void **state) {
        (void)state;
        intake_forget_all();
        return 0;
}

/* A connection, with the client's end of it. */
struct fixture {
        struct intake in;
        struct told told;
        int client, server;
};

static inline void open_both(struct fixture *f) {
        int fds[2];

        memset(f, 0, sizeof *f);
        f->told.in = &f->in;
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
        f->client = fds[0];
        f->server = fds[1];
        assert_int_equal(intake_open(&f->in, f->server, &owner, &f->told), 0);
}

static inline void close_both(struct fixture *f) {
        intake_close(&f->in);
        (void)close(f->client);
        (void)close(f->server);
}

/* Reads as the library does: as long as it gets as much as it asks for. Returns the last result, 0 being the end. */
static inline ssize_t drain(struct fixture *f, size_t size, char *out, size_t *length) {
        char copy[8192];
        ssize_t n;

        assert_true(size <= sizeof copy);
        do {
                n = recv(f->server, copy, size, 0);
                if (n > 0) {
                        memcpy(out + *length, copy, (size_t)n);
                        *length += (size_t)n;
                }
        } while (n == (ssize_t)size || (n < 0 && errno == EINTR));
        if (n < 0)
                assert_int_equal(errno, EAGAIN);
        return n;
}

/* How many heads end behind `from`. */
static inline unsigned int count_heads(const char *text, size_t from, size_t length) {
        unsigned int n = 0;

        for (size_t i = from < 3 ? 0 : from - 3; i + 4 <= length; i++)
                n += memcmp(text + i, "\r\n\r\n", 4) == 0;
        return n;
}

#endif
