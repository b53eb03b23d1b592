#include "http/suspension.h"

#include <errno.h>
#include <microhttpd.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "base/fd.h"
#include "http/server_internal.h"
#include "http/timers.h"
#include "mhd/library.h"
#include "shared/scoreboard.h"

/* Whoever waits for a database mostly has its answer within a millisecond: to look after its client from the first moment would cost two system
 * calls, and bring nothing. */
enum { UNWATCHED_MS = 50 };

struct suspensions {
        int epoll; /* of the sockets, for their clients' end */
        struct timers timers;
        struct connection *first_unwatched, *last_unwatched; /* the longest waiting first */
};

int suspensions_new(size_t n_max, struct suspensions **ret, struct error *e) {
        struct suspensions *s = calloc(1, sizeof *s);

        if (!s || timers_init(&s->timers, n_max) < 0) {
                free(s);
                return error_set_errno(e, ENOMEM, "cannot keep track of waiting requests");
        }
        s->epoll = epoll_create1(EPOLL_CLOEXEC);
        if (s->epoll < 0) {
                int r = error_set_errno(e, errno, "cannot make an epoll descriptor");

                timers_deinit(&s->timers);
                free(s);
                return r;
        }
        *ret = s;
        return 0;
}

struct suspensions *suspensions_free(struct suspensions *s) {
        if (!s)
                return NULL;
        (void)fd_close(s->epoll);
        timers_deinit(&s->timers);
        free(s);
        return NULL;
}

int suspensions_fd(const struct suspensions *s) {
        return s->epoll;
}

static struct connection *connection_of(struct timer *timer) {
        return (struct connection *)(void *)((char *)timer - offsetof(struct connection, timer));
}

static void append_unwatched(struct suspensions *s, struct connection *c) {
        c->suspension = (struct suspension){ .since_ms = c->server->now_ms, .previous = s->last_unwatched };
        if (s->last_unwatched)
                s->last_unwatched->suspension.next = c;
        else
                s->first_unwatched = c;
        s->last_unwatched = c;
}

static void remove_unwatched(struct suspensions *s, struct connection *c) {
        if (c->suspension.next)
                c->suspension.next->suspension.previous = c->suspension.previous;
        else
                s->last_unwatched = c->suspension.previous;
        if (c->suspension.previous)
                c->suspension.previous->suspension.next = c->suspension.next;
        else
                s->first_unwatched = c->suspension.next;
}

/* One that cannot be watched waits to its end, whatever its client does. */
static void watch(struct suspensions *s, struct connection *c) {
        struct epoll_event event = { .events = EPOLLRDHUP, .data.ptr = c };

        remove_unwatched(s, c);
        c->suspension.is_watched = true;
        (void)epoll_ctl(s->epoll, EPOLL_CTL_ADD, c->fd, &event);
}

int suspensions_add(struct suspensions *s, struct connection *c, uint64_t due_ms) {
        int r = timers_add(&s->timers, &c->timer, due_ms);

        if (r < 0)
                return r;
        append_unwatched(s, c);
        c->request.stage = REQUEST_WAITS;
        cell_add(&c->server->cell->waiting, 1);
        connection_set_deadline(c, due_ms + c->server->limits.request_timeout_ms);
        MHD_suspend_connection(c->mhd);
        return 0;
}

void suspensions_resume(struct suspensions *s, struct connection *c) {
        if (c->timer.place == 0)
                return;
        timers_remove(&s->timers, &c->timer);
        cell_sub(&c->server->cell->waiting, 1);
        if (c->suspension.is_watched)
                (void)epoll_ctl(s->epoll, EPOLL_CTL_DEL, c->fd, NULL);
        else
                remove_unwatched(s, c);
        c->request.stage = REQUEST_WHOLE;
        c->request.has_waited = true;
        MHD_resume_connection(c->mhd);
}

void suspensions_run(struct suspensions *s, uint64_t now_ms) {
        struct timer *first;

        while ((first = timers_first(&s->timers)) && first->due_ms <= now_ms)
                suspensions_resume(s, connection_of(first));
        while (s->first_unwatched && s->first_unwatched->suspension.since_ms + UNWATCHED_MS <= now_ms)
                watch(s, s->first_unwatched);
}

static void end(struct suspensions *s, struct connection *c) {
        c->request.is_given_up = true;
        library_hang_up(c->fd);
        suspensions_resume(s, c);
}

/* A client that waits for an answer keeps its side open: one that has only shut it down cannot be told from one that is gone, until something is
 * sent to it. */
void suspensions_end_departed(struct suspensions *s) {
        struct epoll_event events[64];
        int n = epoll_wait(s->epoll, events, sizeof events / sizeof *events, 0);

        for (int i = 0; i < n; i++)
                end(s, events[i].data.ptr);
}

void suspensions_end_all(struct suspensions *s) {
        while (s && timers_first(&s->timers))
                end(s, connection_of(timers_first(&s->timers)));
}

uint64_t suspensions_due_ms(const struct suspensions *s) {
        const struct timer *first = timers_first(&s->timers);
        uint64_t due_ms = first ? first->due_ms : UINT64_MAX;

        if (s->first_unwatched && s->first_unwatched->suspension.since_ms + UNWATCHED_MS < due_ms)
                return s->first_unwatched->suspension.since_ms + UNWATCHED_MS;
        return due_ms;
}
