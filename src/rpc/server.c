#include "rpc/server.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "rpc/server_internal.h"

enum { EVENTS = 64 };

static int watch(struct rpc_server *server, int fd, void *what) {
        struct epoll_event event = { .events = EPOLLIN, .data.ptr = what };

        return epoll_ctl(server->epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static int open_descriptors(struct rpc_server *server, struct error *e) {
        int r = linger_new(&server->linger, e);

        if (r < 0)
                return r;
        server->epoll = epoll_create1(EPOLL_CLOEXEC);
        server->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
        server->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (server->epoll < 0 || server->timer < 0 || server->bell < 0)
                r = -errno;
        if (r == 0)
                r = watch(server, server->timer, &server->timer);
        if (r == 0)
                r = watch(server, server->bell, &server->bell);
        if (r == 0)
                r = watch(server, linger_fd(server->linger), &server->linger);
        return r < 0 ? error_set_errno(e, -r, "cannot make the descriptors of the RPC server") : 0;
}

int rpc_server_new(const struct rpc_parts *parts, struct rpc_server **ret, struct error *e) {
        struct rpc_server *server = calloc(1, sizeof *server);
        int r;

        if (!server)
                return error_set_errno(e, ENOMEM, "cannot make the RPC server");
        server->parts = *parts;
        server->memory = server_body_memory(parts->server);
        server->epoll = server->timer = server->bell = -1;
        server->next_deadline_ms = server->armed_ms = UINT64_MAX;
        server->now_ms = clock_monotonic_ms();
        server->input = malloc(RPC_READ_BYTES);
        if (!server->input || !msgpack_zone_init(&server->zone, MSGPACK_ZONE_CHUNK_SIZE) || timers_init(&server->timers, RPC_WAITING_MAX) < 0)
                r = error_set_errno(e, ENOMEM, "cannot make the RPC server");
        else
                r = open_descriptors(server, e);
        if (r < 0) {
                rpc_server_free(server);
                return r;
        }
        *ret = server;
        return 0;
}

/* Those that are closed go when nothing points to them any more. */
static void free_closed(struct rpc_server *server) {
        if (!server->has_closed)
                return;
        server->has_closed = false;
        for (struct connection *c = server->connections, *next; c; c = next) {
                next = c->next;
                if (c->is_closed)
                        stream_free(c);
        }
}

struct rpc_server *rpc_server_free(struct rpc_server *server) {
        if (!server)
                return NULL;
        for (struct connection *c = server->connections; c; c = c->next)
                connection_close(c, RESTMARK_CLOSE_COUNT);
        free_closed(server);
        linger_free(server->linger);
        (void)fd_close(server->epoll);
        (void)fd_close(server->timer);
        (void)fd_close(server->bell);
        if (server->timers.heap)
                timers_deinit(&server->timers);
        if (server->zone.chunk_list.ptr)
                msgpack_zone_destroy(&server->zone);
        free(server->input);
        free(server);
        return NULL;
}

int rpc_server_fd(const struct rpc_server *server) {
        return server->epoll;
}

bool rpc_server_is_empty(const struct rpc_server *server) {
        return server->n_connections == 0 && linger_deadline_ms(server->linger) == UINT64_MAX;
}

/* ---- time ---- */

static void check_deadlines(struct rpc_server *server) {
        uint64_t next_ms = UINT64_MAX;

        for (struct connection *c = server->connections; c; c = c->next) {
                if (c->is_closed)
                        continue;
                if (server->now_ms >= c->deadline_ms)
                        connection_close(c, connection_is_idle(c) ? RESTMARK_CLOSE_IDLE : RESTMARK_CLOSE_TIMEOUT);
                else if (c->deadline_ms < next_ms)
                        next_ms = c->deadline_ms;
        }
        server->next_deadline_ms = next_ms;
}

/* The timer runs until the first thing that is due. It is set as seldom as can be: what becomes due later is found when it rings. */
static void arm(struct rpc_server *server) {
        const struct timer *first = timers_first(&server->timers);
        uint64_t due_ms = server->next_deadline_ms, linger_ms = linger_deadline_ms(server->linger);
        struct itimerspec at = { { 0, 0 }, { 0, 0 } };

        if (first && first->due_ms < due_ms)
                due_ms = first->due_ms;
        if (linger_ms < due_ms)
                due_ms = linger_ms;
        if (due_ms >= server->armed_ms)
                return;
        at.it_value.tv_sec = (time_t)(due_ms / 1000);
        at.it_value.tv_nsec = (long)(due_ms % 1000 * 1000000);
        if (timerfd_settime(server->timer, TFD_TIMER_ABSTIME, &at, NULL) < 0)
                log_message(LOG_ERR, "worker %u: cannot set the timer of the RPC server: %m", server->parts.worker);
        server->armed_ms = due_ms;
}

static void take_timer(struct rpc_server *server) {
        uint64_t expirations;

        if (read(server->timer, &expirations, sizeof expirations) == sizeof expirations)
                server->armed_ms = UINT64_MAX;
}

static void end_waits(struct rpc_server *server) {
        struct timer *first;

        while ((first = timers_first(&server->timers)) && first->due_ms <= server->now_ms)
                call_finish((struct call *)(void *)((char *)first - offsetof(struct call, timer)));
}

/* ---- dear calls ---- */

/* One of each connection in turn, so that nobody's calls hold up those of others, and for a short time, so that no cheap one that has come
 * meanwhile waits for more than the one that runs. */
static void work(struct rpc_server *server) {
        uint64_t start_ns;

        if (!server->dear_first)
                return;
        start_ns = clock_monotonic_ns();
        do {
                struct connection *c = server->dear_first;

                ring_remove(server, c);
                if (!c->is_closed && answers_is_full(&c->out)) {
                        connection_touch(c); /* which brings it back when the client has taken something */
                        continue;
                }
                if (!c->is_closed && c->dear.first)
                        call_finish(c->dear.first);
                if (!c->is_closed && c->dear.first)
                        ring_add(server, c);
        } while (server->dear_first && clock_monotonic_ns() - start_ns < RPC_WORK_TURN_NS);
}

/* So that the loop comes back. */
static void ring(struct rpc_server *server) {
        uint64_t one = 1;

        if (server->rings == (server->dear_first != NULL))
                return;
        server->rings = !server->rings;
        if ((server->rings ? write(server->bell, &one, sizeof one) : read(server->bell, &one, sizeof one)) < 0)
                log_message(LOG_ERR, "worker %u: cannot use the event descriptor of the RPC server: %m", server->parts.worker);
}

/* ---- a turn ---- */

static void settle(struct rpc_server *server) {
        while (server->touched) {
                struct connection *c = server->touched;

                server->touched = c->next_touched;
                c->is_touched = false;
                if (!c->is_closed)
                        stream_settle(c);
                if (!c->is_closed && c->dear.first && !answers_is_full(&c->out))
                        ring_add(server, c);
        }
}

static void on_event(struct rpc_server *server, const struct epoll_event *event) {
        struct connection *c = event->data.ptr;

        if (event->data.ptr == &server->timer)
                take_timer(server);
        else if (event->data.ptr == &server->bell || event->data.ptr == &server->linger || c->is_closed)
                return;
        else if ((event->events & EPOLLERR) != 0 || ((event->events & EPOLLHUP) != 0 && (event->events & EPOLLIN) == 0))
                connection_close(c, connection_is_idle(c) ? RESTMARK_CLOSE_COUNT : RESTMARK_CLOSE_GONE);
        else if ((event->events & EPOLLIN) != 0)
                stream_read(c);
        else
                connection_touch(c);
}

void rpc_server_run(struct rpc_server *server, uint64_t now_ms) {
        struct epoll_event events[EVENTS];
        int n = epoll_wait(server->epoll, events, EVENTS, 0);

        server->now_ms = now_ms;
        for (int i = 0; i < n; i++)
                on_event(server, &events[i]);
        end_waits(server);
        settle(server); /* what is cheap is on its way before anything dear is begun */
        work(server);
        settle(server);
        if (now_ms >= server->next_deadline_ms)
                check_deadlines(server);
        if (linger_deadline_ms(server->linger) != UINT64_MAX)
                linger_run(server->linger, now_ms);
        settle(server);
        free_closed(server);
        ring(server);
        arm(server);
}

/* ---- connections ---- */

void rpc_server_add(struct rpc_server *server, int fd, const struct sockaddr *peer, uint64_t now_ms) {
        server->now_ms = now_ms;
        linger_keep(server->linger, LINGER_MAX);
        connection_add(server, fd, peer);
        settle(server);
        arm(server);
}

static struct connection *longest_idle(const struct rpc_server *server, uint64_t now_ms) {
        struct connection *found = NULL;

        for (struct connection *c = server->connections; c; c = c->next)
                if (!c->is_closed && connection_is_idle(c) && c->idle_since_ms + RPC_IDLE_MIN_MS <= now_ms &&
                    (!found || c->idle_since_ms < found->idle_since_ms))
                        found = c;
        return found;
}

bool rpc_server_can_make_room(const struct rpc_server *server, uint64_t now_ms) {
        return longest_idle(server, now_ms) != NULL;
}

bool rpc_server_make_room(struct rpc_server *server, uint64_t now_ms) {
        struct connection *c = longest_idle(server, now_ms);

        if (!c)
                return false;
        server->now_ms = now_ms;
        connection_close(c, RESTMARK_CLOSE_EVICTED);
        settle(server);
        free_closed(server);
        return true;
}

void rpc_server_drain(struct rpc_server *server, uint64_t now_ms) {
        server->is_draining = true;
        server->now_ms = now_ms;
        for (struct connection *c = server->connections; c; c = c->next)
                if (!c->is_closed) {
                        stream_read(c);
                        c->idle_since_ms = now_ms;
                        connection_touch(c);
                }
        settle(server);
        free_closed(server);
        ring(server);
        arm(server);
}
