#include "engine/connection.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/fd.h"

void connection_enqueue(struct connection_queue *q, struct connection *c) {
        connection_unqueue(c);
        c->queue = q;
        c->before = q->last;
        c->behind = NULL;
        if (q->last)
                q->last->behind = c;
        else
                q->first = c;
        q->last = c;
}

struct connection *connection_dequeue(struct connection_queue *q) {
        struct connection *c = q->first;

        if (c)
                connection_unqueue(c);
        return c;
}

void connection_unqueue(struct connection *c) {
        struct connection_queue *q = c->queue;

        if (!q)
                return;
        if (c->before)
                c->before->behind = c->behind;
        else
                q->first = c->behind;
        if (c->behind)
                c->behind->before = c->before;
        else
                q->last = c->before;
        c->queue = NULL;
}

/* The counter is read by another thread meanwhile. */
static void count(uint64_t *calls, uint64_t n) {
        __atomic_store_n(calls, *calls + n, __ATOMIC_RELAXED);
}

static int connect_local(int fd, const struct address *a, uint64_t timeout_ns) {
        struct timeval limit = { .tv_sec = (time_t)(timeout_ns / 1000000000u), .tv_usec = (suseconds_t)(timeout_ns % 1000000000u / 1000u) };
        int flags = fcntl(fd, F_GETFL);

        if (flags < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) < 0 ||
            connect(fd, (const struct sockaddr *)&a->socket, a->length) < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
                return errno == EAGAIN ? -ETIMEDOUT : -errno;
        return 0;
}

int connection_open(struct connection *c, const struct address *a, uint64_t timeout_ns, uint64_t *calls) {
        static const int on = 1;
        int r;

        count(calls, a->local ? 5 : 3);
        c->fd = socket(a->socket.ss_family, SOCK_STREAM | SOCK_CLOEXEC | (a->local ? 0 : SOCK_NONBLOCK), 0);
        if (c->fd < 0)
                return -errno;
        if (a->local)
                r = connect_local(c->fd, a, timeout_ns);
        else if (setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0)
                r = -errno;
        else if (connect(c->fd, (const struct sockaddr *)&a->socket, a->length) == 0)
                r = 0;
        else
                r = errno == EINPROGRESS ? 1 : -errno;
        if (r < 0)
                c->fd = fd_close(c->fd);
        return r;
}

int connection_opened(struct connection *c) {
        int code = 0;
        socklen_t length = sizeof code;

        return getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &code, &length) < 0 ? -errno : -code;
}

int connection_flush(struct connection *c, uint64_t *calls) {
        while (c->out_sent < c->out_length) {
                ssize_t n = send(c->fd, c->out + c->out_sent, c->out_length - c->out_sent, MSG_NOSIGNAL);

                count(calls, 1);
                if (n < 0)
                        return errno == EAGAIN ? 1 : -errno;
                c->out_sent += (size_t)n;
        }
        c->out_sent = c->out_length = 0;
        return 0;
}
