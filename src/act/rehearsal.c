#include "act/rehearsal.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "act/canary.h"
#include "act/fork.h"
#include "base/fd.h"
#include "shared/cell.h"
#include "shared/link.h"

struct rehearsal {
        const struct generation *generation;
        int (*worker_main)(const struct heritage *heritage);
        struct cell_memory cell;
        int links[2], privates[2]; /* ours, the worker's */
        pid_t pid;
        sd_event *event;
        bool failed;
        struct error *e;
};

static void __attribute__((noreturn)) run_worker(const struct rehearsal *r) {
        const struct heir heir = { .cell = cell_memory_open(&r->cell), .link = r->links[1], .private_connection = r->privates[1] };
        struct heritage heritage;

        if (!heir.cell)
                exit(HERITAGE_EXIT_SYSTEM);
        heritage = generation_heritage(r->generation, &heir);
        exit(r->worker_main(&heritage));
}

static int start(struct rehearsal *r) {
        int result = cell_memory_new(&r->cell, r->e);

        if (result < 0)
                return result;
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, r->links) < 0 ||
            socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, r->privates) < 0)
                return error_set_errno(r->e, errno, "cannot make the worker's connections");
        r->pid = fork_worker();
        if (r->pid < 0)
                return error_set_errno(r->e, errno, "cannot start a worker");
        if (r->pid == 0)
                run_worker(r);
        r->links[1] = fd_close(r->links[1]);
        r->privates[1] = fd_close(r->privates[1]);
        return 0;
}

static void on_examined(void *context, const char *why) {
        struct rehearsal *r = context;

        r->failed = why != NULL;
        if (why)
                (void)error_set(r->e, -EIO, "the worker fails: %s", why);
        (void)sd_event_exit(r->event, 0);
}

/* The questions wait in the connection until the worker is there; so its start counts in. */
static int examine(struct rehearsal *r) {
        int fd = r->privates[0], result = sd_event_new(&r->event);
        struct canary *canary;

        if (result < 0)
                return error_set_errno(r->e, -result, "cannot make the event loop");
        r->privates[0] = -1;
        result = canary_new(r->event, fd, &r->generation->expect, r->generation->config->canary_timeout_ms, on_examined, r, &canary, r->e);
        if (result < 0)
                return result;
        result = sd_event_loop(r->event);
        (void)canary_free(canary);
        if (result < 0)
                return error_set_errno(r->e, -result, "the event loop failed");
        return r->failed ? -EIO : 0;
}

/* How it has ended, before what is wrong with its answers, which is no more than a consequence. */
static int blame_end(struct rehearsal *r, int result, int status) {
        if (WIFSIGNALED(status))
                return error_prefix(r->e, result, "a worker was killed by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
        return error_prefix(r->e, result, "a worker exited with code %d", WEXITSTATUS(status));
}

/* Told to leave, a worker that has answered does, with the code of a good end; a failed one is killed, unless it is dead already, which says more. */
static int finish(struct rehearsal *r, int result) {
        bool killed = false;
        int status;

        if (result == 0) {
                result = link_send(r->links[0], LINK_RETIRE, -1);
                if (result < 0)
                        (void)error_set_errno(r->e, -result, "the worker answers every route, and then cannot be told to end");
        }
        if (waitpid(r->pid, &status, result < 0 ? WNOHANG : 0) == 0) {
                killed = kill(r->pid, SIGKILL) == 0;
                (void)waitpid(r->pid, &status, 0);
        }
        if (result == 0)
                return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : error_set(r->e, -EIO, "the worker answers every route but does not end well");
        return killed && WIFSIGNALED(status) ? result : blame_end(r, result, status);
}

int rehearse(const struct generation *generation, int (*worker_main)(const struct heritage *heritage), struct error *e) {
        struct rehearsal r = {
                .generation = generation, .worker_main = worker_main, .cell = CELL_MEMORY_NONE, .links = { -1, -1 }, .privates = { -1, -1 }, .e = e
        };
        int result = start(&r);

        if (result == 0)
                result = finish(&r, examine(&r));
        for (int i = 0; i < 2; i++) {
                (void)fd_close(r.links[i]);
                (void)fd_close(r.privates[i]);
        }
        sd_event_unref(r.event);
        r.cell = cell_memory_free(r.cell);
        return result;
}
