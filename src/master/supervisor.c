#include "master/supervisor.h"

#include <errno.h>
#include <restmark/version.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "act/collect.h"
#include "act/notify.h"
#include "act/outbox.h"
#include "act/process.h"
#include "act/reopen.h"
#include "act/unit.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/pages.h"
#include "master/control_commands.h"
#include "master/house.h"
#include "master/signals.h"
#include "shared/scoreboard.h"

/* ---- signals ---- */

/* Not by sd_event_add_child(): its pidfd reports a death once, also while a debugger still holds the dead process back, and then
 * never again. The kernel sends SIGCHLD when there is something to collect. One may stand for several deaths. */
static void collect(struct house *h) {
        processes_collect(&h->act);
        exec_collect(h->exec);
}

/* Some dead child, which stays one; 0: there is none. */
static pid_t find_dead(void) {
        siginfo_t info = { .si_pid = 0 };

        return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 ? 0 : info.si_pid;
}

/* Children that nobody here has started: those of the program that has executed this one, and as PID 1 all whose parents are gone. What is still
 * there once everything of ours that is dead has been collected is one of them. */
static void reap_strangers(struct house *h) {
        siginfo_t info;
        pid_t pid;

        while ((pid = find_dead()) > 0) {
                collect(h);
                info.si_pid = 0;
                if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG) == 0 && info.si_pid == pid)
                        log_message(LOG_DEBUG, "process %d, a child of somebody else, is reaped", (int)pid);
        }
}

static int on_sigchld(sd_event_source *source, const struct signalfd_siginfo *signal, void *context) {
        (void)source;
        (void)signal;
        collect(context);
        reap_strangers(context);
        return 0;
}

/* With systemd's copies the next daemon goes on where this one ends, and nobody is turned away in between. */
static void leave_sockets(struct house *h) {
        struct listeners *l = h->options->listeners;

        if (h->plans->fleet.stopping || !l->stored || !unit_store_outlives_stop())
                return;
        log_message(LOG_NOTICE, "systemd keeps the listening sockets: what waits there is for the next daemon");
        listeners_leave(l);
        h->plans->fleet.is_given = true;
}

static void stop(struct house *h, bool at_once) {
        leave_sockets(h);
        happenings_push(h->act.queue, &(struct happening){ .kind = HAPPENING_STOP, .at_once = at_once });
}

static int on_stop_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *context) {
        struct house *h = context;
        int signal = sd_event_source_get_signal(source);
        bool at_once = signal == SIGINT || h->plans->fleet.stopping;

        log_message(LOG_NOTICE, "SIG%s from process %u: %s", sigabbrev_np(signal), info->ssi_pid,
                    at_once ? "stopping at once" : "stopping when all that is accepted is answered");
        stop(h, at_once);
        return 0;
}

static int on_hup(sd_event_source *source, const struct signalfd_siginfo *info, void *context) {
        struct house *h = context;
        bool stopping = h->plans->fleet.stopping;

        (void)source;
        log_message(LOG_NOTICE, "SIGHUP from process %u: %s", info->ssi_pid, stopping ? "ignored during the stop" : "reloading");
        if (!stopping)
                (void)house_command(h, TOPIC_RELOAD, &(struct happening){ .kind = HAPPENING_RELOAD });
        return 0;
}

static int on_usr1(sd_event_source *source, const struct signalfd_siginfo *info, void *context) {
        struct house *h = context;
        char text[512];
        struct error e;

        (void)source;
        log_message(LOG_NOTICE, "SIGUSR1 from process %u: opening the access log again", info->ssi_pid);
        (void)reopen_logs(&h->act, text, sizeof text, &e); /* which says how it went */
        return 0;
}

static int on_usr2(sd_event_source *source, const struct signalfd_siginfo *info, void *context) {
        struct house *h = context;
        bool stopping = h->plans->fleet.stopping;

        (void)source;
        log_message(LOG_NOTICE, "SIGUSR2 from process %u: %s", info->ssi_pid, stopping ? "ignored during the stop" : "upgrading");
        if (!stopping)
                (void)house_command(h, TOPIC_UPGRADE, &(struct happening){ .kind = HAPPENING_UPGRADE });
        return 0;
}

static int on_resize_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *context) {
        int signal = sd_event_source_get_signal(source);
        struct house *h = context;

        if (signals_is_from_kernel(info)) { /* meant for whoever in the group has used the terminal from the background */
                log_message(LOG_DEBUG, "SIG%s from the terminal driver: ignored", sigabbrev_np(signal));
                return 0;
        }
        log_message(LOG_NOTICE, "SIG%s from process %u: one worker %s", sigabbrev_np(signal), info->ssi_pid, signal == SIGTTIN ? "more" : "less");
        if (h->plans->fleet.stopping)
                log_message(LOG_NOTICE, "ignored during the stop");
        else
                happenings_push(h->act.queue, &(struct happening){ .kind = HAPPENING_SCALE_BY, .difference = signal == SIGTTIN ? 1 : -1 });
        return 0;
}

static int watch_signals(struct house *h) {
        static const int stops[] = { SIGTERM, SIGQUIT, SIGINT }, resizes[] = { SIGTTIN, SIGTTOU };
        int r = sd_event_add_signal(h->event, NULL, SIGCHLD, on_sigchld, h);

        if (r >= 0)
                r = sd_event_add_signal(h->event, NULL, SIGHUP, on_hup, h);
        if (r >= 0)
                r = sd_event_add_signal(h->event, NULL, SIGUSR1, on_usr1, h);
        if (r >= 0)
                r = sd_event_add_signal(h->event, NULL, SIGUSR2, on_usr2, h);
        for (size_t i = 0; r >= 0 && i < sizeof stops / sizeof *stops; i++)
                r = sd_event_add_signal(h->event, NULL, stops[i], on_stop_signal, h);
        for (size_t i = 0; r >= 0 && i < sizeof resizes / sizeof *resizes; i++)
                r = sd_event_add_signal(h->event, NULL, resizes[i], on_resize_signal, h);
        return r;
}

/* ---- what is shown ---- */

static void on_refresh(void *context) {
        house_sample(context);
}

static void on_write_events(void *context, uint64_t since, FILE *to) {
        const struct house *h = context;

        events_write_json(h->act.events, since, to);
}

/* ---- the loop ---- */

static uint64_t now_ms(void *context) {
        (void)context;
        return clock_monotonic_ms();
}

static int on_time(sd_event_source *source, uint64_t usec, void *context) {
        struct house *h = context;

        (void)source;
        (void)usec;
        h->timer_ms = 0;
        happenings_push(h->act.queue, &(struct happening){ .kind = HAPPENING_TIME });
        return 0;
}

/* One timer, for whoever waits for the time that comes first. */
static int set_timer(struct house *h) {
        uint64_t wake_ms = plans_wake_ms(h->plans);
        int r;

        if (wake_ms == h->timer_ms)
                return 0;
        h->timer_ms = wake_ms;
        h->timer = sd_event_source_unref(h->timer);
        if (wake_ms == 0)
                return 0;
        r = sd_event_add_time(h->event, &h->timer, CLOCK_MONOTONIC, wake_ms * 1000, 1000, on_time, h);
        if (r < 0)
                log_message(LOG_ERR, "cannot set a timer: %s", strerror(-r));
        return r;
}

/* What a callback of the loop has found, and what follows from that, before the next one is called. Returns the exit code, or a negative value when
 * the loop fails. */
static int loop(struct house *h) {
        const struct world world = { .now_ms = now_ms, .look = house_look, .perform = house_perform, .context = h };
        int r = 0, code;

        while (r >= 0) {
                plans_run(h->plans, &world);
                house_display(h);
                if (sd_event_get_exit_code(h->event, &code) >= 0)
                        return code;
                r = set_timer(h);
                if (r >= 0)
                        r = sd_event_run(h->event, UINT64_MAX);
        }
        return r;
}

/* ---- the whole ---- */

static int begin_rotation(struct house *h, struct error *e) {
        struct rotation *rotation = &h->plans->rotation;
        int r;

        rotation->n = rotation_choose(&h->plans->fleet, rotation->slots);
        if (h->options->listeners->shared)
                return 0;
        r = house_steer(h, rotation->slots, rotation->n, e);
        if (r == -EPERM || r == -EACCES || r == -ENOSYS || r == -ENOPROTOOPT) { /* a filter of system calls, or the kernel */
                log_message(LOG_WARNING, "%s: its hash chooses, also slots without a worker, whose connections the master passes on", e->text);
                rotation->is_refused = true;
                r = 0;
        }
        return r;
}

static int begin_plans(struct house *h, struct error *e) {
        const struct supervisor_options *o = h->options;
        struct policy policy;

        h->plans = pages_new(sizeof *h->plans);
        if (!h->plans)
                return error_set_errno(e, ENOMEM, "cannot keep track of the workers");
        policy = act_policy(o->generation);
        fleet_init(&h->plans->fleet, o->n_workers, &policy);
        h->plans->fleet.is_shared = o->listeners->shared;
        h->plans->fleet.is_given = o->listeners->given;
        h->plans->relay.n_addresses = (unsigned int)o->listeners->addresses.n;
        h->plans->upgrade.path = o->program->path;
        h->plans->bulletin.is_heard = notify_is_heard();
        h->plans->health.watchdog_ms = notify_watchdog_ms();
        h->act = (struct act){ .options = o, .fleet = &h->plans->fleet, .queue = &h->plans->queue, .generation = o->generation };
        return begin_rotation(h, e);
}

static int begin_acts(struct house *h, struct error *e) {
        const struct supervisor_options *o = h->options;

        h->act.event = h->event;
        h->act.events = events_new();
        h->rollout = rollout_new(&h->act);
        h->relay = relay_sockets_new(&h->act);
        h->exec = exec_new(&h->act, o->admin ? admin_fds(o->admin) : NULL, o->admin ? admin_addresses(o->admin)->n : 0);
        if (!processes_init(&h->act) || !h->act.events || !h->rollout || !h->relay || !h->exec)
                return error_set_errno(e, ENOMEM, "cannot keep track of the workers");
        events_add(h->act.events, EVENT_START, -1, "restmarkd %s, process %d", RESTMARK_VERSION, (int)getpid());
        oom_init(&h->act.oom);
        if (fd_range_refused() < 0)
                log_message(LOG_NOTICE, "close_range() is refused: %s: workers close what is not theirs one by one", strerror(-fd_range_refused()));
        return outbox_attach(h->event, e);
}

static int set_up(struct house *h, struct error *e) {
        const struct control_commands commands = { .run = control_run, .context = h };
        const struct admin_view view = { .board = h->options->board, .refresh = on_refresh, .write_events = on_write_events, .context = h };
        int r = sd_event_new(&h->event);

        if (r >= 0)
                r = watch_signals(h);
        if (r < 0)
                return error_set_errno(e, -r, "cannot make the event loop");
        r = begin_plans(h, e);
        if (r == 0)
                r = begin_acts(h, e);
        if (r == 0 && h->options->control)
                r = control_attach(h->options->control, h->event, &commands, e);
        if (r == 0 && h->options->admin)
                r = admin_attach(h->options->admin, h->event, &view, e);
        return r;
}

static void tear_down(struct house *h) {
        h->exec = exec_free(h->exec);
        h->relay = relay_sockets_free(h->relay);
        h->rollout = rollout_free(h->rollout);
        if (h->plans) {
                processes_free(&h->act);
                happenings_free(&h->plans->queue);
        }
        h->act.events = events_free(h->act.events);
        outbox_detach();
        (void)generation_unref(h->plans ? h->act.generation : h->options->generation);
        pages_free(h->plans, sizeof *h->plans);
        sd_event_source_unref(h->timer);
        sd_event_source_unref(h->start_timer);
        sd_event_unref(h->event);
}

static void begin_board(const struct supervisor_options *o) {
        struct restmark_scoreboard *board = o->board;

        o->generation->number = 1;
        scoreboard_set_slots(board, o->n_workers);
        board->master_pid = (uint32_t)getpid();
        board->generation = o->generation->number;
        cell_set(&board->started_ms, clock_realtime_ms());
}

/* A program that cannot go on gives the daemon back. */
static int begin(struct house *h, struct error *e) {
        struct handover *handover = h->options->handover;
        struct error why;
        int r;

        if (!handover)
                begin_board(h->options);
        r = set_up(h, e);
        if (r >= 0 && handover)
                r = house_take_over(h, handover, e);
        if (r < 0 && handover) {
                why = *e;
                (void)exec_refuse(handover, h->options->program->argv, why.text, e);
        }
        return r;
}

int supervisor_run(const struct supervisor_options *options) {
        struct house house = { .options = options };
        struct error e;
        int r = begin(&house, &e);

        if (r < 0)
                log_message(LOG_ERR, "%s", e.text);
        else {
                if (!options->handover)
                        act_report(&house.act, HAPPENING_BEGIN, 0, 0, NULL);
                reap_strangers(&house); /* who died before the program was executed is told by no signal any more; one of several may have told of all */
                r = loop(&house);
                if (r < 0)
                        log_message(LOG_ERR, "the event loop failed: %s", strerror(-r));
        }
        tear_down(&house);
        return r < 0 ? EX_OSERR : r;
}
