#include "worker/acceptor.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/log.h"

enum {
        TAKEN_PER_TURN = 64,    /* so that a storm of connections does not starve those that are served */
        PAUSE_AFTER_EMFILE_MS = 100,
};

static int watch(struct acceptor *a, int operation, uint32_t events) {
        for (size_t i = 0; i < a->n; i++) {
                struct epoll_event event = { .events = events, .data.u64 = a->event_base + i };

                if (epoll_ctl(a->epoll, operation, a->listeners[i], &event) < 0)
                        return -errno;
        }
        return 0;
}

int acceptor_init(struct acceptor *a, int epoll, uint64_t event_base, const int *listeners, size_t n, struct error *e) {
        int r;

        *a = (struct acceptor){ .listeners = listeners, .n = n, .epoll = epoll, .event_base = event_base };
        r = watch(a, EPOLL_CTL_ADD, 0);
        return r < 0 ? error_set_errno(e, -r, "cannot watch the listening sockets") : 0;
}

void acceptor_open(struct acceptor *a) {
        a->open = true;
}

void acceptor_retire(struct acceptor *a) {
        /* Out of the epoll set first: the master has the same sockets open, so closing alone would not end the events. */
        if (watch(a, EPOLL_CTL_DEL, 0) < 0)
                log_message(LOG_WARNING, "cannot stop watching the listening sockets: %m");
        for (size_t i = 0; i < a->n; i++)
                (void)fd_close(a->listeners[i]);
        a->n = 0;
        a->open = a->watching = false;
}

void acceptor_take(struct acceptor *a, size_t i, struct server *server, uint64_t now_ms) {
        for (int taken = 0; taken < TAKEN_PER_TURN && server_has_room(server); taken++) {
                struct sockaddr_storage peer;
                socklen_t size = sizeof peer;
                int fd = accept4(a->listeners[i], (struct sockaddr *)&peer, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);

                if (fd >= 0) {
                        server_add(server, fd, (struct sockaddr *)&peer, size, now_ms);
                        continue;
                }
                if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
                        log_message(LOG_WARNING, "cannot accept a connection: %m; trying again in %d ms", PAUSE_AFTER_EMFILE_MS);
                        a->paused_until_ms = now_ms + PAUSE_AFTER_EMFILE_MS;
                }
                /* EAGAIN: the queue is empty. Anything else is the fault of one connection that is gone by now. */
                if (errno != ECONNABORTED && errno != EINTR)
                        return;
        }
}

void acceptor_balance(struct acceptor *a, const struct server *server, uint64_t now_ms) {
        bool wanted;

        if (now_ms >= a->paused_until_ms)
                a->paused_until_ms = 0;
        wanted = a->open && a->paused_until_ms == 0 && server_has_room(server);
        if (wanted == a->watching)
                return;
        if (watch(a, EPOLL_CTL_MOD, wanted ? EPOLLIN : 0) < 0)
                log_message(LOG_WARNING, "cannot change what is watched on the listening sockets: %m");
        else
                a->watching = wanted;
}

int acceptor_wait_ms(const struct acceptor *a, uint64_t now_ms) {
        if (a->paused_until_ms == 0)
                return -1;
        return a->paused_until_ms > now_ms ? (int)(a->paused_until_ms - now_ms) : 0;
}
