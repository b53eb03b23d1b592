/* The next generation, outside: it is loaded, its first worker asked for every route, and then it is the current one, or is dropped. */
#ifndef RESTMARK_ACT_ROLLOUT_H
#define RESTMARK_ACT_ROLLOUT_H

#include "act/act.h"

struct rollout;

/* NULL when there is no memory. */
struct rollout *rollout_new(struct act *act);
struct rollout *rollout_free(struct rollout *rollout);

/* Loads the configuration as it is now, and looks whether a restart would accept it; or if it `is_there`, what an upgrade has brought and tested.
 * Reports LOADED, with what of it takes a restart. */
void rollout_load(struct rollout *rollout, unsigned int number, bool is_there);

/* Asks the worker in a seat, the canary, for all routes. Reports EXAMINED. */
void rollout_examine(struct rollout *rollout, unsigned int slot, unsigned int seat, uint64_t timeout_ms);

/* It is the current one. */
void rollout_commit(struct rollout *rollout);

/* It will not be, and nobody is asked any more. */
void rollout_discard(struct rollout *rollout);

#endif
