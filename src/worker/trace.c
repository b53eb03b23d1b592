#include "worker/trace.h"

#include <errno.h>
#include <execinfo.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <ucontext.h>

#include "shared/heritage.h"
#include "shared/scoreboard.h"

enum { HANDLER_FRAMES = 8 }; /* at most so many are the handler's own */

static struct restmark_worker_cell *own_cell;
static pid_t own_master;

void trace_prime(void) {
        void *frame;

        (void)backtrace(&frame, 1);
}

/* Where the signal came in between; NULL if that is not known for this machine. */
static void *interrupted(const void *context) {
        const ucontext_t *c = context;

#if defined(__x86_64__)
        return (void *)(uintptr_t)c->uc_mcontext.gregs[REG_RIP]; /* NOLINT: an address */
#elif defined(__aarch64__)
        return (void *)(uintptr_t)c->uc_mcontext.pc;
#else
        (void)c;
        return NULL;
#endif
}

/* Async-signal-safe: backtrace() is, once primed; the rest is stores. */
static void on_trace(int signal, siginfo_t *info, void *context) {
        void *frames[RESTMARK_STACK_MAX + HANDLER_FRAMES], *pc = interrupted(context);
        int saved_errno = errno, n, first = 0;
        uint64_t depth = 0;

        (void)signal;
        if (info->si_pid != own_master)
                return;
        n = backtrace(frames, RESTMARK_STACK_MAX + HANDLER_FRAMES);
        while (first < n && frames[first] != pc)
                first++;
        if (first == n)
                first = 0; /* with the handler's own frames, then */
        for (int i = first; i < n && depth < RESTMARK_STACK_MAX; i++)
                cell_set(&own_cell->stack[depth++], (uint64_t)(uintptr_t)frames[i]);
        atomic_store_explicit(&own_cell->stack_depth, depth, memory_order_release);
        errno = saved_errno;
}

int trace_install(struct restmark_worker_cell *cell, pid_t master, struct error *e) {
        struct sigaction action = { .sa_sigaction = on_trace, .sa_flags = SA_SIGINFO | SA_RESTART };

        own_cell = cell;
        own_master = master;
        (void)sigemptyset(&action.sa_mask);
        return sigaction(HERITAGE_TRACE_SIGNAL, &action, NULL) < 0 ? error_set_errno(e, errno, "cannot set the trace signal's handler") : 0;
}
