#include "gate/linger.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/fd.h"

struct lingering {
        int fd;
        size_t bytes;
        uint64_t deadline_ms;
};

struct linger_set {
        int epoll;
        size_t n;
        struct lingering at[LINGER_MAX]; /* oldest first, so that deadlines are in order */
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

static void drop(struct linger_set *l, size_t i) {
        (void)fd_close(l->at[i].fd); /* which takes it out of the epoll set: no other descriptor of the socket is left */
        memmove(&l->at[i], &l->at[i + 1], (l->n - i - 1) * sizeof l->at[0]);
        l->n--;
}

struct linger_set *linger_free(struct linger_set *l) {
        if (!l)
                return NULL;
        while (l->n > 0)
                drop(l, l->n - 1);
        (void)fd_close(l->epoll);
        free(l);
        return NULL;
}

int linger_fd(const struct linger_set *l) {
        return l->epoll;
}

void linger_add(struct linger_set *l, int fd, uint64_t now_ms) {
        struct epoll_event event = { .events = EPOLLIN | EPOLLRDHUP };
        int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);

        /* Without a descriptor or a place to wait for it, the close is a plain one. */
        if (copy < 0)
                return;
        event.data.fd = copy;
        if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, copy, &event) < 0) {
                (void)fd_close(copy);
                return;
        }
        (void)shutdown(copy, SHUT_WR);
        if (l->n == LINGER_MAX)
                drop(l, 0);
        l->at[l->n++] = (struct lingering){ .fd = copy, .deadline_ms = now_ms + LINGER_MS };
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

void linger_run(struct linger_set *l, uint64_t now_ms) {
        for (size_t i = 0; i < l->n;) {
                if (now_ms >= l->at[i].deadline_ms || discard(&l->at[i]))
                        drop(l, i);
                else
                        i++;
        }
}

uint64_t linger_deadline_ms(const struct linger_set *l) {
        return l->n > 0 ? l->at[0].deadline_ms : UINT64_MAX;
}
