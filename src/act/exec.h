/* Executing another program in this process: what is handed over, the trial before, and the way back. When, is for others to say. */
#ifndef RESTMARK_ACT_EXEC_H
#define RESTMARK_ACT_EXEC_H

#include "act/act.h"

struct exec;

/* `admin_fds` are handed over, too. NULL when there is no memory. */
struct exec *exec_new(struct act *act, const int *admin_fds, size_t n_admin_fds);
struct exec *exec_free(struct exec *exec);

/* Tries out the program at the path of the start. Reports TRIED. */
void exec_try(struct exec *exec);

/* Ends what is left of that, and of waiting. */
void exec_end_trial(struct exec *exec);

/* At SIGCHLD. */
void exec_collect(struct exec *exec);

/* Reports IDLE as the last thing of a turn of the loop, when no signal or message has been read that is not yet acted upon. */
void exec_await_idle(struct exec *exec);

/* Executes the program at the path of the start. Returns only if that fails, and reports STAYED; OUTDATED if it is not the one any more that was tried;
 * or AGAIN if anything is in the queue, which would be lost. */
void exec_execute(struct exec *exec);

/* ---- in the program that has taken over ---- */

/* From now on there is a way back to `predecessor`. */
void exec_succeed(struct exec *exec, struct handover *predecessor);

/* The new workers cannot serve, and the old ones still do: back to the old program. `has_more`: another reload is asked for. Returns only if that fails. */
void exec_return(struct exec *exec, const char *why, bool has_more);

/* The replacement of the workers is over: there is no way back any more. */
void exec_keep(struct exec *exec);

/* Back to the old program before the loop runs, with what it has handed over. Returns only if that fails, with a sentence. */
int exec_refuse(struct handover *h, char *const *argv, const char *why, struct error *e);

#endif
