#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "master/certificate.h"
#include "master/misery.h"
#include "master/notify.h"
#include "master/supervisor_internal.h"
#include "shared/scoreboard.h"

static struct restmark_slot *board_slot(const struct child *child) {
        return &child->supervisor->options->board->slots[child->index];
}

struct restmark_seat_cell *child_cell(const struct child *child) {
        return &board_slot(child)->slot.seats[child->seat];
}

struct child *child_primary(struct supervisor *s, unsigned int index) {
        return &s->children[index][s->options->board->slots[index].slot.primary];
}

struct child *child_beside(struct supervisor *s, unsigned int index) {
        return &s->children[index][!s->options->board->slots[index].slot.primary];
}

void child_init(struct child *child, struct supervisor *s, unsigned int index, unsigned int seat) {
        *child = (struct child){ .supervisor = s, .index = index, .seat = seat, .link = -1, .private_connection = -1,
                                 .cell = CELL_MEMORY_NONE };
}

/* ---- a worker's start ---- */

static void run_child(struct child *child, int link, int private_connection) {
        struct supervisor *s = child->supervisor;
        const struct heir heir = { .slot = child->index,
                                   .cell = cell_memory_open(&child->cell),
                                   .listeners = s->options->listeners,
                                   .cpus = s->options->cpus,
                                   .link = link,
                                   .private_connection = private_connection };
        struct heritage heritage;

        if (!heir.cell) {
                log_message(LOG_ERR, "worker %u: cannot map its cell of shared memory: %m", child->index);
                exit(HERITAGE_EXIT_SYSTEM);
        }
        notify_forget();
        heritage = generation_heritage(child->generation, &heir);
        exit(s->options->worker_main(&heritage));
}

/* What the worker has said; 0 for nothing yet, negative when it has closed its end, or says what no worker says: *ret_why then
 * tells what, else it is NULL. */
static int hear(struct child *child, const char **ret_why) {
        enum link_message message;
        int fd = -1, r = link_receive(child->link, &message, &fd);

        *ret_why = hearing_judge(&child->hearing, r, message, fd >= 0, child->slot.state);
        (void)fd_close(fd);
        if (*ret_why)
                return -1;
        if (r == 1 && message == LINK_READY)
                child_step(child, SLOT_EVENT_READY);
        else if (r == 1 && message == LINK_DONE && relay_release(child->supervisor->relay, child))
                child_tell(child, LINK_LEAVE);
        return r == 0 || (r < 0 && r != -EAGAIN) ? -1 : r > 0;
}

static int on_link(sd_event_source *source, int fd, uint32_t events, void *context) {
        struct child *child = context;
        const char *why;

        (void)fd;
        (void)events;
        if (hear(child, &why) >= 0)
                return 0;
        (void)sd_event_source_set_enabled(source, SD_EVENT_OFF);
        if (why)
                health_condemn(child, why);
        else
                child->deaf_ms = clock_monotonic_ms(); /* it is dying, which SIGCHLD will tell; or else health.c sees to it */
        return 0;
}

static void close_pair(int pair[static 2]) {
        (void)fd_close(pair[0]);
        (void)fd_close(pair[1]);
}

static int make_pairs(const struct child *child, int links[static 2], int privates[static 2]) {
        int r;

        privates[0] = privates[1] = -1;
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, links) < 0)
                return -errno;
        if (!child->on_probation || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, privates) == 0)
                return 0;
        r = -errno;
        close_pair(links);
        return r;
}

static void begin_life(struct child *child) {
        child->started_ms = clock_monotonic_ms();
        child->vital = vital_begin(child->started_ms);
        child->cause = RESTMARK_CAUSE_START;
        child->doomed = child->killed = child->lies = child->unresponsive = false;
        child->deaf_ms = 0;
        child->traces = child->generation->config->harakiri_ms > 0;
        if (getrandom(&child->dice, sizeof child->dice, GRND_NONBLOCK) != sizeof child->dice)
                child->dice = clock_monotonic_ns(); /* it is no secret */
}

static int fork_worker(struct child *child) {
        struct restmark_seat_cell *cell = child_cell(child);
        int links[2], privates[2], r;
        struct error e;
        pid_t pid;

        r = cell_memory_new(&child->cell, &e);
        if (r < 0)
                return r;
        r = make_pairs(child, links, privates);
        if (r < 0) {
                child->cell = cell_memory_free(child->cell);
                return r;
        }
        (void)fflush(NULL); /* else the child would write buffered text a second time */
        pid = fork();
        if (pid < 0) {
                r = -errno;
                close_pair(links);
                close_pair(privates);
                child->cell = cell_memory_free(child->cell);
                return r;
        }
        if (pid == 0) {
                (void)fd_close(links[0]);
                (void)fd_close(privates[0]);
                run_child(child, links[1], privates[1]); /* does not return */
        }
        (void)fd_close(links[1]);
        (void)fd_close(privates[1]);
        child->pid = pid;
        child->link = links[0];
        child->private_connection = privates[0];
        child->n_passed = 0;
        child->hearing = (struct hearing){ 0 };
        child->retired = false;
        cell->pid = (uint32_t)pid;
        cell->generation = child->generation->number;
        cell_set(&cell->started_ms, clock_realtime_ms());
        cell_set(&cell->memory.sampled_ms, 0);
        cell_set(&cell->unresponsive_since_ms, 0);
        begin_life(child);
        r = sd_event_add_io(child->supervisor->event, &child->link_source, child->link, EPOLLIN, on_link, child);
        if (r < 0)
                (void)kill(pid, SIGKILL); /* a worker that is not heard must not live; its death will be seen */
        return r;
}

void child_start(struct child *child, struct generation *generation, bool on_probation) {
        child->slot = (struct slot){ .state = RESTMARK_SLOT_EMPTY, .limited = child != child_primary(child->supervisor, child->index) };
        child->generation = generation_ref(generation);
        child->on_probation = on_probation;
        child_step(child, SLOT_EVENT_START);
}

/* ---- a worker's end ---- */

static void forget_process(struct child *child) {
        child->link_source = sd_event_source_unref(child->link_source);
        child->trace_timer = sd_event_source_unref(child->trace_timer);
        child->link = fd_close(child->link);
        child->private_connection = fd_close(child->private_connection);
        child->cell = cell_memory_free(child->cell);
        child->pid = 0;
        child_cell(child)->pid = 0;
        cell_set(&child_cell(child)->unresponsive_since_ms, 0);
}

void child_release(struct child *child) {
        if (child->supervisor)
                forget_process(child);
        child->timer = sd_event_source_unref(child->timer);
        child->generation = generation_unref(child->generation);
}

/* What a worker's exit code says of all workers to come. */
static bool is_fatal(const siginfo_t *info) {
        return info->si_code == CLD_EXITED &&
               (info->si_status == HERITAGE_EXIT_FATAL_CONFIG || info->si_status == HERITAGE_EXIT_FATAL_DATA);
}

static void on_exit_of(struct child *child, const siginfo_t *info, const struct rusage *usage) {
        struct supervisor *s = child->supervisor;
        struct child_account had;
        const char *ignored;
        bool fatal;

        (void)hear(child, &ignored); /* that it had been ready may stand unread */
        if (child->on_probation || child->once)
                child->slot.stopping = true;
        fatal = is_fatal(info) && !child->slot.stopping;
        death_report(child, info, usage, &had);
        reload_on_death(s->reload, child, info, &had);
        forget_process(child);
        if (fatal && resize_is_new(s->resize, child->index)) /* its failure ends the resize */
                fatal = false;
        if (fatal && replace_awaits(s->replace, child)) { /* the worker that it was to replace goes on */
                child->slot.stopping = true;
                fatal = false;
        }
        child->refusal = fatal ? info->si_status : 0;
        child_step(child, fatal ? SLOT_EVENT_REFUSED : SLOT_EVENT_EXITED);
}

void child_collect(struct child *child) {
        siginfo_t info = { .si_pid = 0 };
        struct rusage usage = { 0 };

        if (child->pid == 0)
                return;
        /* The system call has a fifth argument that libc's function lacks: how much memory the worker has had at most. */
        if (syscall(SYS_waitid, P_PID, child->pid, &info, WEXITED | WNOHANG, &usage) < 0 && errno == ECHILD)
                info = (siginfo_t){ .si_code = CERTIFICATE_UNKNOWN, .si_pid = child->pid };
        if (info.si_pid != 0)
                on_exit_of(child, &info, &usage);
}

/* ---- actions ---- */

static int on_timer(sd_event_source *source, uint64_t usec, void *context) {
        (void)source;
        (void)usec;
        child_step(context, SLOT_EVENT_TIMER);
        return 0;
}

static void arm_timer(struct child *child) {
        uint64_t usec = slot_timer_ms(&child->slot) * 1000;
        int r;

        child->timer = sd_event_source_unref(child->timer);
        if (usec == 0)
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
        if (child->pid == 0) {
                child->slot.stopping |= child->on_probation || child->once;
                child->refusal = 0;
                child_step(child, SLOT_EVENT_EXITED);
        }
}

void child_blame(struct child *child, enum restmark_cause cause) {
        bool stuck = cause == RESTMARK_CAUSE_HARAKIRI || cause == RESTMARK_CAUSE_WEDGED; /* which comes before what it was to stop for */

        if (stuck || child->cause == RESTMARK_CAUSE_START || child->cause == RESTMARK_CAUSE_CRASH)
                child->cause = cause;
}

void child_tell(struct child *child, enum link_message message) {
        int r = link_send(child->link, message, -1);

        if (r < 0)
                log_message(LOG_DEBUG, "worker %u (pid %d) cannot be told %c: %s", child->index, (int)child->pid, (char)message,
                            strerror(-r));
}

static void kill_worker(struct child *child) {
        bool stopping = child->slot.stopping;

        child->killed = true;
        log_message(child->supervisor->stopping ? LOG_NOTICE : LOG_WARNING, "worker %u (pid %d) is killed: %s", child->index,
                    (int)child->pid, !stopping ? "it did not get ready in time" : "it has to stop at once or its time is over");
        if (kill(child->pid, SIGKILL) < 0)
                log_message(LOG_WARNING, "cannot kill process %d: %m", (int)child->pid);
}

static void perform(struct child *child, enum slot_action action, uint64_t now_ms) {
        switch (action) {
        case SLOT_ACTION_FORK:
                start_worker(child);
                break;
        case SLOT_ACTION_DRAIN:
                /* What waits in sockets that systemd goes on to have is for the next daemon. */
                child->retired = !child->supervisor->stopping || child->supervisor->options->listeners->given;
                child_tell(child, child->retired ? LINK_RETIRE : LINK_STOP);
                break;
        case SLOT_ACTION_KILL:
                kill_worker(child);
                break;
        case SLOT_ACTION_GIVE_UP:
                misery_decide(child, now_ms);
                break;
        case SLOT_ACTION_NONE:
                break;
        }
}

/* What the scoreboard shows of the slot's machine. */
static void publish(const struct child *child) {
        struct restmark_seat_cell *cell = child_cell(child);

        cell->state = child->slot.state;
        cell->failed_starts = child->slot.failures;
        cell->short_lives = child->slot.short_lives;
        cell->is_in_crash_loop = slot_is_in_crash_loop(&child->slot);
        cell_set(&cell->next_start_ms, child->slot.state == RESTMARK_SLOT_BACKOFF ? child->slot.deadline_ms : 0);
}

void child_step(struct child *child, enum slot_event event) {
        struct supervisor *s = child->supervisor;
        enum restmark_slot_state before = child->slot.state;
        const bool was_in_crash_loop = slot_is_in_crash_loop(&child->slot);
        const uint64_t now_ms = clock_monotonic_ms(); /* once: what a wait is said to be must not depend on a pause in between */
        enum slot_action action = slot_step(&child->slot, event, now_ms, s->generation->config->mercy_ms);

        publish(child);
        if (event != SLOT_EVENT_START && action == SLOT_ACTION_FORK)
                board_slot(child)->slot.restarts++;
        if (child->slot.state == RESTMARK_SLOT_BACKOFF && before != RESTMARK_SLOT_BACKOFF && action != SLOT_ACTION_GIVE_UP)
                misery_tell_wait(child, now_ms);
        if (was_in_crash_loop && child->slot.state == RESTMARK_SLOT_READY && !slot_is_in_crash_loop(&child->slot))
                misery_tell_end(child);
        arm_timer(child);
        perform(child, action, now_ms);
        if (before == child->slot.state)
                return;
        if (child->slot.state == RESTMARK_SLOT_READY && child->cause == RESTMARK_CAUSE_START)
                child->cause = RESTMARK_CAUSE_CRASH; /* what it would be from now on */
        if (child->slot.state == RESTMARK_SLOT_READY && s->was_ready)
                events_add(s->events, EVENT_WORKER, (int)child->index, "pid %d of generation %u is ready", (int)child->pid,
                           child->generation->number);
        replace_on_change(s->replace, child);
        reload_on_change(s->reload, child);
        supervisor_report(s);
}

/* ---- taking over from another program ---- */

int child_adopt(struct child *child, const struct handover_child *from, struct generation *generation, struct error *e) {
        uint64_t now_ms = clock_realtime_ms(), begin_ms = cell_get(&child_cell(child)->started_ms), age_ms = now_ms > begin_ms ? now_ms - begin_ms : 0;
        const bool has_worker = from->state == RESTMARK_SLOT_STARTING || from->state == RESTMARK_SLOT_READY;
        int r;

        if ((!has_worker && from->state != RESTMARK_SLOT_BACKOFF) || has_worker != (from->pid > 0) || has_worker != (from->link >= 0) ||
            has_worker != (from->cell >= 0))
                return error_set(e, -EPROTO, "worker %u is in a state that cannot be taken over", child->index);
        if (has_worker) {
                r = cell_memory_adopt(from->cell, &child->cell, e);
                if (r < 0)
                        return r;
        }
        child->slot = (struct slot){ .state = from->state, .failures = from->failures, .deadline_ms = from->deadline_ms };
        child->generation = generation_ref(generation);
        child->pid = from->pid;
        child->link = from->link;
        begin_life(child);
        child->hearing.n_ready = from->state == RESTMARK_SLOT_READY;
        child->traces = false; /* its program is another one: the addresses of its stack would mean nothing */
        if (from->state == RESTMARK_SLOT_READY)
                child->cause = RESTMARK_CAUSE_CRASH;
        child->started_ms -= age_ms < child->started_ms ? age_ms : child->started_ms;
        cell_set(&child_cell(child)->unresponsive_since_ms, 0); /* health.c will see */
        publish(child);
        arm_timer(child);
        if (!has_worker)
                return 0;
        r = sd_event_add_io(child->supervisor->event, &child->link_source, child->link, EPOLLIN, on_link, child);
        return r < 0 ? error_set_errno(e, -r, "cannot hear worker %u", child->index) : 0;
}
