#include "master/supervisor.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "master/notify.h"
#include "master/slot.h"
#include "shared/scoreboard.h"

struct child {
        struct supervisor *supervisor;
        unsigned int index;
        struct slot slot;
        struct restmark_slot *cell;
        pid_t pid; /* 0: none */
        int link;
        sd_event_source *link_source, *timer;
};

struct supervisor {
        const struct supervisor_options *options;
        sd_event *event;
        struct child *children;
        bool was_ready;  /* all workers have been, once */
        bool stopping;
        int exit_code;
};

static void step(struct child *child, enum slot_event event);

int supervisor_block_signals(struct error *e) {
        static const int handled[] = { SIGCHLD, SIGTERM, SIGQUIT, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGTTIN, SIGTTOU };
        sigset_t set;

        (void)sigemptyset(&set);
        for (size_t i = 0; i < sizeof handled / sizeof *handled; i++)
                (void)sigaddset(&set, handled[i]);
        if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
                return error_set_errno(e, errno, "cannot block signals");
        if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
                return error_set_errno(e, errno, "cannot ignore SIGPIPE");
        return 0;
}

static unsigned int count_state(const struct supervisor *s, enum restmark_slot_state state) {
        unsigned int n = 0;

        for (unsigned int i = 0; i < s->options->n_workers; i++)
                n += s->children[i].slot.state == state;
        return n;
}

/* ---- a worker's start ---- */

static void run_child(struct child *child, int link) {
        struct supervisor *s = child->supervisor;
        struct heritage heritage = s->options->heritage;

        notify_forget();
        heritage.slot = child->index;
        heritage.cell = child->cell;
        heritage.listeners = listeners_of(s->options->listeners, child->index);
        heritage.n_listeners = s->options->listeners->addresses.n;
        heritage.link = link;
        exit(s->options->worker_main(&heritage));
}

/* What the worker has said; 0 for nothing yet, negative when it has closed its end. */
static ssize_t hear(struct child *child) {
        char message;
        ssize_t n = recv(child->link, &message, 1, MSG_DONTWAIT);

        if (n == 1 && message == LINK_READY)
                step(child, SLOT_EVENT_READY);
        return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR) ? -1 : n > 0;
}

static int on_link(sd_event_source *source, int fd, uint32_t events, void *context) {
        (void)fd;
        (void)events;
        if (hear(context) < 0) /* it is dying, which SIGCHLD will tell */
                (void)sd_event_source_set_enabled(source, SD_EVENT_OFF);
        return 0;
}

static int fork_worker(struct child *child) {
        struct supervisor *s = child->supervisor;
        int links[2], r;
        pid_t pid;

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, links) < 0)
                return -errno;
        (void)fflush(NULL); /* else the child would write buffered text a second time */
        pid = fork();
        if (pid < 0) {
                r = -errno;
                (void)fd_close(links[0]);
                (void)fd_close(links[1]);
                return r;
        }
        if (pid == 0) {
                (void)fd_close(links[0]);
                run_child(child, links[1]); /* does not return */
        }
        (void)fd_close(links[1]);
        child->pid = pid;
        child->link = links[0];
        child->cell->slot.pid = (uint32_t)pid;
        child->cell->slot.generation = s->options->board->generation;
        cell_set(&child->cell->slot.started_ms, clock_realtime_ms());
        r = sd_event_add_io(s->event, &child->link_source, child->link, EPOLLIN, on_link, child);
        if (r < 0)
                (void)kill(pid, SIGKILL); /* a worker that is not heard must not live; its death will be seen */
        return r;
}

/* ---- a worker's end ---- */

static void describe_death(const siginfo_t *info, char *text, size_t size) {
        if (info->si_code == CLD_EXITED)
                (void)snprintf(text, size, "exited with code %d", info->si_status);
        else
                (void)snprintf(text, size, "was killed by signal %d (%s%s)", info->si_status, strsignal(info->si_status),
                               info->si_code == CLD_DUMPED ? ", core dumped" : "");
}

static void log_death(const struct child *child, const siginfo_t *info, uint64_t requests) {
        uint64_t age_ms = clock_realtime_ms() - cell_get(&child->cell->slot.started_ms);
        bool expected = child->slot.stopping || (info->si_code == CLD_EXITED && info->si_status == 0);
        const struct log_field fields[] = {
                { "RESTMARK_SLOT", child->index },
                { "RESTMARK_WORKER_PID", child->pid },
                { info->si_code == CLD_EXITED ? "RESTMARK_EXIT_CODE" : "RESTMARK_SIGNAL", info->si_status },
                { "RESTMARK_AGE_MS", (long long)age_ms },
                { "RESTMARK_REQUESTS", (long long)requests },
        };
        char death[128];

        describe_death(info, death, sizeof death);
        log_fields(expected ? LOG_INFO : LOG_WARNING, fields, sizeof fields / sizeof *fields,
                   "worker %u (pid %d) %s after %.1f s and %llu requests", child->index, (int)child->pid, death,
                   (double)age_ms / 1000, (unsigned long long)requests);
}

static void forget_process(struct child *child) {
        child->link_source = sd_event_source_unref(child->link_source);
        child->link = fd_close(child->link);
        child->pid = 0;
        child->cell->slot.pid = 0;
}

/* What a worker's exit code says of all workers to come. */
static bool is_fatal(const siginfo_t *info) {
        return info->si_code == CLD_EXITED &&
               (info->si_status == HERITAGE_EXIT_FATAL_CONFIG || info->si_status == HERITAGE_EXIT_FATAL_DATA);
}

static void stop_all(struct supervisor *s, enum slot_event event);

static void on_exit_of(struct child *child, const siginfo_t *info) {
        struct supervisor *s = child->supervisor;
        bool fatal = is_fatal(info) && !child->slot.stopping;

        (void)hear(child); /* that it had been ready may stand unread */
        log_death(child, info, scoreboard_bury(child->cell));
        forget_process(child);
        if (fatal) {
                log_message(LOG_ERR, "worker %u says that starting it again would not help (its message is above); stopping",
                            child->index);
                s->exit_code = info->si_status;
                child->slot.stopping = true;
                step(child, SLOT_EVENT_EXITED);
                stop_all(s, SLOT_EVENT_STOP);
        } else
                step(child, SLOT_EVENT_EXITED);
}

/* Not by sd_event_add_child(): its pidfd reports a death once, also while a debugger still holds the dead process back, and then
 * never again. The kernel sends SIGCHLD when there is something to collect. One may stand for several deaths. */
static int on_sigchld(sd_event_source *source, const struct signalfd_siginfo *signal, void *context) {
        struct supervisor *s = context;

        (void)source;
        (void)signal;
        for (unsigned int i = 0; i < s->options->n_workers; i++) {
                siginfo_t info = { .si_pid = 0 };

                if (s->children[i].pid != 0 && waitid(P_PID, (id_t)s->children[i].pid, &info, WEXITED | WNOHANG) == 0 &&
                    info.si_pid != 0)
                        on_exit_of(&s->children[i], &info);
        }
        return 0;
}

/* ---- actions ---- */

static int on_timer(sd_event_source *source, uint64_t usec, void *context) {
        (void)source;
        (void)usec;
        step(context, SLOT_EVENT_TIMER);
        return 0;
}

static void arm_timer(struct child *child) {
        uint64_t usec = child->slot.deadline_ms * 1000;
        int r;

        child->timer = sd_event_source_unref(child->timer);
        if (child->slot.deadline_ms == 0)
                return;
        r = sd_event_add_time(child->supervisor->event, &child->timer, CLOCK_MONOTONIC, usec, 1000, on_timer, child);
        if (r < 0) {
                log_message(LOG_ERR, "cannot set a timer: %s", strerror(-r));
                (void)sd_event_exit(child->supervisor->event, EX_OSERR);
        }
}

static void start_worker(struct child *child) {
        int r = fork_worker(child);

        if (r >= 0) {
                log_message(LOG_DEBUG, "worker %u (pid %d) is forked", child->index, (int)child->pid);
                return;
        }
        log_message(LOG_ERR, "cannot start worker %u: %s", child->index, strerror(-r));
        if (child->pid == 0)
                step(child, SLOT_EVENT_EXITED);
}

static void drain_worker(struct child *child) {
        char message = LINK_STOP;

        if (send(child->link, &message, 1, MSG_NOSIGNAL | MSG_DONTWAIT) != 1) /* it is dying, which SIGCHLD will tell */
                log_message(LOG_DEBUG, "worker %u (pid %d) cannot be told to stop: %m", child->index, (int)child->pid);
}

static void give_up(struct child *child) {
        struct supervisor *s = child->supervisor;

        log_message(LOG_ERR,
                    "worker %u has failed to start %d times in a row; stopping. The messages above, or `coredumpctl`, say why",
                    child->index, SLOT_FAILURES_MAX);
        s->exit_code = EX_OSERR;
        stop_all(s, SLOT_EVENT_STOP);
}

static void kill_worker(struct child *child) {
        log_message(child->supervisor->stopping ? LOG_NOTICE : LOG_WARNING, "worker %u (pid %d) is killed: %s", child->index,
                    (int)child->pid,
                    !child->supervisor->stopping ? "it did not get ready in time" : "it has to stop at once or its time is over");
        if (kill(child->pid, SIGKILL) < 0)
                log_message(LOG_WARNING, "cannot kill process %d: %m", (int)child->pid);
}

static void perform(struct child *child, enum slot_action action) {
        switch (action) {
        case SLOT_ACTION_FORK:
                start_worker(child);
                break;
        case SLOT_ACTION_DRAIN:
                drain_worker(child);
                break;
        case SLOT_ACTION_KILL:
                kill_worker(child);
                break;
        case SLOT_ACTION_GIVE_UP:
                give_up(child);
                break;
        case SLOT_ACTION_NONE:
                break;
        }
}

static void report_progress(struct supervisor *s) {
        unsigned int n_ready = count_state(s, RESTMARK_SLOT_READY);

        if (s->stopping) {
                if (count_state(s, RESTMARK_SLOT_STOPPED) == s->options->n_workers)
                        (void)sd_event_exit(s->event, s->exit_code);
                return;
        }
        if (!s->was_ready && n_ready == s->options->n_workers) {
                s->was_ready = true;
                log_message(LOG_NOTICE, "ready: %u worker%s", n_ready, n_ready == 1 ? "" : "s");
                notify_ready(n_ready);
        } else if (s->was_ready)
                notify_status(n_ready, s->options->n_workers);
}

static void step(struct child *child, enum slot_event event) {
        struct supervisor *s = child->supervisor;
        enum restmark_slot_state before = child->slot.state;
        enum slot_action action = slot_step(&child->slot, event, clock_monotonic_ms(), s->options->mercy_ms);

        child->cell->slot.state = child->slot.state;
        if (event != SLOT_EVENT_START && action == SLOT_ACTION_FORK)
                child->cell->slot.restarts++;
        if (child->slot.state == RESTMARK_SLOT_BACKOFF && before != RESTMARK_SLOT_BACKOFF)
                log_message(LOG_WARNING, "worker %u will be started again in %llu ms (failure %u in a row)", child->index,
                            (unsigned long long)(child->slot.deadline_ms - clock_monotonic_ms()), child->slot.failures);
        arm_timer(child);
        perform(child, action);
        if (before != child->slot.state)
                report_progress(s);
}

/* ---- signals ---- */

static void stop_all(struct supervisor *s, enum slot_event event) {
        struct error e;

        if (!s->stopping) {
                s->stopping = true;
                s->options->board->stopping = 1;
                notify_stopping();
                if (event == SLOT_EVENT_STOP && listeners_refuse_new(s->options->listeners, &e) < 0)
                        log_message(LOG_WARNING, "%s: connections that come in during the stop may be reset", e.text);
        }
        for (unsigned int i = 0; i < s->options->n_workers; i++)
                step(&s->children[i], event);
        report_progress(s);
}

static int on_stop_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *context) {
        struct supervisor *s = context;
        int signal = sd_event_source_get_signal(source);
        bool at_once = signal == SIGINT || s->stopping;

        log_message(LOG_NOTICE, "SIG%s from process %u: %s", sigabbrev_np(signal), info->ssi_pid,
                    at_once ? "stopping at once" : "stopping when all that is accepted is answered");
        stop_all(s, at_once ? SLOT_EVENT_KILL : SLOT_EVENT_STOP);
        return 0;
}

static int on_other_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *context) {
        (void)context;
        log_message(LOG_NOTICE, "SIG%s from process %u is ignored: this version knows TERM, QUIT and INT",
                    sigabbrev_np(sd_event_source_get_signal(source)), info->ssi_pid);
        return 0;
}

static int watch_signals(struct supervisor *s) {
        static const int stops[] = { SIGTERM, SIGQUIT, SIGINT }, others[] = { SIGHUP, SIGUSR1, SIGUSR2, SIGTTIN, SIGTTOU };
        int r = sd_event_add_signal(s->event, NULL, SIGCHLD, on_sigchld, s);

        for (size_t i = 0; r >= 0 && i < sizeof stops / sizeof *stops; i++)
                r = sd_event_add_signal(s->event, NULL, stops[i], on_stop_signal, s);
        for (size_t i = 0; r >= 0 && i < sizeof others / sizeof *others; i++)
                r = sd_event_add_signal(s->event, NULL, others[i], on_other_signal, s);
        return r;
}

/* ---- the whole ---- */

static int set_up(struct supervisor *s, struct error *e) {
        const struct supervisor_options *o = s->options;
        int r;

        s->children = calloc(o->n_workers, sizeof *s->children);
        if (!s->children)
                return error_set_errno(e, ENOMEM, "cannot keep track of the workers");
        for (unsigned int i = 0; i < o->n_workers; i++)
                s->children[i] = (struct child){ .supervisor = s, .index = i, .cell = &o->board->slots[i], .link = -1 };
        r = sd_event_new(&s->event);
        if (r >= 0)
                r = watch_signals(s);
        if (r < 0)
                return error_set_errno(e, -r, "cannot make the event loop");
        return o->control ? control_attach(o->control, s->event, o->board, e) : 0;
}

static void tear_down(struct supervisor *s) {
        for (unsigned int i = 0; s->children && i < s->options->n_workers; i++) {
                forget_process(&s->children[i]);
                sd_event_source_unref(s->children[i].timer);
        }
        free(s->children);
        sd_event_unref(s->event);
}

int supervisor_run(const struct supervisor_options *options) {
        struct supervisor s = { .options = options, .exit_code = EX_OK };
        struct restmark_scoreboard *board = options->board;
        struct error e;
        int r;

        board->n_slots = options->n_workers;
        board->master_pid = (uint32_t)getpid();
        board->generation = 1;
        cell_set(&board->started_ms, clock_realtime_ms());
        r = set_up(&s, &e);
        if (r < 0)
                log_message(LOG_ERR, "%s", e.text);
        else {
                for (unsigned int i = 0; i < options->n_workers && !s.stopping; i++)
                        step(&s.children[i], SLOT_EVENT_START);
                r = sd_event_loop(s.event);
                if (r < 0)
                        log_message(LOG_ERR, "the event loop failed: %s", strerror(-r));
        }
        tear_down(&s);
        return r < 0 ? EX_OSERR : r;
}
