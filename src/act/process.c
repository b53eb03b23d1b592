#include "act/process.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "act/fork.h"
#include "act/notify.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/pages.h"
#include "shared/scoreboard.h"

static struct restmark_seat_cell *seat_cell(const struct process *p) {
        return act_cell(p->act, p->slot, p->seat);
}

static void report(const struct process *p, enum happening_kind kind, const char *text) {
        act_report(p->act, kind, p->slot, p->seat, text);
}

static size_t table_bytes(const struct act *act) {
        return (size_t)RESTMARK_SLOTS_MAX * RESTMARK_SEATS * sizeof *act->processes;
}

bool processes_init(struct act *act) {
        act->processes = pages_new(table_bytes(act));
        if (act->processes)
                processes_reach(act, act->fleet->n_slots);
        return act->processes != NULL;
}

void processes_reach(struct act *act, unsigned int n_slots) {
        for (unsigned int i = 0; i < n_slots; i++)
                for (unsigned int seat = 0; seat < RESTMARK_SEATS; seat++)
                        if (!process_at(act, i, seat)->act)
                                *process_at(act, i, seat) = (struct process){ .act = act, .slot = i, .seat = seat, .link = -1,
                                                                              .private_connection = -1, .cell = CELL_MEMORY_NONE };
}

void process_take_seat(struct process *p, struct generation *generation) {
        p->generation = generation_ref(generation);
}

void process_free_seat(struct process *p) {
        p->generation = generation_unref(p->generation);
}

const struct restmark_worker_cell *process_cell(const struct process *p) {
        return &p->act->options->board->slots[p->slot].workers[p->seat];
}

bool process_look(const struct process *p, bool all) {
        struct restmark_worker_cell *copy = &p->act->options->board->slots[p->slot].workers[p->seat];

        if (!p->cell.live)
                return true;
        return (all ? cell_take : cell_take_pulse)(copy, p->cell.live, clock_monotonic_ms());
}

/* ---- a worker's start ---- */

static void run_worker(const struct process *p, int link, int private_connection) {
        const struct supervisor_options *o = p->act->options;
        const struct heir heir = { .slot = p->slot,
                                   .cell = cell_memory_open(&p->cell),
                                   .listeners = o->listeners,
                                   .cpus = o->cpus,
                                   .link = link,
                                   .private_connection = private_connection };
        struct heritage heritage;

        if (!heir.cell) {
                log_message(LOG_ERR, "worker %u: cannot map its cell of shared memory: %m", p->slot);
                exit(HERITAGE_EXIT_SYSTEM);
        }
        notify_forget();
        heritage = generation_heritage(p->generation, &heir);
        exit(o->worker_main(&heritage));
}

/* What the worker has said; 0 for nothing yet, negative when it has closed its end, or says what no worker says: *ret_why then
 * tells what, else it is NULL. */
static int hear(struct process *p, const char **ret_why) {
        enum link_message message;
        int fd = -1, r = link_receive(p->link, &message, &fd);

        *ret_why = hearing_judge(&p->hearing, r, message, fd >= 0, p->act->fleet->seats[p->slot][p->seat].slot.state);
        (void)fd_close(fd);
        if (*ret_why)
                return -1;
        if (r == 1)
                report(p, message == LINK_READY ? HAPPENING_READY : HAPPENING_DONE, NULL);
        return r == 0 || (r < 0 && r != -EAGAIN) ? -1 : r > 0;
}

void process_hear(struct process *p) {
        const char *ignored;

        (void)hear(p, &ignored);
}

static int on_link(sd_event_source *source, int fd, uint32_t events, void *context) {
        struct process *p = context;
        const char *why;

        (void)fd;
        (void)events;
        if (hear(p, &why) >= 0)
                return 0;
        (void)sd_event_source_set_enabled(source, SD_EVENT_OFF);
        report(p, why ? HAPPENING_DISTRUST : HAPPENING_DEAF, why); /* a deaf one is dying, which SIGCHLD will tell */
        return 0;
}

static void close_pair(int pair[static 2]) {
        (void)fd_close(pair[0]);
        (void)fd_close(pair[1]);
}

static int make_pairs(bool on_probation, int links[static 2], int privates[static 2]) {
        int r;

        privates[0] = privates[1] = -1;
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, links) < 0)
                return -errno;
        if (!on_probation || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, privates) == 0)
                return 0;
        r = -errno;
        close_pair(links);
        return r;
}

/* The worker is there. */
static int begin(struct process *p, pid_t pid, int link, int private_connection) {
        struct restmark_seat_cell *cell = seat_cell(p);
        int r;

        p->pid = pid;
        p->link = link;
        p->private_connection = private_connection;
        p->hearing = (struct hearing){ 0 };
        p->killed = false;
        p->started_ms = clock_monotonic_ms();
        cell->pid = (uint32_t)pid;
        cell->generation = p->generation->number;
        cell_set(&cell->started_ms, clock_realtime_ms());
        cell_set(&cell->memory.sampled_ms, 0);
        cell_set(&cell->unresponsive_since_ms, 0);
        r = sd_event_add_io(p->act->event, &p->link_source, p->link, EPOLLIN, on_link, p);
        if (r < 0)
                process_kill(p); /* a worker that is not heard must not live; its death will be seen */
        return r;
}

static int start(struct process *p) {
        bool on_probation = p->act->fleet->seats[p->slot][p->seat].on_probation;
        int links[2], privates[2], r;
        struct error e;
        pid_t pid;

        r = cell_memory_new(&p->cell, &e);
        if (r < 0)
                return r;
        r = make_pairs(on_probation, links, privates);
        if (r < 0) {
                p->cell = cell_memory_free(p->cell);
                return r;
        }
        pid = fork_worker();
        if (pid < 0) {
                r = -errno;
                close_pair(links);
                close_pair(privates);
                p->cell = cell_memory_free(p->cell);
                return r;
        }
        if (pid == 0) {
                (void)fd_close(links[0]);
                (void)fd_close(privates[0]);
                run_worker(p, links[1], privates[1]); /* does not return */
        }
        (void)fd_close(links[1]);
        (void)fd_close(privates[1]);
        return begin(p, pid, links[0], privates[0]);
}

void process_fork(struct process *p) {
        struct happening h = { .kind = HAPPENING_FORKED, .slot = p->slot, .seat = p->seat };
        int r = start(p);

        if (r < 0 && p->pid == 0) {
                report(p, HAPPENING_FORK_FAILED, strerror(-r));
                return;
        }
        log_message(r < 0 ? LOG_ERR : LOG_DEBUG, "worker %u (pid %d) is forked%s", p->slot, (int)p->pid, r < 0 ? ", and cannot be heard" : "");
        h.pid = p->pid;
        if (getrandom(&h.dice, sizeof h.dice, GRND_NONBLOCK) != sizeof h.dice)
                h.dice = clock_monotonic_ns(); /* it is no secret */
        happenings_push(p->act->queue, &h);
}

/* ---- a worker's end ---- */

void process_forget(struct process *p) {
        p->link_source = sd_event_source_unref(p->link_source);
        p->trace_timer = sd_event_source_unref(p->trace_timer);
        p->link = fd_close(p->link);
        p->private_connection = fd_close(p->private_connection);
        p->cell = cell_memory_free(p->cell);
        p->pid = 0;
        seat_cell(p)->pid = 0;
        cell_set(&seat_cell(p)->unresponsive_since_ms, 0);
}

void processes_free(struct act *act) {
        for (unsigned int i = 0; act->processes && i < act->fleet->n_slots; i++)
                for (unsigned int seat = 0; seat < RESTMARK_SEATS; seat++) {
                        process_forget(process_at(act, i, seat));
                        process_free_seat(process_at(act, i, seat));
                }
        pages_free(act->processes, table_bytes(act));
        act->processes = NULL;
}

void process_tell(const struct process *p, enum link_message message) {
        int r = link_send(p->link, message, -1);

        if (r < 0)
                log_message(LOG_DEBUG, "worker %u (pid %d) cannot be told %c: %s", p->slot, (int)p->pid, (char)message, strerror(-r));
}

void process_kill(struct process *p) {
        if (p->pid <= 0) /* it is dead, which is in the queue */
                return;
        p->killed = true;
        if (kill(p->pid, SIGKILL) < 0)
                log_message(LOG_WARNING, "cannot kill process %d: %m", (int)p->pid);
}

/* ---- taking over from another program ---- */

int process_adopt(struct process *p, const struct handover_child *from, struct generation *generation, struct error *e) {
        uint64_t now_ms = clock_realtime_ms(), begin_ms = cell_get(&seat_cell(p)->started_ms), age_ms = now_ms > begin_ms ? now_ms - begin_ms : 0;
        const bool has_worker = from->state == RESTMARK_SLOT_STARTING || from->state == RESTMARK_SLOT_READY;
        int r;

        if ((!has_worker && from->state != RESTMARK_SLOT_BACKOFF) || has_worker != (from->pid > 0) || has_worker != (from->link >= 0) ||
            has_worker != (from->cell >= 0))
                return error_set(e, -EPROTO, "worker %u is in a state that cannot be taken over", p->slot);
        if (has_worker) {
                r = cell_memory_adopt(from->cell, &p->cell, e);
                if (r < 0)
                        return r;
        }
        process_take_seat(p, generation);
        p->pid = from->pid;
        p->link = from->link;
        p->started_ms = clock_monotonic_ms();
        p->started_ms -= age_ms < p->started_ms ? age_ms : p->started_ms;
        p->hearing.n_ready = from->state == RESTMARK_SLOT_READY;
        cell_set(&seat_cell(p)->unresponsive_since_ms, 0); /* it will be seen */
        if (!has_worker)
                return 0;
        r = sd_event_add_io(p->act->event, &p->link_source, p->link, EPOLLIN, on_link, p);
        return r < 0 ? error_set_errno(e, -r, "cannot hear worker %u", p->slot) : 0;
}
