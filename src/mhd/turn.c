#include "mhd/turn.h"

#include <dlfcn.h>
#include <errno.h>

#include "mhd/library.h"

static int joined = -1;      /* the library's set, in which there may be descriptors of ours */
static struct turn *current; /* NULL: the library's wait is its own */

/* The C library's, or that of one that is preloaded; NULL: not looked for. */
static int (*next)(int, struct epoll_event *, int, int);

/* Where the linker knows none, as in a program that is linked statically. */
static int wait_by_pwait(int fd, struct epoll_event *events, int max, int timeout_ms) {
        return epoll_pwait(fd, events, max, timeout_ms, NULL);
}

static void find_next(void) {
        *(void **)&next = dlsym(RTLD_NEXT, "epoll_wait");
        if (!next)
                next = wait_by_pwait;
}

/* Leaves what is the library's, and returns how much that is. */
static int take_own(struct epoll_event *events, int n, struct turn *turn) {
        int n_left = 0;

        for (int i = 0; i < n; i++)
                if (events[i].data.u64 > TURN_OWN_MAX)
                        events[n_left++] = events[i];
                else if (turn && turn->n_events < turn->events_max)
                        turn->events[turn->n_events++] = events[i];
        return n_left;
}

static int wait_for_turn(struct turn *turn, struct epoll_event *events, int max) {
        int n = next(joined, events, max, turn->timeout_ms), saved_errno = errno;

        turn->has_waited = true;
        turn->is_idle = n == 0;
        turn->error = n < 0 ? saved_errno : 0;
        if (n > 0)
                n = take_own(events, n, turn);
        if (turn->woken)
                turn->woken(turn->context, turn->n_events);
        errno = saved_errno;
        return n;
}

__attribute__((visibility("default"), used)) int epoll_wait(int fd, struct epoll_event *events, int max, int timeout_ms) {
        int n;

        if (!next)
                find_next();
        if (fd != joined)
                return next(fd, events, max, timeout_ms);
        if (current && !current->has_waited)
                return wait_for_turn(current, events, max);
        n = next(fd, events, max, timeout_ms);
        return n > 0 ? take_own(events, n, current) : n;
}

void turn_run(struct MHD_Daemon *mhd, struct turn *turn) {
        turn->n_events = 0;
        turn->has_waited = false;
        current = turn;
        (void)MHD_run(mhd);
        current = NULL;
}

int turn_join(struct MHD_Daemon *mhd, int epoll, struct error *e) {
        struct turn turn = { .timeout_ms = 0 };

        joined = epoll;
        turn_run(mhd, &turn);
        if (turn.has_waited && turn.error == 0)
                return 0;
        joined = -1;
        return error_set(e, -ENOTSUP, "libmicrohttpd %s does not wait through this program's epoll_wait()", MHD_get_version());
}

static enum MHD_Result refuse(void *context, struct MHD_Connection *mhd, const char *path, const char *method, const char *version, const char *body,
                              size_t *body_size, void **request_context) {
        (void)context;
        (void)mhd;
        (void)path;
        (void)method;
        (void)version;
        (void)body;
        (void)body_size;
        (void)request_context;
        return MHD_NO;
}

int turn_check(struct error *e) {
        const struct library_parts parts = { .who = "single-wait check: ", .connections_max = 1, .connection_memory_bytes = 1024, .on_access = refuse };
        struct MHD_Daemon *mhd;
        int r = library_start(&parts, &mhd, e);

        if (r < 0)
                return r;
        r = turn_join(mhd, library_epoll_fd(mhd), e);
        joined = -1;
        MHD_stop_daemon(mhd);
        return r;
}
