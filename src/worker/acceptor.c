#include "worker/acceptor.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/log.h"

enum {
        TAKEN_PER_TURN = 64,        /* so that a storm of connections does not starve those that are served */
        TAKEN_PER_TURN_SHARED = 1,  /* the others shall have the rest; but one more … */
        ROOM_LOOK_MS = 100,         /* without room: a connection may have become idle, of which no event tells */
        SHARED_PER_TAKEN = 16,      /* … for each so many that it serves: its turns are longer, and those who wait shall not starve */
};

/* Of workers that watch the same socket the kernel wakes one that waits, not all, for each connection: EPOLLEXCLUSIVE, which can only be
 * given when a socket is added. */
static int watch(struct acceptor *a, bool wanted) {
        for (size_t i = 0; i < a->n; i++) {
                struct epoll_event event = { .events = EPOLLIN | (a->shared || a->local[i] ? EPOLLEXCLUSIVE : 0u), .data.u64 = a->event_base + i };

                if (epoll_ctl(a->epoll, wanted ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, a->listeners[i], &event) < 0 &&
                    errno != (wanted ? EEXIST : ENOENT)) /* left over from an attempt that failed half way */
                        return -errno;
        }
        return 0;
}

void acceptor_init(struct acceptor *a, const struct heritage *heritage, struct rpc_server *rpc, int epoll, uint64_t event_base) {
        *a = (struct acceptor){ .listeners = heritage->listeners,
                                .n = heritage->n_listeners,
                                .n_rpc = heritage->n_rpc_listeners,
                                .rpc = rpc,
                                .shared = heritage->shared_listeners,
                                .epoll = epoll,
                                .event_base = event_base };
        for (size_t i = 0; i < a->n; i++) {
                socklen_t size = sizeof(int);
                int domain = AF_UNSPEC;

                (void)getsockopt(a->listeners[i], SOL_SOCKET, SO_DOMAIN, &domain, &size); /* which does not fail for a socket */
                a->local[i] = domain == AF_UNIX;
                a->has_local |= a->local[i];
        }
        (void)snprintf(a->where, sizeof a->where, "worker %u", heritage->slot);
}

void acceptor_open(struct acceptor *a) {
        a->open = true;
}

void acceptor_retire(struct acceptor *a) {
        /* Out of the epoll set first: the master has the same sockets open, so closing alone would not end the events. */
        if (a->watching && watch(a, false) < 0)
                log_message(LOG_WARNING, "cannot stop watching the listening sockets: %m");
        for (size_t i = 0; i < a->n; i++)
                (void)fd_close(a->listeners[i]);
        a->n = a->n_rpc = 0;
        a->open = a->watching = false;
}

static bool has_waiting(int listener) {
        struct pollfd look = { .fd = listener, .events = POLLIN };

        return poll(&look, 1, 0) == 1;
}

/* Whoever has been idle longest, of those who speak HTTP first, gives way. */
static bool make_room(const struct acceptor *a, struct server *server, uint64_t now_ms) {
        return server_make_room(server) || (a->rpc && rpc_server_make_room(a->rpc, now_ms) && server_has_room(server));
}

static void add(const struct acceptor *a, bool calls, int fd, const struct sockaddr_storage *peer, socklen_t size, struct server *server,
                uint64_t now_ms) {
        if (calls && a->rpc)
                rpc_server_add(a->rpc, fd, (const struct sockaddr *)peer, now_ms);
        else
                server_add(server, fd, (const struct sockaddr *)peer, size, now_ms);
}

void acceptor_take(struct acceptor *a, size_t i, struct server *server, uint64_t now_ms) {
        uint64_t most = TAKEN_PER_TURN;

        if ((a->shared || a->local[i]) && TAKEN_PER_TURN_SHARED + server_connections(server) / SHARED_PER_TAKEN < most)
                most = TAKEN_PER_TURN_SHARED + server_connections(server) / SHARED_PER_TAKEN;
        for (uint64_t taken = 0; taken < most; taken++) {
                struct sockaddr_storage peer;
                socklen_t size = sizeof peer;
                int fd;

                if (!server_has_room(server) && (!has_waiting(a->listeners[i]) || !make_room(a, server, now_ms)))
                        return;
                fd = accept4(a->listeners[i], (struct sockaddr *)&peer, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);

                if (fd >= 0) {
                        add(a, i >= a->n - a->n_rpc, fd, &peer, size, server, now_ms);
                        continue;
                }
                if (errno == EINVAL) { /* a worker of the slot has shut it down, and that would be reported for ever */
                        log_message(LOG_ERR, "a listening socket does not listen any more: this slot serves nobody there until the daemon is restarted");
                        (void)epoll_ctl(a->epoll, EPOLL_CTL_DEL, a->listeners[i], NULL);
                        return;
                }
                if (shortage_is(errno)) {
                        shortage_note(&a->shortage, errno, now_ms, a->where);
                        a->paused_until_ms = now_ms + SHORTAGE_PAUSE_MS;
                        return;
                }
                if (errno == EAGAIN) /* the queue is empty; anything else is the fault of one connection that is gone by now */
                        return;
        }
}

void acceptor_pass(struct acceptor *a, int fd, bool calls) {
        if (a->n_passed < ACCEPTOR_PASSED_MAX) {
                a->passed_calls[a->n_passed] = calls;
                a->passed[a->n_passed++] = fd;
                return;
        }
        log_message(LOG_WARNING, "the master has passed more connections than was agreed on; one is closed");
        (void)fd_close(fd);
}

uint64_t acceptor_take_passed(struct acceptor *a, struct server *server, uint64_t now_ms) {
        size_t n = 0;

        for (; n < a->n_passed && make_room(a, server, now_ms); n++) {
                struct sockaddr_storage peer = { .ss_family = AF_UNSPEC };
                socklen_t size = sizeof peer;

                if (getpeername(a->passed[n], (struct sockaddr *)&peer, &size) == 0)
                        add(a, a->passed_calls[n], a->passed[n], &peer, size, server, now_ms);
                else /* it has been reset meanwhile */
                        (void)fd_close(a->passed[n]);
        }
        a->n_passed -= n;
        memmove(a->passed, a->passed + n, a->n_passed * sizeof *a->passed);
        memmove(a->passed_calls, a->passed_calls + n, a->n_passed * sizeof *a->passed_calls);
        return n;
}

void acceptor_take_all(struct acceptor *a, struct server *server, uint64_t now_ms) {
        for (size_t i = 0; i < a->n; i++)
                acceptor_take(a, i, server, now_ms);
}

void acceptor_balance(struct acceptor *a, const struct server *server, uint64_t now_ms) {
        bool wanted;

        if (now_ms >= a->paused_until_ms)
                a->paused_until_ms = 0;
        wanted = a->open && a->paused_until_ms == 0 &&
                 (server_can_have_room(server) || (a->rpc && rpc_server_can_make_room(a->rpc, now_ms)));
        if (wanted == a->watching)
                return;
        if (watch(a, wanted) < 0)
                log_message(LOG_WARNING, "cannot change what is watched on the listening sockets: %m");
        else
                a->watching = wanted;
}

int acceptor_wait_ms(const struct acceptor *a, uint64_t now_ms) {
        if (a->paused_until_ms == 0)
                return a->open && !a->watching ? ROOM_LOOK_MS : -1;
        return a->paused_until_ms > now_ms ? (int)(a->paused_until_ms - now_ms) : 0;
}
