/* The master's Unix socket for restmarkctl. A client sends one line and gets one reply: "ok\n" and the text asked for, or
 * "error: …\n". Then the master closes. Clients never make the master wait. */
#ifndef RESTMARK_ACT_CONTROL_H
#define RESTMARK_ACT_CONTROL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "act/control_access.h"
#include "base/error.h"

enum {
        CONTROL_CLIENTS_MAX = 32,  /* at once; more are turned away */
        CONTROL_COMMAND_MAX = 256, /* bytes of a line */
        CONTROL_CLIENT_MS = 5000,  /* for sending the command, and again for reading the reply */
};

struct control;

/* Makes the directory of `path` if it is missing (mode 0755, one level), removes a stale socket, refuses with -EADDRINUSE if another live
 * daemon has it. `access` is copied. */
int control_open(const char *path, const struct control_access *access, struct control **ret, struct error *e);

/* What a client waits for when its command takes time. Tickets of one topic are numbers that grow. */
enum control_topic {
        CONTROL_TOPIC_NONE, /* nothing: the reply is complete */
        CONTROL_TOPIC_RELOAD,
        CONTROL_TOPIC_SCALE,
        CONTROL_TOPIC_DRAIN,
        CONTROL_TOPIC_UPGRADE,
        CONTROL_TOPIC_STOP,
};

struct control_ticket {
        enum control_topic topic;
        uint64_t number;
};

/* Carries out one line (without its end; no NUL inside). Returns 0 when the reply's text is in `to`, or *ticket says what it waits for; else
 * negative with a sentence. */
struct control_commands {
        int (*run)(void *context, const char *line, const struct control_peer *peer, FILE *to, struct control_ticket *ticket,
                   struct error *e);
        void *context;
};

/* Begins to answer, from `event`'s loop; `commands` is copied. */
int control_attach(struct control *control, sd_event *event, const struct control_commands *commands, struct error *e);

/* Answers all clients that wait for this ticket or, of the same topic, an earlier one; `text` without a final newline. */
void control_finish(struct control *control, struct control_ticket ticket, bool ok, const char *text);

/* The same, but only for those that wait for exactly this ticket: commands of a topic may end in another order than they began. */
void control_finish_only(struct control *control, struct control_ticket ticket, bool ok, const char *text);

/* What another program needs to go on with the control socket. */
struct control_state {
        int fd;
        const char *path; /* borrowed */
        uint64_t device, inode;
};

struct control_state control_describe(const struct control *control);

/* Goes on with it; the descriptor belongs to *ret, on success only. */
int control_adopt(const struct control_state *state, const struct control_access *access, struct control **ret, struct error *e);

/* The descriptors of the clients that wait for something of `topic`, at most `max`; of CONTROL_TOPIC_NONE: that have not said a whole line yet.
 * Returns how many there are. */
size_t control_list_waiting(const struct control *control, enum control_topic topic, int *fds, size_t max);

/* Makes the one behind `fd`, which belongs to `control` from now on, wait for `ticket`, or be listened to if that has no topic; after
 * control_attach(). */
void control_adopt_waiting(struct control *control, int fd, struct control_ticket ticket);

/* Closes everything and removes the socket. NULL-safe; returns NULL. */
struct control *control_free(struct control *control);

/* Whether `path` can be a Unix socket's; else -ENAMETOOLONG with a sentence. */
int control_check_path(const char *path, struct error *e);

/* What can go wrong on the way to a control socket, at a start or as a check before one finds it. */
enum control_step { CONTROL_STEP_DIRECTORY, CONTROL_STEP_EXAMINE, CONTROL_STEP_REMOVE, CONTROL_STEP_MAKE };

/* Says it of `path`, by a positive errno value. Returns -errnum. */
int control_explain(enum control_step step, const char *path, int errnum, struct error *e);

struct control_place {
        bool exists; /* a socket, somebody's or stale */
        pid_t owner; /* who answers on it; 0: nobody */
};

/* Looks at what is at `path`. Returns 0, or a negative errno value with a sentence if that cannot be seen, or is something else. */
int control_examine(const char *path, struct control_place *ret, struct error *e);

/* The path that [admin] control means: "auto" resolved, NULL for none. The caller frees it. */
int control_resolve_path(const char *configured, char **ret, struct error *e);

#endif
