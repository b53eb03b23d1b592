/* The master: its plans, its acts, and the loop between them. */
#ifndef RESTMARK_MASTER_HOUSE_H
#define RESTMARK_MASTER_HOUSE_H

#include "act/act.h"
#include "act/exec.h"
#include "act/relay.h"
#include "act/rollout.h"
#include "plan/plans.h"

struct house {
        const struct supervisor_options *options;
        struct plans *plans;
        struct act act;
        struct rollout *rollout;
        struct relay_sockets *relay;
        struct exec *exec;
        sd_event *event;
        sd_event_source *timer;
        sd_event_source *start_timer;  /* for what only the start needed */
        uint64_t timer_ms;             /* when it is due, monotonic; 0: it is not set */
        uint64_t tickets[TOPIC_COUNT]; /* the last ones that were given out */
};

/* Puts a command into the queue, with a new ticket of its topic, which it returns. */
uint64_t house_command(struct house *house, enum topic topic, const struct happening *command);

/* Performs an intent (struct world). */
void house_perform(void *context, const struct intent *intent);

/* Lets the kernel choose from these slots for new connections. */
int house_steer(const struct house *house, const unsigned int *slots, size_t n, struct error *e);

/* Looks at what the workers say of themselves (struct world), as far as it can be true. */
void house_look(void *context, enum fleet_needs needs);

/* Shows the facts on the scoreboard. */
void house_display(struct house *house);

/* Brings up to date what the scoreboard holds of workers, memory and listening sockets: to be called before it is shown. */
void house_sample(struct house *house);

/* Goes on where the program that ran in this process before has left off: takes its workers, and begins to replace them unless it is a return. */
int house_take_over(struct house *house, struct handover *handover, struct error *e);

#endif
