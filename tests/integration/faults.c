/* Preloaded into a restmarkd under test. Everything is as it would be but for
 *   - while the file that RESTMARK_FORK_FAULT names exists: what is forked ends at once, with the exit code that the file holds; if there is a
 *     second number behind that, only so many do;
 *   - while the file that RESTMARK_WAIT_FAULT names exists: a dead worker that is waited for has already been collected by somebody else;
 *   - while the FIFO that RESTMARK_OPEN_FAULT names exists: its configuration can be opened when somebody has opened and closed that;
 *   - if RESTMARK_NAMES_FAULT is set: hosts in .test are 127.0.0.1, but nowhere.test, which is not there; and nobody says so while the file that
 *     it names exists, as if name servers were silent. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* The file that the variable names, if it is there. */
static FILE *open_flag(const char *variable) {
        const char *path = getenv(variable);

        return path ? fopen(path, "re") : NULL;
}

static pid_t fork_by(const char *name) {
        static int n_failed;
        pid_t (*real)(void);
        FILE *flag = open_flag("RESTMARK_FORK_FAULT");
        int code = 0, n_max = INT_MAX;
        pid_t pid;

        *(void **)&real = dlsym(RTLD_NEXT, name);
        if (!flag)
                return real();
        if (fscanf(flag, "%d %d", &code, &n_max) < 1)
                abort();
        (void)fclose(flag);
        pid = real();
        if (n_failed++ < n_max && pid == 0)
                _exit(code);
        return pid;
}

pid_t fork(void) {
        return fork_by("fork");
}

pid_t _Fork(void) {
        return fork_by("_Fork");
}

int open(const char *path, int flags, ...) {
        static const char name[] = "/restmarkd.ini";
        static int (*real)(const char *, int, ...);
        size_t length = strlen(path), n = sizeof name - 1;
        FILE *flag = length >= n && strcmp(path + length - n, name) == 0 ? open_flag("RESTMARK_OPEN_FAULT") : NULL;
        mode_t mode;
        va_list list;

        if (!real)
                *(void **)&real = dlsym(RTLD_NEXT, "open");
        if (flag) {
                (void)getc(flag);
                (void)fclose(flag);
        }
        va_start(list, flags);
        mode = va_arg(list, mode_t);
        va_end(list);
        return real(path, flags, mode);
}

/* With all arguments that a system call can have, as libc's passes them on. */
long syscall(long number, ...) {
        static long (*real)(long, ...);
        FILE *flag = number == SYS_waitid ? open_flag("RESTMARK_WAIT_FAULT") : NULL;
        long a[6], r;
        va_list list;

        if (!real)
                *(void **)&real = dlsym(RTLD_NEXT, "syscall");
        va_start(list, number);
        for (size_t i = 0; i < sizeof a / sizeof *a; i++)
                a[i] = va_arg(list, long);
        va_end(list);
        r = real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
        if (!flag)
                return r;
        (void)fclose(flag);
        if (r != 0 || ((const siginfo_t *)a[2])->si_pid == 0)
                return r;
        *(siginfo_t *)a[2] = (siginfo_t){ .si_pid = 0 };
        errno = ECHILD;
        return -1;
}

int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **ret) {
        static int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
        const struct timespec pause = { .tv_nsec = 5000000 };
        const char *flag = getenv("RESTMARK_NAMES_FAULT"), *dot = host ? strrchr(host, '.') : NULL;

        if (!real)
                *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
        if (!flag || !dot || strcmp(dot, ".test") != 0 || (hints && (hints->ai_flags & AI_NUMERICHOST)))
                return real(host, service, hints, ret);
        while (access(flag, F_OK) == 0)
                (void)nanosleep(&pause, NULL);
        return strcmp(host, "nowhere.test") == 0 ? EAI_NONAME : real("127.0.0.1", service, hints, ret);
}
