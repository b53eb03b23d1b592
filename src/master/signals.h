/* What signals do to the master from its first instruction on. A signal that comes before the loop runs must neither be lost (as PID 1,
 * for which the kernel drops what has no handler) nor end or stop the process without a word (HUP, USR1, USR2, TTIN, TTOU by default do), so those
 * that the loop reads are blocked first of all; and nothing is left of what whoever executed the program had ignored or blocked. */
#ifndef RESTMARK_MASTER_SIGNALS_H
#define RESTMARK_MASTER_SIGNALS_H

#include <stdbool.h>
#include <sys/signalfd.h>

/* First thing in main(): blocks all that the master reads from its loop. */
void signals_hold(void);

/* For what does one thing and ends, such as -t: signals are again as they were for whoever executed the program. */
void signals_let_go(void);

/* For a self-test: dispositions and mask are those of a fresh process, and children can be waited for. */
void signals_default(void);

/* For a daemon: all dispositions are the default ones, whatever was inherited, but SIGPIPE and SIGXFSZ are ignored, and what the loop reads stays
 * blocked. With `may_end`, TERM, QUIT and INT end the process, with exit code 0 and a message, until signals_take(): a start may take long
 * and has nothing yet that would have to be put in order. Without, in an upgrade, they wait too. */
void signals_begin(bool may_end);

/* Before the first socket is opened: TERM, QUIT and INT, too, wait for the loop from now on. */
void signals_take(void);

/* Whether the kernel has sent it by itself, as the terminal driver sends TTIN and TTOU to a whole group in the background. */
bool signals_is_from_kernel(const struct signalfd_siginfo *info);

#endif
