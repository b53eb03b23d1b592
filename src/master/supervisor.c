#include "master/supervisor.h"

#include <errno.h>
#include <restmark/version.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "act/memory.h"
#include "act/notify.h"
#include "act/outbox.h"
#include "act/queue.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "master/bulletin.h"
#include "master/control_commands.h"
#include "master/reopen.h"
#include "master/signals.h"
#include "master/supervisor_internal.h"
#include "shared/scoreboard.h"

static unsigned int count_ready(struct supervisor *s) {
        unsigned int n = 0;

        for (unsigned int i = 0; i < s->n_workers; i++)
                n += child_primary(s, i)->slot.state == RESTMARK_SLOT_READY;
        return n;
}

enum slots_verdict supervisor_judge(struct supervisor *s) {
        struct slots_tally tally = { 0 };

        for (unsigned int i = 0; i < s->n_workers; i++)
                slots_count(&tally, &child_primary(s, i)->slot);
        return slots_judge(&tally);
}

static void begin_to_serve(struct supervisor *s) {
        unsigned int n = count_ready(s), n_lost = s->n_workers - n;
        char lost[48] = "";

        s->was_ready = true;
        if (n_lost > 0)
                (void)snprintf(lost, sizeof lost, "; %u more fail%s to start", n_lost, n_lost == 1 ? "s" : "");
        log_message(LOG_NOTICE, "ready: %u worker%s%s", n, n == 1 ? "" : "s", lost);
        events_add(s->events, EVENT_READY, -1, "%u worker%s%s", n, n == 1 ? "" : "s", lost);
        bulletin_ready(s->bulletin);
}

static bool all_stopped(const struct supervisor *s) {
        for (unsigned int i = 0; i < s->n_slots; i++)
                for (unsigned int seat = 0; seat < RESTMARK_SEATS; seat++)
                        if (s->children[i][seat].slot.state != RESTMARK_SLOT_STOPPED)
                                return false;
        return true;
}

/* Everything has stopped. */
static void end(struct supervisor *s) {
        drain_abandon(s->drain);
        if (s->options->control)
                control_finish(s->options->control, (struct control_ticket){ CONTROL_TOPIC_STOP, 1 }, s->exit_code == EX_OK,
                               s->exit_code == EX_OK ? "stopped" : "stopped, after a failure: the log says which");
        (void)sd_event_exit(s->event, s->exit_code);
}

static void look_around(struct supervisor *s) {
        rotation_update(s->rotation);
        relay_update(s->relay);
        resize_update(s->resize);
        drain_update(s->drain);
        if (s->stopping) {
                if (all_stopped(s))
                        end(s);
        } else if (!s->was_ready && supervisor_judge(s) == SLOTS_SERVE)
                begin_to_serve(s);
        bulletin_update(s->bulletin);
        upgrade_on_change(s->upgrade);
}

void supervisor_report(struct supervisor *s) {
        happenings_push(&s->happenings, (struct happening){ .kind = HAPPENING_REPORT });
}

/* Not by sd_event_add_child(): its pidfd reports a death once, also while a debugger still holds the dead process back, and then
 * never again. The kernel sends SIGCHLD when there is something to collect. One may stand for several deaths. */
static void collect(struct supervisor *s) {
        for (unsigned int i = 0; i < s->n_slots; i++)
                for (unsigned int seat = 0; seat < RESTMARK_SEATS; seat++)
                        child_collect(&s->children[i][seat]);
        upgrade_collect(s->upgrade);
}

/* Some dead child, which stays one; 0: there is none. */
static pid_t find_dead(void) {
        siginfo_t info = { .si_pid = 0 };

        return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 ? 0 : info.si_pid;
}

/* Children that nobody here has started: those of the program that has executed this one, and as PID 1 all whose parents are gone. What is still
 * there once everything of ours that is dead has been collected is one of them. */
static void reap_strangers(struct supervisor *s) {
        siginfo_t info;
        pid_t pid;

        while ((pid = find_dead()) > 0) {
                collect(s);
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

/* ---- signals ---- */

void supervisor_stop(struct supervisor *s, enum slot_event event) {
        happenings_push(&s->happenings, (struct happening){ .kind = HAPPENING_STOP, .event = event });
}

static void stop(struct supervisor *s, enum slot_event event) {
        struct error e;

        if (!s->stopping) {
                s->stopping = true;
                s->options->board->stopping = 1;
                events_add(s->events, EVENT_STOP, -1, event == SLOT_EVENT_KILL ? "at once" : "when all that is accepted is answered");
                notify_stopping();
                upgrade_abandon(s->upgrade);
                reload_abandon(s->reload);
                replace_abandon(s->replace);
                resize_abandon(s->resize);
                listeners_unstore(s->options->listeners);
                if (event == SLOT_EVENT_STOP && listeners_refuse_new(s->options->listeners, &e) < 0)
                        log_message(LOG_WARNING, "%s: connections that come in during the stop may be reset", e.text);
        }
        for (unsigned int i = 0; i < s->n_slots; i++)
                for (unsigned int seat = 0; seat < RESTMARK_SEATS; seat++) {
                        child_blame(&s->children[i][seat], RESTMARK_CAUSE_STOP);
                        child_step(&s->children[i][seat], event);
                }
        supervisor_report(s);
}

static int on_stop_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *context) {
        struct supervisor *s = context;
        int signal = sd_event_source_get_signal(source);
        bool at_once = signal == SIGINT || s->stopping;

        log_message(LOG_NOTICE, "SIG%s from process %u: %s", sigabbrev_np(signal), info->ssi_pid,
                    at_once ? "stopping at once" : "stopping when all that is accepted is answered");
        supervisor_stop(s, at_once ? SLOT_EVENT_KILL : SLOT_EVENT_STOP);
        return 0;
}

static int on_hup(sd_event_source *source, const struct signalfd_siginfo *info, void *context) {
        struct supervisor *s = context;

        (void)source;
        log_message(LOG_NOTICE, "SIGHUP from process %u: %s", info->ssi_pid, s->stopping ? "ignored during the stop" : "reloading");
        if (!s->stopping)
                (void)reload_request(s->reload);
        return 0;
}

static int on_usr1(sd_event_source *source, const struct signalfd_siginfo *info, void *context) {
        char text[512];
        struct error e;

        (void)source;
        log_message(LOG_NOTICE, "SIGUSR1 from process %u: opening the access log again", info->ssi_pid);
        (void)reopen_logs(context, text, sizeof text, &e); /* which says how it went */
        return 0;
}

static int on_usr2(sd_event_source *source, const struct signalfd_siginfo *info, void *context) {
        struct supervisor *s = context;

        (void)source;
        log_message(LOG_NOTICE, "SIGUSR2 from process %u: %s", info->ssi_pid, s->stopping ? "ignored during the stop" : "upgrading");
        if (!s->stopping)
                (void)upgrade_request(s->upgrade);
        return 0;
}

static int on_resize_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *context) {
        int signal = sd_event_source_get_signal(source);
        struct supervisor *s = context;
        struct error e;

        if (signals_is_from_kernel(info)) { /* meant for whoever in the group has used the terminal from the background */
                log_message(LOG_DEBUG, "SIG%s from the terminal driver: ignored", sigabbrev_np(signal));
                return 0;
        }
        log_message(LOG_NOTICE, "SIG%s from process %u: one worker %s", sigabbrev_np(signal), info->ssi_pid, signal == SIGTTIN ? "more" : "less");
        if (s->stopping)
                log_message(LOG_NOTICE, "ignored during the stop");
        else if (resize_request_by(s->resize, signal == SIGTTIN ? 1 : -1, &e) < 0)
                log_message(LOG_WARNING, "refused: %s", e.text);
        return 0;
}

static int watch_signals(struct supervisor *s) {
        static const int stops[] = { SIGTERM, SIGQUIT, SIGINT }, resizes[] = { SIGTTIN, SIGTTOU };
        int r = sd_event_add_signal(s->event, NULL, SIGCHLD, on_sigchld, s);

        if (r >= 0)
                r = sd_event_add_signal(s->event, NULL, SIGHUP, on_hup, s);
        if (r >= 0)
                r = sd_event_add_signal(s->event, NULL, SIGUSR1, on_usr1, s);
        if (r >= 0)
                r = sd_event_add_signal(s->event, NULL, SIGUSR2, on_usr2, s);
        for (size_t i = 0; r >= 0 && i < sizeof stops / sizeof *stops; i++)
                r = sd_event_add_signal(s->event, NULL, stops[i], on_stop_signal, s);
        for (size_t i = 0; r >= 0 && i < sizeof resizes / sizeof *resizes; i++)
                r = sd_event_add_signal(s->event, NULL, resizes[i], on_resize_signal, s);
        return r;
}

/* ---- what is shown ---- */

void supervisor_sample(struct supervisor *s) {
        cells_look_at_all(s);
        memory_refresh(s->options->board, MEMORY_FRESH_MS);
        queue_refresh(s->options->board, s->options->listeners);
}

static void on_refresh(void *context) {
        supervisor_sample(context);
}

static void on_write_events(void *context, uint64_t since, FILE *to) {
        const struct supervisor *s = context;

        events_write_json(s->events, since, to);
}

/* ---- the whole ---- */

static int set_up(struct supervisor *s, struct error *e) {
        const struct supervisor_options *o = s->options;
        const struct control_commands commands = { .run = control_run, .context = s };
        const struct admin_view view = { .board = o->board, .refresh = on_refresh, .write_events = on_write_events, .context = s };
        int r;

        s->children = calloc(RESTMARK_SLOTS_MAX, sizeof *s->children); /* pages that nobody touches cost nothing */
        s->reload = reload_new(s);
        s->upgrade = upgrade_new(s);
        s->relay = relay_new(s);
        s->replace = replace_new(s);
        s->events = events_new();
        if (!s->children || !s->reload || !s->upgrade || !s->relay || !s->replace || !s->events)
                return error_set_errno(e, ENOMEM, "cannot keep track of the workers");
        for (unsigned int i = 0; i < s->n_slots; i++)
                for (unsigned int seat = 0; seat < RESTMARK_SEATS; seat++)
                        child_init(&s->children[i][seat], s, i, seat);
        events_add(s->events, EVENT_START, -1, "restmarkd %s, process %d", RESTMARK_VERSION, (int)getpid());
        r = sd_event_new(&s->event);
        if (r >= 0)
                r = watch_signals(s);
        if (r < 0)
                return error_set_errno(e, -r, "cannot make the event loop");
        oom_init(&s->oom);
        if (fd_range_refused() < 0)
                log_message(LOG_NOTICE, "close_range() is refused: %s: workers close what is not theirs one by one", strerror(-fd_range_refused()));
        r = outbox_attach(s->event, e);
        if (r == 0)
                r = bulletin_new(s, &s->bulletin, e);
        if (r == 0)
                r = rotation_new(s, &s->rotation, e);
        if (r == 0)
                r = resize_new(s, &s->resize, e);
        if (r == 0)
                r = drain_new(s, &s->drain, e);
        if (r == 0)
                r = health_new(s, &s->health, e);
        if (r == 0 && o->control)
                r = control_attach(o->control, s->event, &commands, e);
        if (r == 0 && o->admin)
                r = admin_attach(o->admin, s->event, &view, e);
        return r;
}

static void tear_down(struct supervisor *s) {
        for (unsigned int i = 0; s->children && i < s->n_slots; i++)
                for (unsigned int seat = 0; seat < RESTMARK_SEATS; seat++)
                        child_release(&s->children[i][seat]);
        free(s->children);
        s->drain = drain_free(s->drain);
        s->resize = resize_free(s->resize);
        s->relay = relay_free(s->relay);
        s->health = health_free(s->health);
        s->rotation = rotation_free(s->rotation);
        s->bulletin = bulletin_free(s->bulletin);
        s->reload = reload_free(s->reload);
        s->replace = replace_free(s->replace);
        s->upgrade = upgrade_free(s->upgrade);
        s->events = events_free(s->events);
        outbox_detach();
        happenings_free(&s->happenings);
        (void)generation_unref(s->generation);
        sd_event_unref(s->event);
}

static void begin_board(struct supervisor *s) {
        struct restmark_scoreboard *board = s->options->board;

        s->generation->number = 1;
        scoreboard_set_slots(board, s->n_workers);
        board->master_pid = (uint32_t)getpid();
        board->generation = s->generation->number;
        cell_set(&board->started_ms, clock_realtime_ms());
}

static void start_workers(struct supervisor *s) {
        for (unsigned int i = 0; i < s->n_workers && !s->stopping; i++)
                child_start(child_primary(s, i), s->generation, false);
}

/* Goes on where the program that ran in this process before has left off. Signals that came meanwhile are pending; one SIGCHLD may
 * have been the last of several. */
static int take_over(struct supervisor *s, struct error *e) {
        int r = upgrade_adopt(s->upgrade, s->options->handover, e);

        if (r < 0)
                return r;
        collect(s);
        supervisor_report(s);
        return 0;
}

static void act_upon(struct supervisor *s, const struct happening *h) {
        switch (h->kind) {
        case HAPPENING_CHANGED:
                replace_on_change(s->replace, h->child);
                reload_on_change(s->reload, h->child);
                look_around(s);
                break;
        case HAPPENING_FORK_FAILED:
                child_not_forked(h->child);
                break;
        case HAPPENING_REPORT:
                look_around(s);
                break;
        case HAPPENING_RELOAD:
                reload_begin(s->reload);
                break;
        case HAPPENING_UPGRADE:
                upgrade_begin(s->upgrade);
                break;
        case HAPPENING_STOP:
                stop(s, h->event);
                break;
        }
}

/* What a callback of the loop has found, and what follows from that, before the next one is called. Returns the exit code, or a negative value when
 * the loop fails. */
static int loop(struct supervisor *s) {
        struct happening happening;
        int r = 0, code;

        for (;;) {
                while (happenings_pop(&s->happenings, &happening))
                        act_upon(s, &happening);
                if (sd_event_get_exit_code(s->event, &code) >= 0)
                        return code;
                r = sd_event_run(s->event, UINT64_MAX);
                if (r < 0)
                        return r;
        }
}

int supervisor_run(const struct supervisor_options *options) {
        struct supervisor s = { .options = options, .generation = options->generation, .exit_code = EX_OK };
        struct error e;
        int r;

        s.n_workers = s.n_slots = options->n_workers;
        if (!options->handover)
                begin_board(&s);
        r = set_up(&s, &e);
        if (r >= 0 && options->handover)
                r = take_over(&s, &e);
        if (r < 0 && options->handover) {
                struct error why = e;

                (void)upgrade_refuse(options->handover, options->program->argv, why.text, &e);
        }
        if (r < 0)
                log_message(LOG_ERR, "%s", e.text);
        else {
                if (!options->handover)
                        start_workers(&s);
                reap_strangers(&s); /* who died before the program was executed is told by no signal any more */
                r = loop(&s);
                if (r < 0)
                        log_message(LOG_ERR, "the event loop failed: %s", strerror(-r));
        }
        tear_down(&s);
        return r < 0 ? EX_OSERR : r;
}
