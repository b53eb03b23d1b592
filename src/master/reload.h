/* Reload: a new generation is loaded, its first worker (the canary) examined, and only then the others replaced, one slot after another,
 * each by a worker that is ready before the old one stops to accept. Whatever fails before that leaves everything as it was. */
#ifndef RESTMARK_MASTER_RELOAD_H
#define RESTMARK_MASTER_RELOAD_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

struct reload;
struct supervisor;
struct child;
struct child_account;
struct generation;

/* NULL when there is no memory. */
struct reload *reload_new(struct supervisor *s);
struct reload *reload_free(struct reload *reload);

/* Asks for a reload. Returns its ticket, a growing number: a request that comes while a reload runs is for the next one, which
 * reads the configuration again. The reply is sent to the control clients of that ticket. */
uint64_t reload_request(struct reload *reload);

/* The reload that follows the exec of a new program: to `next`, whose reference passes to the reload. Upgrade is told how it ends. */
void reload_upgrade(struct reload *reload, struct generation *next);

/* From the loop: HAPPENING_RELOAD. */
void reload_begin(struct reload *reload);

/* Whether another one is asked for, which follows the one that runs. */
bool reload_has_more(const struct reload *reload);

/* Whether one runs, or is about to. */
bool reload_runs(const struct reload *reload);

/* Whether its canary is being examined, or about to be: no other worker is to start beside another then. */
bool reload_examines(const struct reload *reload);

/* A child's state has changed. */
void reload_on_change(struct reload *reload, struct child *child);

/* A child has died; `info` says how, `had` what it had done. */
void reload_on_death(struct reload *reload, const struct child *child, const siginfo_t *info, const struct child_account *had);

/* A seat has become free whose worker was beside another. */
void reload_on_free_seat(struct reload *reload, const struct child *child);

/* A slot could not be given a worker of the new generation. */
void reload_on_stuck(struct reload *reload, unsigned int slot);

/* To be called when a slot has got a new worker, or is given up: that may have been the last one. */
void reload_check(struct reload *reload);

/* The daemon stops: who waits for a reload is told so. */
void reload_abandon(struct reload *reload);

#endif
