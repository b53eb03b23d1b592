#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "data/dataset.h"
#include "http/hangup.h"
#include "http/server_internal.h"
#include "mhd/begun.h"
#include "mhd/library.h"
#include "mhd/zero_copy.h"
#include "shared/scoreboard.h"
#include "store/store.h"

enum {
        ROOM_ATTEMPTS = 8, /* for one connection that waits */
        IDLE_MIN_MS = 100  /* before a connection counts as idle: a client in full swing shall not lose its next request */
};

/* Called twice for each request: an answer to the first call would close the connection. No request has a body here. */
static enum MHD_Result on_access(void *context, struct MHD_Connection *mhd, const char *path, const char *method,
                                 const char *version, const char *body, size_t *body_size, void **request_context) {
        struct connection *c = *request_context;

        (void)context;
        (void)mhd;
        (void)path;
        (void)version;
        (void)body;
        (void)body_size;
        if (!c)
                return MHD_NO;
        if (c->request.stage != REQUEST_HEAD)
                return answer_request(c);
        c->request.stage = REQUEST_WHOLE;
        c->request.method = route_method(method);
        connection_note_method(c, method);
        return MHD_YES;
}

static int start_library(struct server *server, struct error *e) {
        const struct library_parts parts = { .who = "",
                                             .connections_max = (unsigned int)server->limits.max_connections,
                                             .connection_memory_bytes = intake_library_memory(ANSWER_HEAD_MAX),
                                             .on_access = on_access,
                                             .on_connection = connection_notify,
                                             .on_completed = connection_completed,
                                             .on_request_line = connection_request_line,
                                             .suspends = server->limits.suspends,
                                             .context = server };

        return library_start(&parts, &server->mhd, e);
}

static int open_stores(struct server *server, const struct server_parts *parts, struct error *e) {
        const struct stores_options *options = parts->stores;
        struct restmark_store_cell *cells = parts->cell->stores;
        int r = 0;

        if (!server->suspensions || !options)
                return 0;
        if (options->database.url)
                r = store_open(store_database_driver(), &options->database, parts->epoll, parts->worker, &cells[RESTMARK_STORE_DATABASE],
                               &server->database, e);
        if (r == 0 && options->cache.url)
                r = store_open(store_cache_driver(), &options->cache, parts->epoll, parts->worker, &cells[RESTMARK_STORE_CACHE], &server->cache, e);
        return r;
}

int server_new(const struct server_parts *parts, struct server **ret, struct error *e) {
        const struct request_log_options log = { .access_log_fd = parts->access_log_fd,
                                                 .sample = parts->limits->access_log_sample,
                                                 .slow_us = parts->limits->slow_request_ms * 1000,
                                                 .worker = parts->worker,
                                                 .lost_lines = &parts->cell->lost_log_lines };
        struct server *server = calloc(1, sizeof *server);
        int r;

        if (!server)
                return error_set_errno(e, ENOMEM, "cannot make the HTTP server");
        intake_forget_all(); /* the master's, whose descriptors are closed here and come again as others */
        begun_forget_all();
        server->limits = *parts->limits;
        server->intake_owner = (struct intake_owner){ .limits = { .head_bytes = (uint32_t)parts->limits->max_header_bytes,
                                                                  .body_bytes = parts->limits->limit_post_bytes,
                                                                  .wanted_body_bytes = parts->limits->limit_body_bytes,
                                                                  .wants_body = route_wants_body },
                                                      .bodies = &server->bodies,
                                                      .begun = connection_begun,
                                                      .refused = connection_refused,
                                                      .alone = at_once_answer };
        server->bodies.max_bytes = parts->limits->body_memory_bytes;
        server->router = route_table();
        server->query_memory = malloc(parts->limits->max_header_bytes);
        server->work = parts->work;
        server->dataset = parts->dataset;
        server->cell = parts->cell;
        server->worker = parts->worker;
        server->now_ms = clock_monotonic_ms();
        server->next_deadline_ms = UINT64_MAX;
        r = linger_new(&server->linger, e);
        if (r == 0 && (!server->router || !server->query_memory || intake_prepare(&server->intake_owner) < 0))
                r = error_set_errno(e, ENOMEM, "cannot make the HTTP server");
        if (r == 0)
                r = request_log_new(&log, &server->log, e);
        if (r == 0 && server->limits.suspends)
                r = suspensions_new(server->limits.max_connections, &server->suspensions, e);
        if (r == 0)
                r = open_stores(server, parts, e);
        if (r == 0)
                r = start_library(server, e);
        if (r < 0) {
                server_free(server);
                return r;
        }
        server->mhd_epoll = library_epoll_fd(server->mhd);
        at_once_init(server);
        *ret = server;
        return 0;
}

struct server *server_free(struct server *server) {
        if (!server)
                return NULL;
        suspensions_end_all(server->suspensions);
        if (server->mhd)
                MHD_stop_daemon(server->mhd);
        assert(server->bodies.used_bytes == 0); /* each connection gives back its own */
        server->database = store_close(server->database);
        server->cache = store_close(server->cache);
        suspensions_free(server->suspensions);
        for (int i = 0; i < _WORKLOAD_MAX; i++)
                if (server->ready[i].response)
                        MHD_destroy_response(server->ready[i].response);
        request_log_free(server->log);
        linger_free(server->linger);
        free(server->query_memory);
        free(server);
        return NULL;
}

void server_send_from_file(const struct server *server) {
        const struct dataset *d = server->dataset;

        zero_copy_use(&(struct zero_copy_file){ .bytes = d->json, .length = d->json_length, .fd = d->json_fd });
}

void server_fds(const struct server *server, int ret[static 2]) {
        ret[0] = server->mhd_epoll;
        ret[1] = linger_fd(server->linger);
}

int server_departures_fd(const struct server *server) {
        return server->suspensions ? suspensions_fd(server->suspensions) : -1;
}

void server_end_departed(struct server *server) {
        suspensions_end_departed(server->suspensions);
}

void server_add(struct server *server, int fd, const struct sockaddr *peer, socklen_t peer_size, uint64_t now_ms) {
        server->now_ms = now_ms;
        linger_keep(server->linger, LINGER_MAX + (server->limits.max_connections - server->n_connections));
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

bool server_is_empty(const struct server *server) {
        return server->n_connections == 0 && linger_deadline_ms(server->linger) == UINT64_MAX;
}

bool server_has_room(const struct server *server) {
        return server->n_connections < server->limits.max_connections;
}

void server_lend_room(struct server *server) {
        server->limits.max_connections--;
}

void server_return_room(struct server *server) {
        server->limits.max_connections++;
}

struct request_log *server_log(const struct server *server) {
        return server->log;
}

struct body_memory *server_body_memory(struct server *server) {
        return &server->bodies;
}

/* A connection is not idle if a request has just come in, while others were served (the next turn reads it), nor as long as the client takes
 * the answer to its last one: closed, it would lose that by sending another. */
static bool is_in_use(const struct connection *c) {
        uint64_t begun_ms = c->request.started_ns / 1000000;

        return connection_has_input(c) ||
               (c->has_answered && connection_has_output(c) && c->server->now_ms < begun_ms + c->server->limits.request_timeout_ms);
}

static void end_wait(struct connection *c) {
        bool is_idle = c->request.stage == REQUEST_NONE && !intake_has_part(&c->intake);

        if (c->linger) /* the answer was the last, and the client does not end */
                connection_hang_up(c, c->close);
        else if (is_idle && c->close == RESTMARK_CLOSE_COUNT && is_in_use(c))
                c->deadline_ms = c->server->now_ms + SERVER_DRAIN_IDLE_MS;
        else
                connection_hang_up(c, is_idle ? RESTMARK_CLOSE_IDLE : RESTMARK_CLOSE_TIMEOUT);
}

/* Closes what is over its deadline and finds the next one. */
static void check_deadlines(struct server *server) {
        uint64_t next_ms = UINT64_MAX;

        for (struct connection *c = server->connections; c; c = c->next) {
                if (server->now_ms >= c->deadline_ms)
                        end_wait(c);
                if (c->deadline_ms < next_ms)
                        next_ms = c->deadline_ms;
        }
        server->next_deadline_ms = next_ms;
}

/* Connections without a request or a part of one, the longest idle of which gives way. */
static struct connection *longest_idle(const struct server *server) {
        uint64_t before_ms = server->now_ms + server->limits.idle_timeout_ms - IDLE_MIN_MS; /* the deadline of what is idle */
        struct connection *found = NULL;

        for (struct connection *c = server->connections; c; c = c->next)
                if (c->request.stage == REQUEST_NONE && c->close == RESTMARK_CLOSE_COUNT && !c->is_private &&
                    c->deadline_ms <= before_ms && (!found || c->deadline_ms < found->deadline_ms) && !intake_has_part(&c->intake))
                        found = c;
        return found;
}

bool server_can_have_room(const struct server *server) {
        return server_has_room(server) || longest_idle(server);
}

bool server_make_room(struct server *server) {
        for (int attempts = 0; attempts < ROOM_ATTEMPTS && !server_has_room(server); attempts++) {
                struct connection *c = longest_idle(server);

                if (!c)
                        return false;
                if (is_in_use(c)) { /* the library will find that, or the deadline */
                        c->deadline_ms = server->now_ms + server->limits.idle_timeout_ms;
                        continue;
                }
                connection_hang_up(c, RESTMARK_CLOSE_EVICTED);
                (void)MHD_run(server->mhd);
        }
        return server_has_room(server);
}

/* The stores come last: what requests have just asked is then sent at once. */
static void run_suspending(struct server *server, uint64_t now_ms) {
        suspensions_run(server->suspensions, now_ms);
        (void)MHD_run(server->mhd);
        if (server->database)
                store_run(server->database, now_ms);
        if (server->cache)
                store_run(server->cache, now_ms);
}

void server_run(struct server *server, uint64_t now_ms) {
        server->now_ms = now_ms;
        if (server->suspensions)
                run_suspending(server, now_ms);
        else if (!server->has_turned)
                (void)MHD_run(server->mhd);
        server->has_turned = false;
        if (now_ms >= server->next_deadline_ms)
                check_deadlines(server);
        hangup_look(server);
        if (linger_deadline_ms(server->linger) != UINT64_MAX)
                linger_run(server->linger, now_ms);
        if (server->log)
                request_log_run(server->log, now_ms);
        cell_set(&server->cell->request_bodies_bytes, server->bodies.used_bytes);
}

static uint64_t earlier(uint64_t a_ms, uint64_t b_ms) {
        return a_ms < b_ms ? a_ms : b_ms;
}

static uint64_t suspending_due_ms(const struct server *server) {
        uint64_t due_ms = suspensions_due_ms(server->suspensions);

        if (server->database)
                due_ms = earlier(due_ms, store_due_ms(server->database));
        return server->cache ? earlier(due_ms, store_due_ms(server->cache)) : due_ms;
}

int server_wait_ms(const struct server *server, uint64_t now_ms) {
        uint64_t due_ms = server->next_deadline_ms, linger_ms = linger_deadline_ms(server->linger), wait_ms;

        if (server->suspensions)
                due_ms = earlier(due_ms, suspending_due_ms(server));
        due_ms = library_due_ms(server->mhd, now_ms, linger_ms < due_ms ? linger_ms : due_ms);
        if (due_ms == UINT64_MAX)
                return -1;
        wait_ms = due_ms > now_ms ? due_ms - now_ms : 0;
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
                if (c->request.stage == REQUEST_NONE && c->deadline_ms > now_ms + SERVER_DRAIN_IDLE_MS)
                        connection_set_deadline(c, now_ms + SERVER_DRAIN_IDLE_MS);
}
