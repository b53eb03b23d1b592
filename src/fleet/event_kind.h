/* The kinds of what has happened to the daemon, as it is told to people. */
#ifndef RESTMARK_FLEET_EVENT_KIND_H
#define RESTMARK_FLEET_EVENT_KIND_H

/* Names for people and programs in act/events.c. */
enum event_kind {
        EVENT_START,         /* the daemon begins */
        EVENT_READY,         /* all workers are ready for the first time */
        EVENT_WORKER,        /* a worker is ready that is not of the start */
        EVENT_DEATH,         /* a worker is dead: its certificate */
        EVENT_CRASH_LOOP,    /* workers die as soon as they are ready, or do so no more */
        EVENT_LOST,          /* workers fail to start again and again, and the others go on */
        EVENT_RECYCLE,       /* a worker is to be replaced, and why */
        EVENT_HARAKIRI,      /* a worker is killed as its request ran too long */
        EVENT_WEDGED,        /* a worker is killed as its heart stopped */
        EVENT_RESPONSE,      /* a worker does not respond, or does again */
        EVENT_UNTRUSTED,     /* a worker is killed as it does or says what none does */
        EVENT_RELOAD,        /* a reload begins */
        EVENT_RELOADED,
        EVENT_RELOAD_FAILED,
        EVENT_SCALE,         /* the number of slots changes */
        EVENT_DRAIN,         /* a slot is drained as somebody asked for it */
        EVENT_UPGRADE,       /* the binary is replaced */
        EVENT_UPGRADE_FAILED,
        EVENT_REOPEN,        /* logs are opened again */
        EVENT_STOP,          /* the daemon ends */
        EVENT_KIND_COUNT
};

#endif
