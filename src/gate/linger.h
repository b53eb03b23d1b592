/* Lingering close: closing a socket of which something is unread, or to which something comes later, makes the kernel send a reset, by which
 * the client may lose answers that are on their way. So the socket is kept, what still comes is thrown away, until the client closes or a
 * limit is reached. */
#ifndef RESTMARK_GATE_LINGER_H
#define RESTMARK_GATE_LINGER_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum {
        LINGER_MAX = 64,          /* sockets at once for which there are always descriptors */
        LINGER_MS = 2000,         /* for each, and again as long as the client takes what was sent … */
        LINGER_TOTAL_MS = 30000,  /* … up to this */
        LINGER_BYTES = 4 << 20,   /* thrown away of each */
};

struct linger_set;

int linger_new(struct linger_set **ret, struct error *e);
struct linger_set *linger_free(struct linger_set *l); /* closes all; NULL-safe; returns NULL */

/* An epoll descriptor that is readable when linger_run() has work. */
int linger_fd(const struct linger_set *l);

/* Takes a duplicate of `fd` and shuts its sending side down. */
void linger_add(struct linger_set *l, int fd, uint64_t now_ms);

/* Closes the oldest until there are `max` at most. */
void linger_keep(struct linger_set *l, size_t max);

void linger_run(struct linger_set *l, uint64_t now_ms);

/* When linger_run() must be called at the latest; UINT64_MAX if nothing lingers. */
uint64_t linger_deadline_ms(const struct linger_set *l);

#endif
