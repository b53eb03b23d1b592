/* Upgrade: the program at the path of the start is tried out, and then executed in this process, which keeps its pid, its listening sockets,
 * the control socket, the scoreboard and the workers. The new program replaces the workers as a reload does. If it cannot, the old
 * program is executed again, and goes on with the same workers. */
#ifndef RESTMARK_MASTER_UPGRADE_H
#define RESTMARK_MASTER_UPGRADE_H

#include <stdbool.h>
#include <stdint.h>

#include "act/handover.h"
#include "base/error.h"

struct supervisor;
struct upgrade;

/* NULL when there is no memory. */
struct upgrade *upgrade_new(struct supervisor *s);
struct upgrade *upgrade_free(struct upgrade *upgrade);

/* Asks for one. Returns its ticket; who asks while one is on its way has that one's. */
uint64_t upgrade_request(struct upgrade *upgrade);

/* From the loop: HAPPENING_UPGRADE. */
void upgrade_begin(struct upgrade *upgrade);

/* Whether one waits until no worker is being replaced: it had better not begin to. */
bool upgrade_waits(const struct upgrade *upgrade);

/* A child's state has changed, or a reload has ended: what an upgrade may have waited for. */
void upgrade_on_change(struct upgrade *upgrade);

/* At SIGCHLD. */
void upgrade_collect(struct upgrade *upgrade);

/* The daemon stops: who waits for an upgrade is told so. */
void upgrade_abandon(struct upgrade *upgrade);

/* ---- in the program that has taken over ---- */

/* Takes the workers of `h` into the supervisor's seats, and begins to replace them, unless `h` is a return. */
int upgrade_adopt(struct upgrade *upgrade, struct handover *h, struct error *e);

/* The new workers cannot serve, and the old ones still do: back to the old program. Returns only if that fails. */
void upgrade_return(struct upgrade *upgrade, const char *why);

/* The replacement of the workers is over. */
void upgrade_finish(struct upgrade *upgrade, bool ok, const char *reply);

/* Back to the old program before the loop runs, with what it has handed over. Returns only if that fails, with a sentence. */
int upgrade_refuse(struct handover *h, char *const *argv, const char *why, struct error *e);

#endif
