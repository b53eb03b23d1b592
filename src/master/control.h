/* The master's Unix socket for restmarkctl. A client sends one line and gets one reply: "ok\n" and the text asked for, or
 * "error: …\n". Then the master closes. Clients never make the master wait. */
#ifndef RESTMARK_MASTER_CONTROL_H
#define RESTMARK_MASTER_CONTROL_H

#include <restmark/scoreboard.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "base/error.h"

enum {
        CONTROL_CLIENTS_MAX = 32,  /* at once; more are turned away */
        CONTROL_COMMAND_MAX = 256, /* bytes of a line */
        CONTROL_CLIENT_MS = 5000,  /* for sending the command, and again for reading the reply */
};

struct control;

/* Makes the directory of `path` if it is missing (mode 0755, one level), removes a stale socket, refuses with -EADDRINUSE if another live
 * daemon has it. Permissions are 0660. */
int control_open(const char *path, struct control **ret, struct error *e);

/* Commands whose reply takes time. `begin` returns the ticket that control_finish() will name, 0 for a command that there is not. */
struct control_commands {
        uint64_t (*begin)(void *context, const char *command);
        void *context;
};

/* Begins to answer, from `event`'s loop; `board` is borrowed, `commands` copied. */
int control_attach(struct control *control, sd_event *event, const struct restmark_scoreboard *board,
                   const struct control_commands *commands, struct error *e);

/* Answers all clients that wait for `ticket` or an earlier one; `text` without a final newline. */
void control_finish(struct control *control, uint64_t ticket, bool ok, const char *text);

/* Closes everything and removes the socket. NULL-safe; returns NULL. */
struct control *control_free(struct control *control);

/* Whether `path` can be a Unix socket's; else -ENAMETOOLONG with a sentence. */
int control_check_path(const char *path, struct error *e);

/* The process that answers on `path`: its pid, 0 if none does (no such file, or a stale one), or a negative errno value. */
pid_t control_find_owner(const char *path);

/* The path that [admin] control means: "auto" resolved, NULL for none. The caller frees it. */
int control_resolve_path(const char *configured, char **ret, struct error *e);

#endif
