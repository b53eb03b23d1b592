#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "http/framing.h"
#include "http/hangup.h"
#include "http/library_errors.h"
#include "http/server_internal.h"
#include "shared/histogram.h"

enum {
        /* An idle connection may live this long into a drain, so that a request on its way is still answered. */
        DRAIN_IDLE_MS = 1000,
        /* Room for the head of any answer, and for a body to be read through. */
        ANSWER_MEMORY = 640,
        /* The library keeps a request's head, its parsed form and a copy of the Cookie field in one block of memory per connection. It clears
         * the whole block for each request, and all connections have one: size costs time and memory. This much is enough for some
         * sixty ordinary fields, or for a head that is one large cookie. */
        CONNECTION_MEMORY_EXTRA = 4096,
};

struct connection *server_connection(struct MHD_Connection *mhd) {
        const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

        return info ? info->socket_context : NULL;
}

static size_t connection_memory(const struct server *server) {
        return 2 * (size_t)server->limits.max_header_bytes + CONNECTION_MEMORY_EXTRA;
}

static void set_deadline(struct connection *c, uint64_t deadline_ms) {
        c->deadline_ms = deadline_ms;
        if (deadline_ms < c->server->next_deadline_ms)
                c->server->next_deadline_ms = deadline_ms;
}

static void wait_for_request(struct connection *c) {
        struct server *server = c->server;

        c->request.stage = REQUEST_NONE;
        c->hangup = HANGUP_UNKNOWN;
        set_deadline(c, server->now_ms + (server->draining ? DRAIN_IDLE_MS : server->limits.idle_timeout_ms));
}

static void connection_open(struct server *server, struct MHD_Connection *mhd, void **socket_context) {
        struct connection *c = calloc(1, sizeof *c);

        *socket_context = c; /* NULL: requests on it are refused */
        if (!c)
                return;
        if (server->log && !server->adding_private && !(c->notes = calloc(1, sizeof *c->notes))) {
                free(c);
                *socket_context = NULL;
                return;
        }
        c->server = server;
        c->is_private = server->adding_private;
        c->mhd = mhd;
        c->fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
        c->next = server->connections;
        if (c->next)
                c->next->previous = c;
        server->connections = c;
        if (c->notes)
                access_log_format_address(MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr, c->notes->address);
        wait_for_request(c);
        server->n_connections++;
        if (c->is_private)
                return;
        cell_add(&server->cell->connections, 1);
        cell_add(&server->cell->accepted, 1);
}

static void connection_close(struct connection *c) {
        struct server *server = c->server;

        if (c->linger)
                linger_add(server->linger, c->fd, server->now_ms);
        if (c->next)
                c->next->previous = c->previous;
        if (c->previous)
                c->previous->next = c->next;
        else
                server->connections = c->next;
        server->n_connections--;
        if (!c->is_private)
                cell_sub(&server->cell->connections, 1);
        free(c->notes);
        free(c);
}

static void on_connection(void *context, struct MHD_Connection *mhd, void **socket_context,
                          enum MHD_ConnectionNotificationCode code) {
        if (code == MHD_CONNECTION_NOTIFY_STARTED)
                connection_open(context, mhd, socket_context);
        else if (*socket_context)
                connection_close(*socket_context);
}

void server_begin_request(struct connection *c, const char *target) {
        c->request = (struct request){ .stage = REQUEST_HEAD,
                                       .method = ROUTE_METHOD_GET,
                                       .target = target,
                                       .started_ns = clock_monotonic_ns() };
        c->hangup = HANGUP_UNKNOWN;
        if (c->notes) {
                c->notes->method[0] = '\0';
                (void)snprintf(c->notes->target, sizeof c->notes->target, "%s", target);
        }
}

/* Finds the target's end and what it must not hold. Targets are short: this is less than two searches would cost. */
static void examine_target(struct request *request) {
        const char *c = request->target;

        for (; *c; c++)
                if (*c == ' ' || (c[0] == '%' && c[1] == '0' && c[2] == '0'))
                        request->refuse_target = true;
        request->target_end = c;
}

/* The library calls this when the request line is in, with the raw target. What it returns is the handler's context. */
static void *on_request_line(void *context, const char *target, struct MHD_Connection *mhd) {
        struct connection *c = server_connection(mhd);

        (void)context;
        if (!c)
                return NULL;
        server_begin_request(c, target);
        examine_target(&c->request);
        set_deadline(c, c->server->now_ms + c->server->limits.request_timeout_ms);
        return c;
}

/* First call of the handler: the head is in, nothing of the body is read yet. Answering here closes the connection. */
static enum MHD_Result look_at_head(struct connection *c, const char *method, const char *version) {
        struct framing framing;
        struct error e;

        c->request.stage = REQUEST_BODY;
        c->request.method = route_method(method);
        if (c->notes)
                (void)snprintf(c->notes->method, sizeof c->notes->method, "%s", method);
        if (framing_check(c, method, version, &framing, &e) < 0)
                return answer_and_close(c, MHD_HTTP_BAD_REQUEST, e.text);
        if (c->request.refuse_target)
                return answer_and_close(c, MHD_HTTP_BAD_REQUEST, "The request target holds a space or an encoded NUL byte.");
        if (framing.head_bytes > c->server->limits.max_header_bytes ||
            framing.memory_bytes + ANSWER_MEMORY > connection_memory(c->server))
                return answer_and_close(c, MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE, SERVER_HEAD_TOO_LARGE);
        if (framing.content_length > c->server->limits.limit_post_bytes)
                return answer_and_close(c, MHD_HTTP_CONTENT_TOO_LARGE, SERVER_BODY_TOO_LARGE);
        c->request.last = framing.last;
        c->linger |= framing.last;
        return MHD_YES;
}

static enum MHD_Result on_access(void *context, struct MHD_Connection *mhd, const char *path, const char *method,
                                 const char *version, const char *body, size_t *body_size, void **request_context) {
        struct connection *c = *request_context;

        (void)context;
        (void)mhd;
        (void)body;
        if (!c)
                return MHD_NO; /* no memory was left for it */
        if (c->request.stage == REQUEST_HEAD)
                return look_at_head(c, method, version);
        if (*body_size > 0) {
                c->request.body_received += *body_size;
                c->hangup = HANGUP_UNKNOWN;
                *body_size = 0;
                if (c->request.body_received > c->server->limits.limit_post_bytes)
                        return answer_and_close(c, MHD_HTTP_CONTENT_TOO_LARGE, SERVER_BODY_TOO_LARGE);
                return MHD_YES;
        }
        return answer_request(c, path);
}

static void count(struct connection *c, bool answered, uint64_t now_ns) {
        const struct request *request = &c->request;
        struct restmark_route_cell *cell =
                &c->server->cell->routes[request->route ? request->route->cell : RESTMARK_ROUTE_OTHER];

        if (c->is_private)
                return;
        cell_add(&cell->requests, 1);
        if (!answered)
                cell_add(&cell->aborted, 1);
        else if (request->status >= 500)
                cell_add(&cell->errors_5xx, 1);
        else if (request->status >= 400)
                cell_add(&cell->errors_4xx, 1);
        if (answered)
                cell_add(&cell->bytes, request->body_sent);
        cell_add(&cell->busy_ns, request->busy_ns);
        histogram_record(cell, now_ns - request->started_ns);
}

static void log_request(struct connection *c, bool answered, uint64_t now_ns) {
        const struct request *request = &c->request;
        struct access_log_entry entry = { .address = c->notes->address,
                                          .method = *c->notes->method ? c->notes->method : "-",
                                          .target = c->notes->target,
                                          .status = request->status,
                                          .worker = c->server->worker,
                                          .aborted = !answered,
                                          .body_bytes = answered ? request->body_sent : 0,
                                          .duration_us = (now_ns - request->started_ns) / 1000 };

        request_log_add(c->server->log, &entry, c->server->now_ms);
}

void server_end_request(struct connection *c, bool answered) {
        uint64_t now_ns = clock_monotonic_ns();

        count(c, answered, now_ns);
        if (c->notes)
                log_request(c, answered, now_ns);
}

static void on_completed(void *context, struct MHD_Connection *mhd, void **request_context,
                         enum MHD_RequestTerminationCode code) {
        struct connection *c = *request_context;
        bool answered = code == MHD_REQUEST_TERMINATED_COMPLETED_OK || (c && c->request.answered_directly);

        (void)context;
        (void)mhd;
        if (!c || c->request.stage == REQUEST_NONE)
                return;
        server_end_request(c, answered);
        wait_for_request(c);
}

static void __attribute__((format(printf, 2, 0)))
on_library_message(void *context, const char *format, va_list arguments) {
        char text[512];

        (void)context;
        if (!log_enabled(LOG_DEBUG))
                return;
        (void)vsnprintf(text, sizeof text, format, arguments);
        text[strcspn(text, "\n")] = '\0';
        log_message(LOG_DEBUG, "libmicrohttpd: %s", text);
}

static struct MHD_Daemon *start_daemon(struct server *server) {
        unsigned int flags = MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ERROR_LOG;

#if MHD_VERSION >= 0x00097707
        flags |= MHD_USE_NO_THREAD_SAFETY;
#endif
        return MHD_start_daemon(flags, 0, NULL, NULL, on_access, server,
                                /* first, as the others may already complain */
                                MHD_OPTION_EXTERNAL_LOGGER, on_library_message, server,
                                MHD_OPTION_CONNECTION_LIMIT, (unsigned int)server->limits.max_connections,
                                MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                                connection_memory(server),
                                MHD_OPTION_NOTIFY_CONNECTION, on_connection, server,
                                MHD_OPTION_NOTIFY_COMPLETED, on_completed, server,
                                MHD_OPTION_URI_LOG_CALLBACK, on_request_line, server,
#if MHD_VERSION >= 0x00097701
                                MHD_OPTION_CLIENT_DISCIPLINE_LVL, 1,
#endif
                                MHD_OPTION_END);
}

int server_new(const struct server_parts *parts, struct server **ret, struct error *e) {
        const struct request_log_options log = { .access_log_fd = parts->access_log_fd,
                                                 .sample = parts->limits->access_log_sample,
                                                 .slow_us = parts->limits->slow_request_ms * 1000,
                                                 .worker = parts->worker };
        struct server *server = calloc(1, sizeof *server);
        int r;

        if (!server)
                return error_set_errno(e, ENOMEM, "cannot make the HTTP server");
        server->limits = *parts->limits;
        server->work = parts->work;
        server->dataset = parts->dataset;
        server->cell = parts->cell;
        server->worker = parts->worker;
        server->now_ms = clock_monotonic_ms();
        server->next_deadline_ms = UINT64_MAX;
        r = linger_new(&server->linger, e);
        if (r == 0)
                r = request_log_new(&log, &server->log, e);
        if (r == 0) {
                server->mhd = start_daemon(server);
                if (!server->mhd)
                        r = error_set(e, -EIO, "libmicrohttpd %s does not start", MHD_get_version());
        }
        if (r < 0) {
                server_free(server);
                return r;
        }
        server->mhd_epoll = MHD_get_daemon_info(server->mhd, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
        *ret = server;
        return 0;
}

struct server *server_free(struct server *server) {
        if (!server)
                return NULL;
        if (server->mhd)
                MHD_stop_daemon(server->mhd);
        for (int i = 0; i < _WORKLOAD_MAX; i++)
                if (server->ready[i])
                        MHD_destroy_response(server->ready[i]);
        request_log_free(server->log);
        linger_free(server->linger);
        free(server);
        return NULL;
}

void server_fds(const struct server *server, int ret[static 2]) {
        ret[0] = server->mhd_epoll;
        ret[1] = linger_fd(server->linger);
}

void server_add(struct server *server, int fd, const struct sockaddr *peer, socklen_t peer_size, uint64_t now_ms) {
        server->now_ms = now_ms;
        /* On failure the library has closed the socket and said why at debug level. */
        (void)MHD_add_connection(server->mhd, fd, peer, peer_size);
}

void server_add_private(struct server *server, int fd, uint64_t now_ms) {
        const struct sockaddr peer = { .sa_family = AF_UNIX };

        server->adding_private = true;
        server_add(server, fd, &peer, sizeof peer.sa_family, now_ms);
        server->adding_private = false;
}

uint64_t server_connections(const struct server *server) {
        return server->n_connections;
}

bool server_has_room(const struct server *server) {
        return server->n_connections < server->limits.max_connections;
}

/* Closes what is over its deadline and finds the next one. */
static void check_deadlines(struct server *server) {
        uint64_t next_ms = UINT64_MAX;

        for (struct connection *c = server->connections; c; c = c->next) {
                int waiting = 0;

                if (server->now_ms >= c->deadline_ms) {
                        /* A request that has just come in is not idle any more; the next turn reads it. */
                        if (c->request.stage == REQUEST_NONE && server->draining && ioctl(c->fd, FIONREAD, &waiting) == 0 &&
                            waiting > 0)
                                c->deadline_ms = server->now_ms + DRAIN_IDLE_MS;
                        else {
                                /* The library sees the end of the stream and cleans up; it offers no way to ask for that. */
                                (void)shutdown(c->fd, SHUT_RDWR);
                                c->deadline_ms = server->now_ms + server->limits.request_timeout_ms;
                        }
                }
                if (c->deadline_ms < next_ms)
                        next_ms = c->deadline_ms;
        }
        server->next_deadline_ms = next_ms;
}

void server_run(struct server *server, uint64_t now_ms) {
        server->now_ms = now_ms;
        (void)MHD_run(server->mhd);
        if (now_ms >= server->next_deadline_ms)
                check_deadlines(server);
        hangup_look(server);
        if (linger_deadline_ms(server->linger) != UINT64_MAX)
                linger_run(server->linger, now_ms);
        if (server->log)
                request_log_run(server->log, now_ms);
}

int server_wait_ms(const struct server *server, uint64_t now_ms) {
        uint64_t deadline_ms = server->next_deadline_ms, linger_ms = linger_deadline_ms(server->linger), wait_ms;
        MHD_UNSIGNED_LONG_LONG library_ms;

        if (linger_ms < deadline_ms)
                deadline_ms = linger_ms;
        wait_ms = deadline_ms == UINT64_MAX ? UINT64_MAX : deadline_ms > now_ms ? deadline_ms - now_ms : 0;
        /* Data that the library has read but not yet handled raises no event. */
        if (MHD_get_timeout(server->mhd, &library_ms) == MHD_YES && library_ms < wait_ms)
                wait_ms = library_ms;
        if (wait_ms == UINT64_MAX)
                return -1;
        return wait_ms > INT_MAX ? INT_MAX : (int)wait_ms;
}

void server_reopen_log(struct server *server, int fd) {
        if (server->log)
                request_log_reopen(server->log, fd);
        else
                (void)fd_close(fd);
}

void server_drain(struct server *server, uint64_t now_ms) {
        server->draining = true;
        server->now_ms = now_ms;
        for (struct connection *c = server->connections; c; c = c->next)
                if (c->request.stage == REQUEST_NONE && c->deadline_ms > now_ms + DRAIN_IDLE_MS)
                        set_deadline(c, now_ms + DRAIN_IDLE_MS);
}
