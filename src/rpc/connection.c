#include <stdlib.h>
#include <sys/epoll.h>

#include "base/fd.h"
#include "rpc/server_internal.h"
#include "shared/scoreboard.h"

static struct connection *make(struct rpc_server *server, const struct sockaddr *peer) {
        struct connection *c = calloc(1, sizeof *c);

        if (!c || !server_log(server->parts.server))
                return c;
        c->address = malloc(ACCESS_LOG_ADDRESS_MAX);
        if (!c->address) {
                free(c);
                return NULL;
        }
        access_log_format_address(peer, c->address);
        return c;
}

void connection_add(struct rpc_server *server, int fd, const struct sockaddr *peer) {
        struct connection *c = make(server, peer);
        struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };

        if (!c || epoll_ctl(server->epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
                if (c)
                        free(c->address);
                free(c);
                (void)fd_close(fd);
                return;
        }
        c->server = server;
        c->fd = fd;
        c->events = EPOLLIN;
        scan_begin(&c->scan);
        c->idle_since_ms = server->now_ms;
        c->next = server->connections;
        if (c->next)
                c->next->previous = c;
        server->connections = c;
        server->n_connections++;
        server_lend_room(server->parts.server);
        cell_add(&server->parts.cell->connections, 1);
        cell_add(&server->parts.cell->rpc_connections, 1);
        cell_add(&server->parts.cell->accepted, 1);
        connection_touch(c);
}

void connection_touch(struct connection *c) {
        if (c->is_touched)
                return;
        c->is_touched = true;
        c->next_touched = c->server->touched;
        c->server->touched = c;
}

bool connection_is_idle(const struct connection *c) {
        return c->n_calls == 0 && c->out.bytes == 0 && c->part_length == 0;
}

void connection_close(struct connection *c, enum restmark_close why) {
        struct rpc_server *server = c->server;

        if (c->is_closed)
                return;
        c->is_closed = server->has_closed = true;
        if (why != RESTMARK_CLOSE_COUNT)
                cell_add(&server->parts.cell->closes[why], 1);
        /* What was answered shall arrive, though something of the client's may be unread: a reset would overtake it. */
        if (c->has_answered && !c->has_ended && why != RESTMARK_CLOSE_GONE && why != RESTMARK_CLOSE_TIMEOUT)
                linger_add(server->linger, c->fd, server->now_ms);
        (void)epoll_ctl(server->epoll, EPOLL_CTL_DEL, c->fd, NULL);
        c->fd = fd_close(c->fd);
        server->n_connections--;
        server_return_room(server->parts.server);
        cell_sub(&server->parts.cell->connections, 1);
        cell_sub(&server->parts.cell->rpc_connections, 1);
        connection_touch(c);
}

/* ---- the ring of those that have dear calls ---- */

void ring_add(struct rpc_server *server, struct connection *c) {
        if (c->in_ring)
                return;
        c->in_ring = true;
        c->next_dear = NULL;
        if (server->dear_last)
                server->dear_last->next_dear = c;
        else
                server->dear_first = c;
        server->dear_last = c;
}

void ring_remove(struct rpc_server *server, struct connection *c) {
        struct connection *before = NULL;

        if (!c->in_ring)
                return;
        for (struct connection *i = server->dear_first; i != c; i = i->next_dear)
                before = i;
        if (before)
                before->next_dear = c->next_dear;
        else
                server->dear_first = c->next_dear;
        if (server->dear_last == c)
                server->dear_last = before;
        c->in_ring = false;
}
