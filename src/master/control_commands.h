/* The commands of the control socket: one row each in control_commands.c. */
#ifndef RESTMARK_MASTER_CONTROL_COMMANDS_H
#define RESTMARK_MASTER_CONTROL_COMMANDS_H

#include "act/control.h"
#include "act/control_syntax.h"

struct house;

struct control_command {
        const char *name;
        struct control_syntax syntax;
        const char *help; /* one line of what it does */
        bool changes;     /* the daemon's state: not for everybody, logged, and refused while the daemon stops unless `while_stopping` */
        bool while_stopping;

        /* A quick command writes its reply to `to` and returns 0. A slow one fills in `ticket`, writes nothing and returns 0; control_finish()
         * then answers. Either may refuse: negative, with a sentence. It runs in the master's loop and must not wait for anything. */
        int (*run)(struct house *house, const struct control_arguments *arguments, FILE *to, struct control_ticket *ticket, struct error *e);
};

/* The table, ended by a row without a name. */
extern const struct control_command control_command_table[];

/* Carries out one line, for control_attach(); `context` is the supervisor. */
int control_run(void *context, const char *line, const struct control_peer *peer, FILE *to, struct control_ticket *ticket, struct error *e);

#endif
