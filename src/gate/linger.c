#include "gate/linger.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/fd.h"

struct lingering {
        struct lingering *previous, *next;
        int fd, unsent; /* bytes that the client's kernel did not have at the last look */
        size_t bytes;
        uint64_t since_ms, deadline_ms;
};

struct linger_set {
        int epoll;
        size_t n;
        struct lingering *first, *last; /* in the order of their deadlines */
};

int linger_new(struct linger_set **ret, struct error *e) {
        struct linger_set *l = calloc(1, sizeof *l);

        if (!l)
                return error_set_errno(e, ENOMEM, "cannot keep track of closing connections");
        l->epoll = epoll_create1(EPOLL_CLOEXEC);
        if (l->epoll < 0) {
                int r = error_set_errno(e, errno, "cannot make an epoll descriptor");

                free(l);
                return r;
        }
        *ret = l;
        return 0;
}

static void append(struct linger_set *l, struct lingering *socket) {
        socket->previous = l->last;
        socket->next = NULL;
        if (l->last)
                l->last->next = socket;
        else
                l->first = socket;
        l->last = socket;
        l->n++;
}

static void take_out(struct linger_set *l, struct lingering *socket) {
        if (socket->previous)
                socket->previous->next = socket->next;
        else
                l->first = socket->next;
        if (socket->next)
                socket->next->previous = socket->previous;
        else
                l->last = socket->previous;
        l->n--;
}

static void drop(struct linger_set *l, struct lingering *socket) {
        /* Closing does not take it out of the set if another process has a descriptor of it yet: the master that has passed it, or a child
         * that was forked meanwhile. Events of it would come with a pointer to what has been freed. */
        (void)epoll_ctl(l->epoll, EPOLL_CTL_DEL, socket->fd, NULL);
        (void)fd_close(socket->fd);
        take_out(l, socket);
        free(socket);
}

void linger_keep(struct linger_set *l, size_t max) {
        while (l->n > max)
                drop(l, l->first);
}

struct linger_set *linger_free(struct linger_set *l) {
        if (!l)
                return NULL;
        linger_keep(l, 0);
        (void)fd_close(l->epoll);
        free(l);
        return NULL;
}

int linger_fd(const struct linger_set *l) {
        return l->epoll;
}

static int count_unsent(int fd) {
        int n = 0;

        return ioctl(fd, SIOCOUTQ, &n) == 0 ? n : 0;
}

/* Without memory, a descriptor or a place to wait for it, the close is a plain one. */
void linger_add(struct linger_set *l, int fd, uint64_t now_ms) {
        struct lingering *socket = malloc(sizeof *socket);
        struct epoll_event event = { .events = EPOLLIN | EPOLLRDHUP, .data.ptr = socket };

        if (!socket)
                return;
        *socket = (struct lingering){ .fd = fcntl(fd, F_DUPFD_CLOEXEC, 3), .since_ms = now_ms, .deadline_ms = now_ms + LINGER_MS };
        if (socket->fd < 0 || epoll_ctl(l->epoll, EPOLL_CTL_ADD, socket->fd, &event) < 0) {
                (void)fd_close(socket->fd);
                free(socket);
                return;
        }
        (void)shutdown(socket->fd, SHUT_WR);
        socket->unsent = count_unsent(socket->fd);
        append(l, socket);
}

/* Whether the socket is done with. */
static bool discard(struct lingering *socket) {
        char bin[16384];
        ssize_t n;

        while ((n = recv(socket->fd, bin, sizeof bin, MSG_DONTWAIT)) > 0) {
                socket->bytes += (size_t)n;
                if (socket->bytes > LINGER_BYTES)
                        return true;
        }
        return n == 0 || (errno != EAGAIN && errno != EINTR);
}

/* Whether the client, slow as it may be, has taken some of what is on its way to it. */
static bool has_progress(struct lingering *socket, uint64_t now_ms) {
        int before = socket->unsent;

        socket->unsent = count_unsent(socket->fd);
        return socket->unsent > 0 && socket->unsent < before && now_ms < socket->since_ms + LINGER_TOTAL_MS;
}

void linger_run(struct linger_set *l, uint64_t now_ms) {
        struct epoll_event events[64];
        int n = epoll_wait(l->epoll, events, sizeof events / sizeof *events, 0);

        for (int i = 0; i < n; i++)
                if (discard(events[i].data.ptr))
                        drop(l, events[i].data.ptr);
        while (l->first && l->first->deadline_ms <= now_ms) {
                struct lingering *socket = l->first;

                if (has_progress(socket, now_ms)) {
                        take_out(l, socket);
                        socket->deadline_ms = now_ms + LINGER_MS;
                        append(l, socket);
                } else
                        drop(l, socket);
        }
}

uint64_t linger_deadline_ms(const struct linger_set *l) {
        return l->first ? l->first->deadline_ms : UINT64_MAX;
}
