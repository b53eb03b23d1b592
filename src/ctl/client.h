/* One exchange with the daemon: a line, a reply. */
#ifndef RESTMARK_CTL_CLIENT_H
#define RESTMARK_CTL_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum { CLIENT_CONNECT_MS = 5000 };

struct client_reply {
        bool ok;         /* the daemon did it */
        char *text;      /* of the reply, behind "ok\n" or "error: "; "" when the daemon closed the connection without any */
        char *memory;    /* what `text` points into; for client_reply_free() */
};

/* $RESTMARK_CONTROL, or where restmarkd puts its socket by default. The result is constant, or in `text` of `size` bytes. */
const char *client_default_socket(char *text, size_t size);

/* Sends `line` (with its end) to the daemon at `path` and reads the reply to its end, within `timeout_ms` (0: as long as it takes; the
 * daemon's own deadlines end it). If `ret_master` is not NULL it gets a pidfd of the daemon's master, or -1 where the kernel gives none.
 * Returns 0 with the reply; -ENOENT or -ECONNREFUSED when no daemon is there, -EHOSTDOWN when it takes no command,
 * -ETIMEDOUT when it has taken it and does not reply in time, or another negative errno value. */
int client_ask(const char *path, const char *line, uint64_t timeout_ms, int *ret_master, struct client_reply *ret, struct error *e);

void client_reply_free(struct client_reply *reply);

#endif
