#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "rpc/server_internal.h"
#include "shared/histogram.h"
#include "shared/scoreboard.h"

/* The numbers of errors are those that the same request has over HTTP. */
enum { STATUS_GOOD = 200, STATUS_BAD = 400, STATUS_NONE = 404, STATUS_UNPROCESSABLE = 422, STATUS_BROKEN = 500, STATUS_SHORT = 503 };

enum {
        /* What takes less than some ten microseconds is answered before whatever takes longer. */
        CHEAP_LOOP_STEPS = 20000,
        CHEAP_RECORDS = 20,
        CHEAP_BODY_BYTES = 4096,
};

/* ---- lists ---- */

static void append(struct call_list *list, struct call *call) {
        call->previous = list->last;
        call->next = NULL;
        if (list->last)
                list->last->next = call;
        else
                list->first = call;
        list->last = call;
        call->connection->n_calls++;
}

static void take_out(struct call_list *list, struct call *call) {
        if (call->next)
                call->next->previous = call->previous;
        else
                list->last = call->previous;
        if (call->previous)
                call->previous->next = call->next;
        else
                list->first = call->next;
        call->connection->n_calls--;
}

/* ---- what is counted and logged ---- */

static void count(const struct call *call, unsigned int status, uint64_t body_bytes, uint64_t now_ns) {
        struct restmark_worker_cell *worker = call->connection->server->parts.cell;
        struct restmark_route_cell *cell = &worker->routes[call->method ? call->method->cell : RESTMARK_ROUTE_OTHER];

        cell_add(&worker->rpc_calls, 1);
        cell_add(&cell->requests, 1);
        if (status == 0)
                cell_add(&cell->aborted, 1);
        else if (status >= 500)
                cell_add(&cell->errors_5xx, 1);
        else if (status >= 400)
                cell_add(&cell->errors_4xx, 1);
        cell_add(&cell->bytes, body_bytes);
        cell_add(&cell->busy_ns, call->busy_ns);
        histogram_record(cell, now_ns - call->started_ns);
}

/* `status` 0: it was aborted. */
static void end(const struct call *call, unsigned int status, uint64_t body_bytes) {
        const struct connection *c = call->connection;
        const struct rpc_server *server = c->server;
        uint64_t now_ns = clock_monotonic_ns();

        count(call, status, body_bytes, now_ns);
        if (!c->address)
                return;
        request_log_add(server_log(server->parts.server),
                        &(struct access_log_entry){ .address = c->address,
                                                    .method = call->has_id ? "CALL" : "NOTIFY",
                                                    .target = call->text,
                                                    .status = status,
                                                    .worker = server->parts.worker,
                                                    .aborted = status == 0,
                                                    .body_bytes = body_bytes,
                                                    .duration_us = (now_ns - call->started_ns) / 1000 },
                        server->now_ms);
}

/* ---- answers ---- */

/* After an answer of which a part is missing nothing can follow. */
static void sent_or_lost(struct connection *c, int r) {
        if (r < 0)
                connection_close(c, RESTMARK_CLOSE_GONE);
        else
                c->has_answered = true;
        connection_touch(c);
}

static void answer_error(struct call *call, unsigned int status, const char *text) {
        struct connection *c = call->connection;

        if (call->has_id)
                sent_or_lost(c, answers_add_error(&c->out, call->id, status, text));
        end(call, status, 0);
}

static void answer_result(struct call *call, const struct work_response *made) {
        struct connection *c = call->connection;
        const size_t length = made->body_length;

        if (call->has_id)
                sent_or_lost(c, answers_add_result(&c->out, call->id, made));
        else if (made->body_kind == WORK_BODY_OWNED)
                free((char *)(uintptr_t)made->body);
        end(call, STATUS_GOOD, call->has_id ? length : 0);
}

/* Of what work_run() has refused. */
static unsigned int status_of(int result) {
        switch (result) {
        case -ENOENT:
                return STATUS_NONE;
        case -EILSEQ:
                return STATUS_BAD;
        case -EDOM:
                return STATUS_UNPROCESSABLE;
        default:
                return STATUS_BROKEN;
        }
}

/* As a request over HTTP does: what takes no time is not announced, nor is its time measured. */
static int run_work(struct call *call, struct work_response *made, struct error *e) {
        const struct rpc_parts *parts = &call->connection->server->parts;
        uint64_t start_ns;
        int r;

        if (work_is_ready(parts->work, &call->params))
                return work_run(parts->work, call->params.which, &call->params, made, e);
        start_ns = clock_monotonic_ns();
        cell_set(&parts->cell->working_count, call->params.count);
        cell_set(&parts->cell->working_n, call->params.n);
        cell_set(&parts->cell->working_seed, call->params.seed);
        scoreboard_begin_work(parts->cell, call->method->cell, start_ns / 1000000);
        r = work_run(parts->work, call->params.which, &call->params, made, e);
        scoreboard_end_work(parts->cell);
        call->busy_ns = clock_monotonic_ns() - start_ns;
        return r;
}

static void answer(struct call *call) {
        struct work_response made;
        struct error e;
        int r = run_work(call, &made, &e);

        if (r < 0)
                answer_error(call, status_of(r), e.text);
        else
                answer_result(call, &made);
}

/* ---- calls that are put off ---- */

static void free_call(struct call *call) {
        call->connection->server->memory->used_bytes -= call->body ? call->params.body_length : 0;
        free(call->body);
        free(call);
}

/* A copy that outlives the message. NULL for want of memory. */
static struct call *keep(const struct call *from) {
        struct rpc_server *server = from->connection->server;
        struct call *call = malloc(sizeof *call);

        if (!call)
                return NULL;
        *call = *from;
        if (call->params.path)
                call->params.path = call->path;
        if (from->params.body_length > 0) {
                if (server->memory->used_bytes + from->params.body_length <= server->memory->max_bytes)
                        call->body = malloc(from->params.body_length);
                if (!call->body) {
                        free(call);
                        return NULL;
                }
                memcpy(call->body, from->params.body, from->params.body_length);
                call->params.body = call->body;
                server->memory->used_bytes += from->params.body_length;
        }
        return call;
}

static void put_off(struct call *from) {
        struct connection *c = from->connection;
        struct rpc_server *server = c->server;
        struct call *call = keep(from);

        if (!call) {
                answer_error(from, STATUS_SHORT, "There is no memory left for this call now.");
                return;
        }
        append(&c->dear, call);
        ring_add(server, c);
}

/* Never before the time is over, by any clock that the client may have. */
static void wait(struct call *from) {
        struct connection *c = from->connection;
        struct rpc_server *server = c->server;
        struct call *call = keep(from);

        if (!call || timers_add(&server->timers, &call->timer, (clock_monotonic_ns() + 999999) / 1000000 + from->params.wait_ms) < 0) {
                if (call)
                        free_call(call);
                answer_error(from, STATUS_SHORT, "Nothing more can wait here now.");
                return;
        }
        append(&c->waiting, call);
        cell_add(&server->parts.cell->waiting, 1);
}

void call_finish(struct call *call) {
        struct connection *c = call->connection;

        if (call->timer.place > 0) {
                timers_remove(&c->server->timers, &call->timer);
                cell_sub(&c->server->parts.cell->waiting, 1);
                take_out(&c->waiting, call);
        } else
                take_out(&c->dear, call);
        answer(call);
        connection_touch(c);
        free_call(call);
}

void calls_abort(struct connection *c) {
        struct call *call;

        while ((call = c->waiting.first ? c->waiting.first : c->dear.first)) {
                if (call->timer.place > 0) {
                        timers_remove(&c->server->timers, &call->timer);
                        cell_sub(&c->server->parts.cell->waiting, 1);
                        take_out(&c->waiting, call);
                } else
                        take_out(&c->dear, call);
                end(call, 0, 0);
                free_call(call);
        }
}

/* ---- a call comes ---- */

static bool is_cheap(const struct call *call) {
        const struct work_params *p = &call->params;

        switch (p->which) {
        case WORKLOAD_MILLION_LOOP:
                return p->n <= CHEAP_LOOP_STEPS;
        case WORKLOAD_VALIDATE:
                return p->body_length <= CHEAP_BODY_BYTES;
        case WORKLOAD_PARSE_MSGPACK:
        case WORKLOAD_ENCODE_JSON:
        case WORKLOAD_TRANSFER_DATA:
                return p->count <= CHEAP_RECORDS || work_is_ready(call->connection->server->parts.work, p);
        default:
                return true;
        }
}

static void begin(struct call *call) {
        if (call->params.which == WORKLOAD_WAIT && !call->connection->server->parts.limits->suspends)
                answer_error(call, STATUS_NONE, "wait is switched off here; wait = yes in [workloads] of restmarkd.ini switches it on.");
        else if (call->params.which == WORKLOAD_WAIT && call->params.wait_ms > 0 && call->has_id)
                wait(call);
        else if (is_cheap(call))
                answer(call);
        else
                put_off(call);
}

static void note_method(struct call *call, const struct message *message) {
        struct buf text = buf_over(call->text, sizeof call->text - 1);

        if (call->connection->address)
                buf_append(&text, message->method ? message->method : "-", !message->method ? 1 : message->method_length < 40 ? message->method_length : 40);
        call->text[text.length] = '\0';
}

static void read_params(struct call *call, const struct message *message) {
        const struct rpc_parts *parts = &call->connection->server->parts;
        const size_t named = strlen(call->text);
        struct buf text = buf_over(call->text + named, sizeof call->text - 1 - named);
        struct error e;

        work_params_init(&call->params, call->method->workload, parts->dataset);
        if (method_read_params(call->method, message->params, &call->params, call->path, call->connection->address ? &text : NULL, &e) < 0) {
                answer_error(call, STATUS_BAD, e.text);
                return;
        }
        call->text[named + text.length] = '\0';
        begin(call);
}

bool call_take(struct connection *c, const char *bytes, size_t length) {
        struct call call; /* not cleared: what matters is set */
        struct message message;
        int r = message_read(bytes, length, &c->server->zone, &message);

        if (r < 0)
                return false;
        call.timer = (struct timer){ 0 };
        call.connection = c;
        call.method = message.method ? method_find(message.method, message.method_length) : NULL;
        call.id = message.id;
        call.has_id = message.type == MESSAGE_REQUEST;
        call.started_ns = clock_monotonic_ns();
        call.busy_ns = 0;
        call.body = NULL;
        note_method(&call, &message);
        if (call.method)
                read_params(&call, &message);
        else if (!message.method)
                answer_error(&call, STATUS_BAD, "The name of a method has to be a str.");
        else
                answer_error(&call, STATUS_NONE, "There is no such method; there are welcome, parse-msgpack, encode-json, transfer-data, million-loop, "
                                                 "validate, wait and record.");
        return true;
}
