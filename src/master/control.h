/* The master's Unix socket for restmarkctl. A client sends one line and gets one reply: "ok\n" and the text asked for, or
 * "error: …\n". Then the master closes. Clients never make the master wait. */
#ifndef RESTMARK_MASTER_CONTROL_H
#define RESTMARK_MASTER_CONTROL_H

#include <restmark/scoreboard.h>
#include <stdio.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "base/error.h"

enum {
        CONTROL_CLIENTS_MAX = 32,  /* at once; more are turned away */
        CONTROL_COMMAND_MAX = 256, /* bytes of a line */
        CONTROL_CLIENT_MS = 5000,  /* from connecting to having read the reply */
};

struct control;

/* Makes the directory of `path` if it is missing (mode 0755, one level), removes a stale socket, refuses with -EADDRINUSE if another live
 * daemon has it. Permissions are 0660. */
int control_open(const char *path, struct control **ret, struct error *e);

/* Begins to answer, from `event`'s loop; `board` is borrowed. */
int control_attach(struct control *control, sd_event *event, const struct restmark_scoreboard *board, struct error *e);

/* Closes everything and removes the socket. NULL-safe; returns NULL. */
struct control *control_free(struct control *control);

/* Whether `path` can be a Unix socket's; else -ENAMETOOLONG with a sentence. */
int control_check_path(const char *path, struct error *e);

/* The process that answers on `path`: its pid, 0 if none does (no such file, or a stale one), or a negative errno value. */
pid_t control_find_owner(const char *path);

/* The path that [admin] control means: "auto" resolved, NULL for none. The caller frees it. */
int control_resolve_path(const char *configured, char **ret, struct error *e);

#endif
