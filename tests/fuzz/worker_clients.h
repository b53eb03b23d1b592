/* Clients of a server that runs in this process, and its loop: what the worker's fuzzer moves. */
#ifndef RESTMARK_TESTS_FUZZ_WORKER_CLIENTS_H
#define RESTMARK_TESTS_FUZZ_WORKER_CLIENTS_H

#include <restmark/scoreboard.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "eye.h"
#include "http/server.h"
#include "script.h"

enum {
        CLIENT_SENT_MAX = 1 << 16, /* bytes of one client */
        DESCRIPTORS_MAX = 128,
        CONNECTIONS_MAX = 3, /* one less than there may be clients */
};

struct client {
        int fd, server_fd; /* -1: not open */
        bool has_ended, was_reset, half_closed, reads, closed_itself, is_full;
        char sent[CLIENT_SENT_MAX], pending[CLIENT_SENT_MAX];
        size_t n_sent, n_pending;
        struct eye_answers answers;
};

struct run {
        struct server *server;
        struct restmark_worker_cell cell;
        uint64_t now_ms;
        struct client clients[SCRIPT_CLIENTS];
        size_t n_clients, current, pieces;
        bool is_whole;  /* all that a client sends comes at once */
        bool is_timed;  /* clients may see the end of what they did not end */
        bool is_cut;    /* the pieces matter */
        uint64_t progress;
        struct eye_heads heads[DESCRIPTORS_MAX];
        unsigned int n_released, n_seen;
};

extern struct run run;

/* Another client comes, if there may be one more; it is the current one then. */
void clients_open(void);

/* Adds `length` bytes, or one byte so many `times`, to what the client will send. */
void client_add(struct client *c, const char *bytes, size_t length, size_t times);

/* Sends what has been added, in pieces, and lets the server have its turns. */
void client_flush(struct client *c);

void client_half_close(struct client *c);
void client_close(struct client *c);

/* Whether the client has sent a HEAD request. */
bool client_may_lack_body(const struct client *c);

/* The worker's loop, up to where it would wait. */
void clients_turn(void);

/* The same for so long. */
void clients_wait(uint64_t ms);

#endif
