#include "master/signals.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

static const int stops[] = { SIGTERM, SIGQUIT, SIGINT };
static const int others[] = { SIGCHLD, SIGHUP, SIGUSR1, SIGUSR2, SIGTTIN, SIGTTOU };

/* A full disk or a size limit is what writing says, not a reason to die. */
static const int ignored[] = { SIGPIPE, SIGXFSZ };

static sigset_t inherited;

#define ELEMENTS(array) (sizeof(array) / sizeof *(array))

static void add_all(sigset_t *set, const int *signals, size_t n) {
        for (size_t i = 0; i < n; i++)
                (void)sigaddset(set, signals[i]);
}

/* Setting a valid mask does not fail. */
static void set_mask(int how, bool with_stops, bool with_others, sigset_t *ret_before) {
        sigset_t set;

        (void)sigemptyset(&set);
        if (with_stops)
                add_all(&set, stops, ELEMENTS(stops));
        if (with_others)
                add_all(&set, others, ELEMENTS(others));
        (void)sigprocmask(how, &set, ret_before);
}

static void reset_dispositions(void) {
        for (int s = 1; s < NSIG; s++)
                if (s != SIGKILL && s != SIGSTOP)
                        (void)signal(s, SIG_DFL); /* fails for libc's own real-time signals only */
}

/* Of what is called here all is safe in a handler. */
static void end_start(int number) {
        const char *name = number == SIGTERM ? "SIGTERM" : number == SIGQUIT ? "SIGQUIT" : "SIGINT";
        static const char before[] = "restmarkd: notice: ", after[] = " before the start was done: stopped\n";
        char text[sizeof before + sizeof after + 8], *end = stpcpy(stpcpy(stpcpy(text, before), name), after);
        struct pollfd ready = { .fd = STDERR_FILENO, .events = POLLOUT };

        /* A pipe whose reader has stopped must not stop the end. */
        if (poll(&ready, 1, 0) == 1 && (ready.revents & POLLOUT) != 0 && write(STDERR_FILENO, text, (size_t)(end - text)) < 0)
                _exit(EX_OK); /* there is nobody to tell */
        _exit(EX_OK);
}

void signals_hold(void) {
        set_mask(SIG_BLOCK, true, true, &inherited);
}

void signals_let_go(void) {
        (void)sigprocmask(SIG_SETMASK, &inherited, NULL);
}

void signals_default(void) {
        reset_dispositions();
        set_mask(SIG_SETMASK, false, false, NULL);
}

void signals_begin(bool may_end) {
        reset_dispositions();
        for (size_t i = 0; i < ELEMENTS(ignored); i++)
                (void)signal(ignored[i], SIG_IGN);
        for (size_t i = 0; may_end && i < ELEMENTS(stops); i++)
                (void)signal(stops[i], end_start);
        set_mask(SIG_SETMASK, !may_end, true, NULL);
}

void signals_take(void) {
        set_mask(SIG_SETMASK, true, true, NULL);
        for (size_t i = 0; i < ELEMENTS(stops); i++)
                (void)signal(stops[i], SIG_DFL); /* blocked, it is read from the loop */
}

bool signals_is_from_kernel(const struct signalfd_siginfo *info) {
        return info->ssi_code == SI_KERNEL;
}
