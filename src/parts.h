/* What running needs: made step by step from the configuration, or taken over from the program that ran in this process before. */
#ifndef RESTMARK_PARTS_H
#define RESTMARK_PARTS_H

#include "act/control.h"
#include "act/control_access.h"
#include "act/handover.h"
#include "act/listener.h"
#include "act/pid_file.h"
#include "act/program.h"
#include "admin/admin.h"
#include "base/error.h"
#include "config/config.h"
#include "config/cpu_list.h"
#include "setup.h"

struct parts {
        struct setup_source source;
        struct setup *setup;
        struct restmark_scoreboard *board;
        struct listeners *listeners;
        int board_fd;
        struct control *control;
        struct pid_file *pid_file;
        struct control_access control_access;
        struct control_access listen_access, rpc_access; /* of the Unix sockets of [server] listen, and of [rpc] listen */
        char *control_path;
        struct admin *admin;
        unsigned int n_workers;
        struct cpu_list cpus; /* for workers to be pinned to */
        struct program program;
        struct handover *handover; /* from the program that ran in this process before; NULL: none */
        bool has_taken_over;
        struct config *boot; /* then, the configuration that the daemon was started with */
};

/* Both return 0 (EX_OK), or an exit code of sysexits.h with a sentence that names file and line where an option is to blame. What has been
 * made until then stays in *p. */

/* Opens the file for the process number, the listeners, the scoreboard, the admin endpoint and the control socket. */
int parts_open(struct parts *p, struct error *e);

/* Goes on with those that `p->handover` names. */
int parts_adopt(struct parts *p, struct error *e);

void parts_log_addresses(const struct parts *p);

#endif
