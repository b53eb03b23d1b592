/* What a plan wants, as plain data: some of it becomes part of the facts (fleet_change()), the rest is performed outside. */
#ifndef RESTMARK_FLEET_INTENT_H
#define RESTMARK_FLEET_INTENT_H

#include <restmark/scoreboard.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fleet/event_kind.h"
#include "fleet/happening.h"
#include "fleet/slot.h"

/* What plans tell each other about themselves. */
enum fact {
        FACT_EXAMINES, /* a canary is examined, or about to be: no other worker is to start beside another */
        FACT_RELOADS,  /* a reload runs, or is about to */
        FACT_SCALES,   /* the number of workers is on its way to another */
        FACT_LEAVES,   /* an upgrade waits until no worker is being replaced */
        FACT_HOLDS,    /* a connection is held that nobody has taken yet */
        FACT_COUNT
};

/* What clients of the control socket wait for. */
enum topic { TOPIC_RELOAD, TOPIC_SCALE, TOPIC_DRAIN, TOPIC_UPGRADE, TOPIC_STOP, TOPIC_COUNT };

enum message { MESSAGE_ACCEPT, MESSAGE_RETIRE, MESSAGE_STOP, MESSAGE_LEAVE };

enum notice { NOTICE_READY, NOTICE_STATUS, NOTICE_RELOADING, NOTICE_STOPPING, NOTICE_WATCHDOG };

enum intent_kind {
        /* Of the facts: */
        INTENT_START,    /* a worker in the empty seat, of the current generation, or if `flag` of the next one, on probation */
        INTENT_ORDER,    /* `event` for the seat's machine, STOP or KILL; `cause` is what its death will be put down to */
        INTENT_FREE,     /* the seat, whose worker has stopped */
        INTENT_SWAP,     /* the slot's seats: the one beside is its own from now on */
        INTENT_WISH,     /* of `cause` for the slot, with `ticket` */
        INTENT_UNWISH,   /* the slot's is fulfilled, or given up */
        INTENT_POSTPONE, /* the slot's, until `number` (monotonic, ms) */
        INTENT_AWAIT,    /* the new worker of slot `number`; -1: of none */
        INTENT_FACT,     /* `fact` is `flag` */
        INTENT_WORKERS,  /* `number` of them are to be */
        INTENT_SLOTS,    /* there are `number` of them */
        INTENT_PROVEN,   /* `number` workers have been ready */
        INTENT_COMMIT,   /* the next generation is the current one, and the seat's worker, its canary, on probation no more */
        INTENT_SERVE,    /* the daemon is ready */
        INTENT_STOPPING, /* it stops, and is to exit with `number` */
        INTENT_RETIRED,  /* the seat's worker takes no more connections */
        INTENT_DOOM,     /* it is to be killed as it is stuck, for `cause` */
        INTENT_RESPONDS, /* it does if `flag`, and has not for `number` ms if not */
        INTENT_HAPPEN,   /* `happening` for all plans */

        /* Of processes: */
        INTENT_FORK,
        INTENT_RESTARTED, /* count one restart of the slot */
        INTENT_CERTIFY,  /* the death of the seat's worker, and let go of all that it had; `cause`, and `flag`: it was asked to stop */
        INTENT_TELL,     /* the seat's worker `message` */
        INTENT_KILL,
        INTENT_TRACE,    /* say that it is killed for `cause`, after `number` ms; ask it for its stack; then kill it */
        INTENT_CONDEMN,  /* say that it is killed as it `text`, and kill it */

        /* Of sockets: */
        INTENT_STEER,    /* new connections to `n` `slots` */
        INTENT_OPEN,     /* sockets for `number` slots */
        INTENT_CLOSE,    /* those of all slots but the first `number` */
        INTENT_WATCH,    /* the queues of the slot, if `flag`; else not any more */
        INTENT_PAUSE,    /* all that are watched, if `flag`; else go on */
        INTENT_TAKE,     /* a connection from the queue of `slot`, `address`, or if `flag` the one that is held, and pass it to (`to_slot`, `to_seat`) */
        INTENT_SHUT,     /* nobody new may come: the daemon stops, at once if `flag` */

        /* Of generations and programs: */
        INTENT_LOAD,     /* the next one, as number `number`; if `flag` it is there already */
        INTENT_DISCARD,  /* it; and its examination ends */
        INTENT_EXAMINE,  /* the seat's worker, for `number` ms at most */
        INTENT_MEASURE,  /* whether there is room for `number` workers */
        INTENT_TRY,      /* the program at the path of the start */
        INTENT_UNTRY,
        INTENT_AWAIT_IDLE,
        INTENT_EXECUTE,  /* the program that was tried */
        INTENT_RETURN,   /* to the program before, because of `text`; `flag`: another reload is asked for */
        INTENT_KEEP,     /* this program: there is no way back any more */

        /* Of those who want to know: */
        INTENT_LOG,      /* `text` of `number` (syslog's priorities) */
        INTENT_EVENT,    /* `text` of `event_kind`, about `slot` or, if `flag`, none */
        INTENT_REPLY,    /* `text` to whoever waits for `ticket` of `topic`, and if `and_earlier` for those before it; `flag`: all is well */
        INTENT_NOTIFY,   /* systemd: `notice`, `text` */
        INTENT_COUNT_RELOAD, /* `flag`: it has succeeded */
        INTENT_EXIT,     /* with `number` */
        INTENT_KIND_COUNT
};

struct intent {
        enum intent_kind kind;
        unsigned int slot, seat, address, to_slot, to_seat;
        bool flag, once, and_earlier;
        int64_t number;
        uint64_t ticket;
        enum slot_event event;
        enum restmark_cause cause;
        enum fact fact;
        enum topic topic;
        enum message message;
        enum notice notice;
        enum event_kind event_kind;
        const char *text; /* in the list's memory; NULL: none */
        const unsigned int *slots; /* the plan's */
        size_t n;
        struct happening happening;
};

enum {
        INTENTS_MAX = 4 * RESTMARK_SLOTS_MAX * RESTMARK_SEATS, /* a plan has no more to say about one happening */
        INTENTS_TEXT_MAX = 128 * 1024, /* bytes of all texts */
        INTENT_TEXT_MAX = 1600,        /* of one */
};

/* What one plan wants because of one happening. */
struct intents {
        size_t n, text_used;
        struct intent list[INTENTS_MAX];
        char text[INTENTS_TEXT_MAX];
};

void intents_clear(struct intents *intents);

/* Adds one. The process ends if there are more than can be, which is a bug. */
void intents_add(struct intents *intents, const struct intent *intent);

/* The same with a text, which is cut off at INTENT_TEXT_MAX bytes. */
void intents_say(struct intents *intents, const struct intent *intent, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* For all plans. */
void intents_happen(struct intents *intents, const struct happening *happening);

/* A line of the log, and an event about one slot, or if that is -1 none. */
void intents_log(struct intents *intents, int priority, const char *format, ...) __attribute__((format(printf, 3, 4)));
void intents_event(struct intents *intents, enum event_kind kind, int slot, const char *format, ...) __attribute__((format(printf, 4, 5)));

static inline void intents_fact(struct intents *intents, enum fact fact, bool value) {
        intents_add(intents, &(struct intent){ .kind = INTENT_FACT, .fact = fact, .flag = value });
}

#endif
