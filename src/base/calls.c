#include "base/calls.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Each with arguments with which it fails wherever it exists: no descriptor, flags or addresses that are none. */
struct call {
        const char *name;
        long number, arguments[4];
};

static char nothing[256]; /* where they may read, or would write */

#define NOTHING (long)(uintptr_t)nothing
#define CALL(name, ...) { #name, SYS_##name, { __VA_ARGS__ } }

static const struct call calls[] = {
        CALL(accept4, -1),
        CALL(epoll_create1, -1),
        CALL(epoll_ctl, -1, 0, 0, NOTHING),
#ifdef SYS_epoll_wait
        CALL(epoll_wait, -1, NOTHING, 1, 0),
#else
        CALL(epoll_pwait, -1, NOTHING, 1, 0),
#endif
        CALL(fcntl, -1),
        CALL(ftruncate, -1, 0),
        CALL(madvise, 1, 0, -1),
        CALL(memfd_create, NOTHING, -1),
        CALL(prctl, -1),
        CALL(recvfrom, -1, NOTHING),
        CALL(recvmsg, -1, NOTHING),
        CALL(sendmsg, -1, NOTHING),
        CALL(sendto, -1, NOTHING),
        CALL(signalfd4, -1, NOTHING, 8, -1),
        CALL(socketpair, -1, 0, 0, NOTHING),
        CALL(timerfd_create, -1),
        CALL(timerfd_settime, -1, 0, NOTHING),
        CALL(waitid, -1, 0, NOTHING),
};

int calls_check(struct error *e) {
        for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
                const long *a = calls[i].arguments;

                if (syscall(calls[i].number, a[0], a[1], a[2], a[3], 0, 0) < 0 && (errno == ENOSYS || errno == EPERM || errno == EACCES))
                        return error_set_errno(e, errno, "the system call %s(), which restmarkd cannot do without, is refused (allow it in the filter of "
                                                         "system calls: the container's seccomp profile, SystemCallFilter= in the systemd unit)",
                                               calls[i].name);
        }
        return 0;
}
