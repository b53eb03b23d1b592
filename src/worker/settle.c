#include "worker/settle.h"

#include <errno.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/title.h"
#include "data/dataset.h"

static int close_others(const struct heritage *heritage, struct error *e) {
        int keep[RESTMARK_LISTEN_MAX + 4];
        size_t n = 0;
        int r;

        for (size_t i = 0; i < heritage->n_listeners; i++)
                keep[n++] = heritage->listeners[i];
        keep[n++] = heritage->link;
        keep[n++] = heritage->dataset->json_fd;
        if (heritage->access_log_fd >= 0)
                keep[n++] = heritage->access_log_fd;
        if (heritage->private_connection >= 0)
                keep[n++] = heritage->private_connection;
        r = fd_close_others(keep, n);
        return r < 0 ? error_set_errno(e, -r, "cannot close what is not inherited") : 0;
}

static int pin(const struct heritage *heritage, struct error *e) {
        cpu_set_t set;

        if (heritage->cpu < 0)
                return 0;
        CPU_ZERO(&set);
        CPU_SET((size_t)heritage->cpu, &set);
        if (sched_setaffinity(0, sizeof set, &set) < 0)
                return error_set_errno(e, errno, "cannot run on CPU %d alone", heritage->cpu);
        return 0;
}

static int give_up_privileges(const struct account *account, struct error *e) {
        if (!account->change)
                return 0;
        if (setgroups(account->n_groups, account->groups) < 0)
                return error_set_errno(e, errno, "cannot set the supplementary groups");
        if (setresgid(account->gid, account->gid, account->gid) < 0)
                return error_set_errno(e, errno, "cannot change to group %u", (unsigned int)account->gid);
        if (setresuid(account->uid, account->uid, account->uid) < 0)
                return error_set_errno(e, errno, "cannot change to user %u", (unsigned int)account->uid);
        /* Changing user makes the kernel hide /proc/PID from that very user; without this restmark-rss and core dumps would need
         * root. The worker holds no secret of the master's: everything else is closed. */
        if (prctl(PR_SET_DUMPABLE, 1) < 0)
                return error_set_errno(e, errno, "cannot make the process dumpable");
        return 0;
}

/* After a change of user, which would undo it. */
static int die_with_master(pid_t master_pid, struct error *e) {
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
                return error_set_errno(e, errno, "cannot tie the worker's life to the master's");
        if (getppid() != master_pid) /* it died before that took effect */
                return error_set(e, -EOWNERDEAD, "the master is gone");
        return 0;
}

static int set_up_signals(struct error *e) {
        static const int ignored[] = { SIGPIPE, SIGXFSZ, SIGTERM, SIGQUIT, SIGHUP, SIGINT, SIGUSR1, SIGUSR2, SIGTTIN, SIGTTOU };
        sigset_t none;

        for (int s = 1; s < NSIG; s++)
                if (s != SIGKILL && s != SIGSTOP)
                        (void)signal(s, SIG_DFL); /* fails for libc's own real-time signals only */
        for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
                (void)signal(ignored[i], SIG_IGN);
        (void)sigemptyset(&none);
        if (sigprocmask(SIG_SETMASK, &none, NULL) < 0)
                return error_set_errno(e, errno, "cannot set the signal mask");
        return 0;
}

int settle(const struct heritage *heritage, bool *ret_fatal, struct error *e) {
        int r;

        *ret_fatal = false;
        title_set("restmarkd: worker %u", heritage->slot);
        r = pin(heritage, e);
        if (r < 0)
                return r;
        r = close_others(heritage, e);
        if (r < 0)
                return r;
        r = give_up_privileges(heritage->account, e);
        if (r < 0) {
                *ret_fatal = true;
                return r;
        }
        r = die_with_master(heritage->master_pid, e);
        return r < 0 ? r : set_up_signals(e);
}
