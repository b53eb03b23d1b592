/* The trial of a new program before an upgrade: it is executed beside this one with the same arguments and --self-test, loads what it would
 * load, reads the handover that it would get, and lets a worker of its own answer every route. Nothing of the daemon changes by it. */
#ifndef RESTMARK_ACT_TRIAL_H
#define RESTMARK_ACT_TRIAL_H

#include <stdint.h>
#include <systemd/sd-event.h>

#include "act/program.h"
#include "base/error.h"

#define TRIAL_OPTION "--self-test"
#define TRIAL_PASSED "restmarkd self-test passed: " /* its last line, followed by the version */

/* The outcome: `why` it failed, or NULL and the new program's version. The trial may be freed in it. */
typedef void (*trial_done)(void *context, const char *why, const char *version);

struct trial;

/* `handover_fd` and `boot_fd` are passed on; all other descriptors are not. */
int trial_new(sd_event *event, const struct program *program, int handover_fd, int boot_fd, uint64_t timeout_ms, trial_done done,
              void *context, struct trial **ret, struct error *e);

/* To be called at SIGCHLD. NULL-safe. */
void trial_collect(struct trial *trial);

/* Kills what is left of it. NULL-safe; returns NULL. */
struct trial *trial_free(struct trial *trial);

#endif
