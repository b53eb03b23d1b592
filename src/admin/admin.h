/* The admin endpoint: what the daemon knows about itself, over HTTP, answered by the master from its own loop, so that it answers
 * when every worker is stuck. It reads the scoreboard and nothing else; the routes of the main port are not here, and the other way
 * round. Clients cannot make the master wait: a few connections at once, one small request on each, and little time for it. */
#ifndef RESTMARK_ADMIN_ADMIN_H
#define RESTMARK_ADMIN_ADMIN_H

#include <restmark/scoreboard.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <systemd/sd-event.h>

#include "base/error.h"
#include "config/listen.h"

enum {
        ADMIN_CLIENTS_MAX = 16, /* at once; another one takes the place of the one that has waited longest */
        ADMIN_CLIENT_MS = 5000, /* from the connection's begin to the end of the answer */
        ADMIN_HEAD_MAX = 8192,  /* bytes of a request's head */
        ADMIN_BODY_MAX = 65536, /* bytes of a request's body, which means nothing, that are read */
};

struct admin;

/* What the master lets it see. */
struct admin_view {
        const struct restmark_scoreboard *board;
        void (*refresh)(void *context); /* brings up to date what is sampled into the board on demand */
        void (*write_events)(void *context, uint64_t since, FILE *to); /* as JSON */
        void *context;
};

/* With sockets that listen already, which belong to *ret on success only. `any_host`: a request may name any host, not only an address or
 * localhost. */
int admin_new(const int *fds, size_t n, bool any_host, struct admin **ret, struct error *e);

/* The addresses, with the port that port 0 has become, and their sockets. */
const struct listen_list *admin_addresses(const struct admin *admin);
const int *admin_fds(const struct admin *admin);

/* Begins to answer from `event`'s loop; `view` is copied. Whatever else the loop has to do comes first. */
int admin_attach(struct admin *admin, sd_event *event, const struct admin_view *view, struct error *e);

/* Closes everything. NULL-safe; returns NULL. */
struct admin *admin_free(struct admin *admin);

#endif
