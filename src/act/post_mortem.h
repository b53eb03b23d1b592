/* The end of workers, as people are told of it: why one is killed and where it was, and the certificate of a dead one. */
#ifndef RESTMARK_ACT_POST_MORTEM_H
#define RESTMARK_ACT_POST_MORTEM_H

#include <signal.h>
#include <sys/resource.h>

#include "act/process.h"

enum {
        POST_MORTEM_TRACE_MS = 200,     /* how long a worker that is to be killed has to show its stack */
        POST_MORTEM_TRACE_LOOK_MS = 10, /* how often that is looked for */
};

/* The worker is dead: its numbers move to the slot's past, and what they were is put into *ret. The certificate waits until it is known what the
 * death is put down to. */
void post_mortem_begin(struct process *process, const siginfo_t *info, const struct rusage *usage, struct life *ret);

/* Writes the certificate and lets go of all that the worker had. */
void post_mortem_certify(struct process *process, enum restmark_cause cause, bool asked_to_stop);

/* Says that the worker is killed as it is stuck for `ms`, asks for its stack, and kills it when that is there or its time is over. */
void post_mortem_trace(struct process *process, enum restmark_cause cause, uint64_t ms);

/* Says that it is killed as it `why`, and kills it. */
void post_mortem_condemn(struct process *process, const char *why);

/* Says that it responds again, or has not for `ms`. */
void post_mortem_respond(struct process *process, bool responds, uint64_t ms);

#endif
