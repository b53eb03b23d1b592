#include "http/connection.h"

#include <inttypes.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/log.h"
#include "gate/refusal.h"
#include "gate/target.h"
#include "http/question.h"
#include "http/server_internal.h"
#include "mhd/begun.h"
#include "mhd/library.h"
#include "shared/histogram.h"
#include "shared/scoreboard.h"

enum { TLS_LOG_MS = 60000 }; /* between two messages of it */

/* ---- what is counted and logged of a request ---- */

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

/* Returns when that was. */
static uint64_t end_request(struct connection *c, bool answered) {
        uint64_t now_ns = clock_monotonic_ns();

        count(c, answered, now_ns);
        if (c->notes)
                log_request(c, answered, now_ns);
        return now_ns;
}

/* ---- connections ---- */

void connection_set_deadline(struct connection *c, uint64_t deadline_ms) {
        c->deadline_ms = deadline_ms;
        if (deadline_ms < c->server->next_deadline_ms)
                c->server->next_deadline_ms = deadline_ms;
}

/* `since_ms` is not the turn's time, in which others may have been served before: the client shall have all of its idle timeout. */
static void wait_for_request(struct connection *c, uint64_t since_ms) {
        struct server *server = c->server;

        c->request.stage = REQUEST_NONE;
        c->hangup = HANGUP_UNKNOWN;
        connection_set_deadline(c, since_ms + (server->draining ? SERVER_DRAIN_IDLE_MS : server->limits.idle_timeout_ms));
}

void connection_hang_up(struct connection *c, enum restmark_close why) {
        library_hang_up(c->fd);
        c->close = why;
        connection_set_deadline(c, c->server->now_ms + c->server->limits.request_timeout_ms);
}

bool connection_has_input(const struct connection *c) {
        int waiting = 0;

        return ioctl(c->fd, FIONREAD, &waiting) == 0 && waiting > 0;
}

bool connection_has_output(const struct connection *c) {
        int waiting = 0;

        return ioctl(c->fd, SIOCOUTQ, &waiting) == 0 && waiting > 0;
}

static struct connection *make(struct server *server, int fd) {
        struct connection *c = calloc(1, sizeof *c);

        if (!c)
                return NULL;
        if ((server->log && !server->adding_private && !(c->notes = calloc(1, sizeof *c->notes))) ||
            intake_open(&c->intake, fd, &server->intake_owner, c) < 0) {
                free(c->notes);
                free(c);
                return NULL;
        }
        return c;
}

static void open_one(struct server *server, struct MHD_Connection *mhd, void **socket_context) {
        int fd = library_socket(mhd);
        struct connection *c = make(server, fd);

        *socket_context = c; /* NULL: requests on it are refused */
        if (!c) {
                intake_refuse(fd);
                return;
        }
        c->server = server;
        c->is_private = server->adding_private;
        c->mhd = mhd;
        c->fd = fd;
        c->close = RESTMARK_CLOSE_COUNT;
        c->next = server->connections;
        if (c->next)
                c->next->previous = c;
        server->connections = c;
        if (c->notes)
                access_log_format_address(MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr, c->notes->address);
        wait_for_request(c, server->now_ms);
        server->n_connections++;
        if (c->is_private)
                return;
        cell_add(&server->cell->connections, 1);
        cell_add(&server->cell->accepted, 1);
}

/* Whether the client may lose answers by a reset, if something of it is unread or still to come. Who has asked for the end sends nothing
 * more, but where the end is the server's idea the client may be sending its next request right now. */
static bool must_linger(const struct connection *c) {
        if (c->linger)
                return true;
        if (!c->has_answered)
                return false;
        return c->intake.is_last ? intake_has_part(&c->intake) || connection_has_input(c) : c->request.last;
}

/* A request of which nothing has reached the library ends with its connection. */
static void end_coming(struct connection *c) {
        if (c->request.stage != REQUEST_COMING)
                return;
        end_request(c, false);
        c->request.stage = REQUEST_NONE;
}

static void count_close(struct connection *c) {
        enum restmark_close why = c->close;

        if (why == RESTMARK_CLOSE_COUNT && (c->request.stage != REQUEST_NONE || (intake_has_part(&c->intake) && !c->intake.is_refused)))
                why = RESTMARK_CLOSE_GONE;
        if (why != RESTMARK_CLOSE_COUNT && !c->is_private)
                cell_add(&c->server->cell->closes[why], 1);
}

static void close_one(struct connection *c) {
        struct server *server = c->server;

        begun_forget(c->fd);
        count_close(c);
        end_coming(c);
        if (must_linger(c))
                linger_add(server->linger, c->fd, server->now_ms);
        intake_close(&c->intake);
        if (c->next)
                c->next->previous = c->previous;
        if (c->previous)
                c->previous->next = c->next;
        else
                server->connections = c->next;
        server->n_connections--;
        if (!c->is_private)
                cell_sub(&server->cell->connections, 1);
        stored_free(c->stored);
        free(c->notes);
        free(c);
}

void connection_notify(void *context, struct MHD_Connection *mhd, void **socket_context, enum MHD_ConnectionNotificationCode code) {
        if (code == MHD_CONNECTION_NOTIFY_STARTED)
                open_one(context, mhd, socket_context);
        else if (*socket_context)
                close_one(*socket_context);
}

/* ---- requests ---- */

static void note(char *text, size_t size, const char *from, size_t length) {
        size_t n = length < size ? length : size - 1;

        memcpy(text, from, n);
        text[n] = '\0';
        if (n == 0)
                (void)strcpy(text, "-");
}

static void begin(struct connection *c) {
        c->request = (struct request){ .stage = REQUEST_COMING, .method = ROUTE_METHOD_GET, .started_ns = c->begun_ns ? c->begun_ns : clock_monotonic_ns() };
        c->begun_ns = 0;
        c->hangup = HANGUP_UNKNOWN;
        connection_set_deadline(c, c->request.started_ns / 1000000 + c->server->limits.request_timeout_ms);
}

void connection_note_request(struct connection *c, const struct intake_request *request) {
        if (!c->notes)
                return;
        note(c->notes->method, sizeof c->notes->method, request->method, request->method_length);
        note(c->notes->target, sizeof c->notes->target, request->target, request->target_length);
}

void connection_note_method(struct connection *c, const char *method) {
        if (c->notes)
                note(c->notes->method, sizeof c->notes->method, method, strlen(method));
}

void connection_begun(void *context, const struct intake_request *request) {
        struct connection *c = context;

        begin(c);
        connection_note_request(c, request);
}

/* Rather no answer than one to what nobody has looked at. */
static void complain_of_intake(struct server *server) {
        if (server->has_complained)
                return;
        log_message(LOG_ERR, "worker %u: libmicrohttpd %s does not read through this program's recv(), so that nothing can be served", server->worker,
                    MHD_get_version());
        server->has_complained = true;
}

void *connection_request_line(void *context, const char *target, struct MHD_Connection *mhd) {
        const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
        struct connection *c = info ? info->socket_context : NULL;
        char memory[TARGET_PATH_MAX];
        struct router_argument arguments[ROUTER_ARGUMENTS_MAX];
        struct served_request request;
        const char *path;
        size_t length;

        (void)context;
        (void)target; /* the gate's, which is always "/" */
        if (c && c->intake.n_serving == 0)
                complain_of_intake(c->server);
        if (!c || c->intake.n_serving == 0)
                return NULL;
        if (c->request.stage != REQUEST_COMING)
                begin(c);
        c->request.stage = REQUEST_HEAD;
        request = intake_request(&c->intake);
        path = target_path(request.target, memory, &length);
        c->request.is_server_wide = *path == '*';
        c->request.route = router_find(c->server->router, path, length, arguments);
        if (c->request.route && c->request.route->has_arguments)
                (void)snprintf(c->path, sizeof c->path, "%.*s", (int)length, path);
        if (c->notes)
                note(c->notes->target, sizeof c->notes->target, request.target, request.target_length);
        return c;
}

static void log_tls(struct server *server) {
        server->n_tls++;
        if (server->now_ms < server->next_tls_log_ms)
                return;
        log_message(LOG_WARNING, "worker %u: clients speak TLS to a port that has none (%" PRIu64 " since the last such message); for HTTPS put a "
                                 "proxy in front",
                    server->worker, server->n_tls);
        server->n_tls = 0;
        server->next_tls_log_ms = server->now_ms + TLS_LOG_MS;
}

void connection_refused(void *context, const struct gate_refusal *refusal, bool is_head, const struct intake_request *request) {
        struct connection *c = context;
        size_t body_bytes;
        bool is_sent;

        if (refusal->silence != GATE_ANSWERABLE) {
                c->linger = c->has_answered;
                connection_set_deadline(c, c->server->now_ms + LINGER_MS);
                c->close = refusal->silence == GATE_TLS ? RESTMARK_CLOSE_TLS : RESTMARK_CLOSE_BINARY;
                if (refusal->silence == GATE_TLS)
                        log_tls(c->server);
                return;
        }
        if (c->request.stage != REQUEST_COMING) {
                begin(c);
                connection_note_request(c, request);
        }
        is_sent = refusal_send(c->fd, refusal->status, refusal->detail, is_head, &body_bytes);
        c->request.status = refusal->status;
        c->request.body_sent = body_bytes;
        c->linger = true;
        end_request(c, is_sent);
        c->request.stage = REQUEST_NONE;
        connection_set_deadline(c, c->server->now_ms + LINGER_MS);
}

void connection_finish_request(struct connection *c, bool is_answered) {
        uint64_t now_ns = end_request(c, is_answered);

        c->has_answered |= is_answered;
        if (!is_answered && c->close == RESTMARK_CLOSE_COUNT)
                c->close = RESTMARK_CLOSE_GONE;
        wait_for_request(c, (now_ns + 999999) / 1000000); /* not a part of a millisecond less */
}

void connection_completed(void *context, struct MHD_Connection *mhd, void **request_context, enum MHD_RequestTerminationCode code) {
        struct connection *c = *request_context;
        bool is_answered = code == MHD_REQUEST_TERMINATED_COMPLETED_OK;

        (void)context;
        (void)mhd;
        if (!c || c->request.stage == REQUEST_NONE)
                return;
        c->unseen_bytes += ANSWER_HEAD_MAX + c->request.body_sent;
        connection_finish_request(c, is_answered);
        if (is_answered && !c->request.last)
                intake_finished(&c->intake);
}
