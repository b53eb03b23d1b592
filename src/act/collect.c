#include "act/collect.h"

#include <errno.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "act/post_mortem.h"

/* What a worker's exit code says of all workers to come. */
static bool is_fatal(const siginfo_t *info) {
        return info->si_code == CLD_EXITED &&
               (info->si_status == HERITAGE_EXIT_FATAL_CONFIG || info->si_status == HERITAGE_EXIT_FATAL_DATA);
}

static void collect(struct process *p) {
        struct happening h = { .kind = HAPPENING_EXITED, .slot = p->slot, .seat = p->seat };
        siginfo_t info = { .si_pid = 0 };
        struct rusage usage = { 0 };

        if (p->pid == 0)
                return;
        /* The system call has a fifth argument that libc's function lacks: how much memory the worker has had at most. */
        if (syscall(SYS_waitid, P_PID, p->pid, &info, WEXITED | WNOHANG, &usage) < 0 && errno == ECHILD)
                info = (siginfo_t){ .si_code = CERTIFICATE_UNKNOWN, .si_pid = p->pid };
        if (info.si_pid == 0)
                return;
        process_hear(p); /* that it had been ready may stand unread */
        h.life.refuses = is_fatal(&info);
        post_mortem_begin(p, &info, &usage, &h.life);
        p->pid = 0; /* it is collected once */
        happenings_push(p->act->queue, &h);
}

void processes_collect(struct act *act) {
        for (unsigned int i = 0; i < act->fleet->n_slots; i++)
                for (unsigned int seat = 0; seat < RESTMARK_SEATS; seat++)
                        collect(process_at(act, i, seat));
}
