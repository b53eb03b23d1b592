#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "act/measure.h"
#include "act/notify.h"
#include "act/post_mortem.h"
#include "act/process.h"
#include "base/log.h"
#include "base/start_pages.h"
#include "master/house.h"
#include "shared/scoreboard.h"

/* ---- those who want to know ---- */

static void reply(const struct house *h, const struct intent *i) {
        static const enum control_topic topics[TOPIC_COUNT] = { [TOPIC_RELOAD] = CONTROL_TOPIC_RELOAD,
                                                                [TOPIC_SCALE] = CONTROL_TOPIC_SCALE,
                                                                [TOPIC_DRAIN] = CONTROL_TOPIC_DRAIN,
                                                                [TOPIC_UPGRADE] = CONTROL_TOPIC_UPGRADE,
                                                                [TOPIC_STOP] = CONTROL_TOPIC_STOP };
        struct control *control = h->options->control;

        if (control)
                (i->and_earlier ? control_finish : control_finish_only)(control, (struct control_ticket){ topics[i->topic], i->ticket }, i->flag, i->text);
}

static void give_start_back_later(struct house *h);

static int on_start_over(sd_event_source *source, uint64_t usec, void *context) {
        (void)source;
        (void)usec;
        if (start_pages_is_alone())
                (void)start_pages_give_back();
        else
                give_start_back_later(context);
        return 0;
}

static void give_start_back_later(struct house *h) {
        int r;

        h->start_timer = sd_event_source_unref(h->start_timer);
        r = sd_event_add_time_relative(h->event, &h->start_timer, CLOCK_MONOTONIC, (uint64_t)START_PAGES_AFTER_MS * 1000, 10000, on_start_over, h);
        if (r < 0)
                log_message(LOG_WARNING, "cannot set a timer: %s; pages that only the start has needed stay mapped", strerror(-r));
}

static void notify(struct house *h, const struct intent *i) {
        switch (i->notice) {
        case NOTICE_READY:
                notify_ready(i->text);
                give_start_back_later(h);
                break;
        case NOTICE_STATUS:
                notify_status(i->text);
                break;
        case NOTICE_RELOADING:
                notify_reloading();
                break;
        case NOTICE_STOPPING:
                notify_stopping();
                break;
        case NOTICE_WATCHDOG:
                notify_watchdog();
                break;
        }
}

static void write_pid(const struct house *h) {
        struct error e;

        if (h->options->pid_file && pid_file_write(h->options->pid_file, &e) < 0)
                log_message(LOG_ERR, "%s", e.text);
}

static void perform_saying(struct house *h, const struct intent *i) {
        struct restmark_scoreboard *board = h->options->board;

        switch (i->kind) {
        case INTENT_SERVE:
                write_pid(h);
                break;
        case INTENT_LOG:
                log_message((int)i->number, "%s", i->text);
                break;
        case INTENT_EVENT:
                events_add(h->act.events, i->event_kind, i->flag ? -1 : (int)i->slot, "%s", i->text);
                break;
        case INTENT_REPLY:
                reply(h, i);
                break;
        case INTENT_NOTIFY:
                notify(h, i);
                break;
        case INTENT_COUNT_RELOAD:
                cell_add(i->flag ? &board->reloads_ok : &board->reloads_failed, 1);
                break;
        case INTENT_EXIT:
                (void)sd_event_exit(h->event, (int)i->number);
                break;
        default:
                break;
        }
}

/* ---- processes ---- */

static void tell(const struct process *p, enum message message) {
        static const enum link_message messages[] = { [MESSAGE_ACCEPT] = LINK_ACCEPT,
                                                      [MESSAGE_RETIRE] = LINK_RETIRE,
                                                      [MESSAGE_STOP] = LINK_STOP,
                                                      [MESSAGE_LEAVE] = LINK_LEAVE };

        process_tell(p, messages[message]);
}

static void perform_on_process(struct house *h, const struct intent *i) {
        struct process *p = process_at(&h->act, i->slot, i->seat);

        switch (i->kind) {
        case INTENT_START:
                process_take_seat(p, i->flag ? h->act.next : h->act.generation);
                break;
        case INTENT_FREE:
                process_free_seat(p);
                break;
        case INTENT_FORK:
                process_fork(p);
                break;
        case INTENT_RESTARTED:
                h->options->board->slots[i->slot].slot.restarts++;
                break;
        case INTENT_CERTIFY:
                post_mortem_certify(p, i->cause, i->flag);
                break;
        case INTENT_TELL:
                tell(p, i->message);
                break;
        case INTENT_KILL:
                process_kill(p);
                break;
        case INTENT_TRACE:
                post_mortem_trace(p, i->cause, (uint64_t)i->number);
                break;
        case INTENT_CONDEMN:
                post_mortem_condemn(p, i->text);
                break;
        case INTENT_RESPONDS:
                post_mortem_respond(p, i->flag, (uint64_t)i->number);
                break;
        default:
                break;
        }
}

/* ---- sockets ---- */

int house_steer(const struct house *h, const unsigned int *slots, size_t n, struct error *e) {
        const struct supervisor_options *o = h->options;
        struct selector selector;

        if (o->boot->balance == BALANCE_CPU)
                selector_build_cpu(&selector, slots, n, o->cpus->at, o->cpus->n);
        else
                selector_build_random(&selector, slots, n);
        return listeners_steer(o->listeners, &selector, e);
}

static void steer(const struct house *h, const struct intent *i) {
        struct error e;

        if (house_steer(h, i->slots, i->n, &e) == 0)
                return;
        log_message(LOG_WARNING, "%s", e.text);
        act_report(&h->act, HAPPENING_UNSTEERED, 0, 0, NULL);
}

static void open_sockets(const struct house *h, unsigned int n_slots) {
        struct happening happening = { .kind = HAPPENING_OPENED, .number = n_slots };
        struct error e;

        if (listeners_resize(h->options->listeners, n_slots, &e) < 0)
                happening.text = e.text;
        happenings_push(h->act.queue, &happening);
}

static void close_sockets(const struct house *h, unsigned int n_slots) {
        struct error e;

        for (unsigned int i = n_slots; i < h->plans->fleet.n_slots; i++)
                relay_sockets_watch(h->relay, i, false);
        if (listeners_resize(h->options->listeners, n_slots, &e) < 0) /* closing does not fail */
                log_message(LOG_ERR, "%s", e.text);
}

static void shut(const struct house *h, bool at_once) {
        struct error e;

        h->options->board->stopping = 1;
        listeners_unstore(h->options->listeners);
        if (!at_once && listeners_refuse_new(h->options->listeners, &e) < 0)
                log_message(LOG_WARNING, "%s: connections that come in during the stop may be reset", e.text);
}

static void perform_on_sockets(struct house *h, const struct intent *i) {
        switch (i->kind) {
        case INTENT_STEER:
                steer(h, i);
                break;
        case INTENT_OPEN:
                open_sockets(h, (unsigned int)i->number);
                break;
        case INTENT_CLOSE:
                close_sockets(h, (unsigned int)i->number);
                break;
        case INTENT_SLOTS:
                processes_reach(&h->act, (unsigned int)i->number);
                scoreboard_set_slots(h->options->board, (uint32_t)i->number);
                break;
        case INTENT_WATCH:
                relay_sockets_watch(h->relay, i->slot, i->flag);
                break;
        case INTENT_PAUSE:
                relay_sockets_pause(h->relay, i->flag);
                break;
        case INTENT_TAKE:
                relay_sockets_take(h->relay, i->slot, i->address, i->flag, i->to_slot, i->to_seat);
                break;
        case INTENT_SHUT:
                shut(h, i->flag);
                break;
        default:
                break;
        }
}

/* ---- generations and programs ---- */

static void perform_on_generations(struct house *h, const struct intent *i) {
        switch (i->kind) {
        case INTENT_LOAD:
                rollout_load(h->rollout, (unsigned int)i->number, i->flag);
                break;
        case INTENT_DISCARD:
                rollout_discard(h->rollout);
                break;
        case INTENT_EXAMINE:
                rollout_examine(h->rollout, i->slot, i->seat, (uint64_t)i->number);
                break;
        case INTENT_COMMIT:
                rollout_commit(h->rollout);
                break;
        case INTENT_MEASURE:
                measure_report(&h->act, &i->happening);
                break;
        case INTENT_TRY:
                exec_try(h->exec);
                break;
        case INTENT_UNTRY:
                exec_end_trial(h->exec);
                break;
        case INTENT_AWAIT_IDLE:
                exec_await_idle(h->exec);
                break;
        case INTENT_EXECUTE:
                exec_execute(h->exec);
                break;
        case INTENT_RETURN:
                exec_return(h->exec, i->text, i->flag);
                break;
        case INTENT_KEEP:
                exec_keep(h->exec);
                break;
        default:
                break;
        }
}

void house_perform(void *context, const struct intent *i) {
        struct house *h = context;

        perform_on_process(h, i);
        perform_on_sockets(h, i);
        perform_on_generations(h, i);
        perform_saying(h, i);
}
