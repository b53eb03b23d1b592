/* What can happen to the daemon, as plain data, and the one queue in which it waits until the plans have looked at it. Nothing that happens calls
 * anybody: whoever finds something out puts it here. */
#ifndef RESTMARK_FLEET_HAPPENING_H
#define RESTMARK_FLEET_HAPPENING_H

#include <restmark/scoreboard.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "fleet/policy.h"
#include "fleet/slot.h"

enum happening_kind {
        HAPPENING_BEGIN,    /* the daemon starts, or if `at_once` goes on where another program has left off */
        HAPPENING_TIME,     /* the time has come that somebody waits for */
        HAPPENING_CHANGED,  /* a seat's worker has another state, by what a plan wanted of it or by the time */
        HAPPENING_AGAIN,    /* nothing but an occasion to look at the facts again */

        /* From workers and the kernel, about a seat: */
        HAPPENING_FORKED,
        HAPPENING_FORK_FAILED, /* `text` says why */
        HAPPENING_READY,    /* the worker says so */
        HAPPENING_DONE,     /* told to stop, it says that it has nothing left to serve */
        HAPPENING_DEAF,     /* it has closed its end of the link */
        HAPPENING_DISTRUST, /* it has said what none says: `text`, to be put behind "it " */
        HAPPENING_EXITED,

        /* From the queues of listening sockets: */
        HAPPENING_QUEUE,    /* somebody waits in that of `slot`, `address`, which is watched */
        HAPPENING_PASSED,   /* the seat's worker has been given a connection */
        HAPPENING_UNPASSED, /* … has not: it is dying. The connection is still held */
        HAPPENING_EMPTY,    /* nobody waits there */
        HAPPENING_SHORT,    /* the master has no descriptor for who waits */

        /* Commands, of the control socket or by signals: */
        HAPPENING_RELOAD,
        HAPPENING_SCALE,    /* to `number` workers */
        HAPPENING_SCALE_BY, /* by `difference` */
        HAPPENING_DRAIN,    /* the slot */
        HAPPENING_UPGRADE,
        HAPPENING_STOP,     /* `at_once` or not; `number` is the exit code */

        /* What came of intents: */
        HAPPENING_LOADED,   /* the next generation, if `ok`: `policy`, and `text` is what of it takes a restart, or NULL; else `text` says why not */
        HAPPENING_EXAMINED, /* the canary; `text` is NULL if it is well */
        HAPPENING_MEASURED, /* `text` is NULL if there is room for the workers that were asked for */
        HAPPENING_OPENED,   /* sockets for `number` slots; or `text` says why not */
        HAPPENING_UNSTEERED, /* the kernel goes on to choose as before */
        HAPPENING_TRIED,    /* another program: `ok`, and `text` is its version or says why not */
        HAPPENING_IDLE,     /* nothing waits anywhere */
        HAPPENING_OUTDATED, /* the program is not the one any more that was tried */
        HAPPENING_STAYED,   /* it could not be executed, as `text` says */

        /* From one plan to others: */
        HAPPENING_ROUND,    /* it is time to look at all workers */
        HAPPENING_YIELD,    /* the new worker that is awaited gives way */
        HAPPENING_PROVEN,   /* the canary of `slot` serves, and its generation is the current one */
        HAPPENING_CANCEL,   /* the reload has failed in the middle: nobody else is to be replaced for it */
        HAPPENING_ENDS,     /* the slot does */
        HAPPENING_REPLACED, /* the slot has a new worker */
        HAPPENING_STUCK,    /* the slot cannot be given a worker of the new generation */
        HAPPENING_FREED,    /* the seat is free */
        HAPPENING_FLUSH,    /* serve the queues of the slot, and say when they are empty */
        HAPPENING_FLUSHED,  /* … `ok`: they are */
        HAPPENING_SERVES,   /* all workers are ready, for the first time */
        HAPPENING_TAKEN_OVER, /* from another program: a reload to the next generation is due */
        HAPPENING_RELOADED, /* the reload has ended: `ok`, `text` is the reply, `at_once` says that it was an upgrade's */
        HAPPENING_KIND_COUNT
};

/* What a worker had done that is dead. */
struct life {
        pid_t pid;
        unsigned int generation;
        enum restmark_cause cause;
        bool asked_to_stop;
        int code, status; /* as in siginfo_t: CLD_EXITED, and with what, or by which signal */
        bool refuses;     /* it has said that another would end in the same way */
        uint64_t accepted, requests;
        uint64_t connections; /* open when it died: they are reset */
};

/* What has become of a seat's state. */
struct slot_change {
        uint64_t life; /* of the worker: by the time that this is heard of, the seat may have another */
        enum slot_event event;
        enum slot_action action;
        enum restmark_slot_state before, after;
        bool ends_crash_loop;
};

struct happening {
        enum happening_kind kind;
        unsigned int slot, seat, address;
        bool ok, at_once;
        int difference;
        uint64_t number, ticket;
        pid_t pid;
        uint64_t dice;
        char *text; /* the queue's own copy; NULL: none */
        bool has_change;
        struct slot_change change;
        struct life life;
        struct policy policy;
};

struct happenings {
        struct happening *list;
        size_t first, n, capacity;
};

/* Puts one behind all others, with a copy of its text. Without memory for it the process ends: what has happened cannot be forgotten. */
void happenings_push(struct happenings *happenings, const struct happening *happening);

/* Takes the oldest; the caller frees its text by happening_release(). Returns false when there is none. */
bool happenings_pop(struct happenings *happenings, struct happening *ret);

void happening_release(struct happening *happening);

void happenings_free(struct happenings *happenings);

#endif
