#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "gate/problem.h"
#include "gate/target.h"
#include "http/server_internal.h"
#include "shared/scoreboard.h"

static bool has_body(const struct connection *c) {
        return c->request.method != ROUTE_METHOD_HEAD;
}

/* Whether the answer tells the client that the connection ends with it. */
static bool is_last(const struct connection *c) {
        return c->server->draining;
}

/* `is_shared`: the caller keeps its reference, else it is consumed. Returning MHD_NO makes the library close the connection, which is all that
 * is left without memory. */
static enum MHD_Result queue(struct connection *c, unsigned int status, struct MHD_Response *response, uint64_t body_bytes,
                             bool is_shared) {
        enum MHD_Result result;

        if (!response)
                return MHD_NO;
        c->request.stage = REQUEST_ANSWER;
        c->request.last = is_last(c);
        c->request.status = status;
        c->request.body_sent = has_body(c) ? body_bytes : 0;
        result = MHD_queue_response(c->mhd, status, response);
        if (!is_shared)
                MHD_destroy_response(response);
        return result;
}

static struct MHD_Response *with_header(struct MHD_Response *response, const char *name, const char *value) {
        if (response && MHD_add_response_header(response, name, value) == MHD_NO) {
                MHD_destroy_response(response);
                return NULL;
        }
        return response;
}

static struct MHD_Response *new_problem(unsigned int status, const char *detail, uint64_t *ret_bytes) {
        char memory[PROBLEM_MAX];
        struct buf body = buf_over(memory, sizeof memory);

        problem_write(&body, status, detail);
        *ret_bytes = body.length;
        return with_header(MHD_create_response_from_buffer(body.length, body.data, MHD_RESPMEM_MUST_COPY),
                           MHD_HTTP_HEADER_CONTENT_TYPE, PROBLEM_CONTENT_TYPE);
}

static struct MHD_Response *with_close(const struct connection *c, struct MHD_Response *response) {
        return is_last(c) ? with_header(response, MHD_HTTP_HEADER_CONNECTION, "close") : response;
}

static enum MHD_Result answer_problem(struct connection *c, unsigned int status, const char *detail) {
        uint64_t bytes;
        struct MHD_Response *response = new_problem(status, detail, &bytes);

        return queue(c, status, with_close(c, response), bytes, false);
}

static enum MHD_Result answer_not_allowed(struct connection *c) {
        const char *allow = route_allow(c->request.route);
        struct MHD_Response *response;
        char detail[80];
        uint64_t bytes;

        (void)snprintf(detail, sizeof detail, "This route answers %s only.", allow);
        response = new_problem(MHD_HTTP_METHOD_NOT_ALLOWED, detail, &bytes);
        return queue(c, MHD_HTTP_METHOD_NOT_ALLOWED, with_close(c, with_header(response, MHD_HTTP_HEADER_ALLOW, allow)), bytes, false);
}

static enum MHD_Result answer_options(struct connection *c) {
        const char *allow = c->request.route ? route_allow(c->request.route) : ROUTE_ALLOW_ANY;
        struct MHD_Response *response = MHD_create_response_from_buffer(0, (void *)"", MHD_RESPMEM_PERSISTENT);

        return queue(c, MHD_HTTP_NO_CONTENT, with_close(c, with_header(response, MHD_HTTP_HEADER_ALLOW, allow)), 0, false);
}

/* Reads the query into `params`. Returns work_params_set()'s last verdict. */
static int read_params(const struct connection *c, const char *target, struct work_params *params, struct error *e) {
        const char *query = target_query(target);
        struct target_argument argument;
        int verdict = 0;

        while (verdict >= 0 && target_next_argument(&query, c->server->query_memory, &argument))
                verdict = work_params_set(params, argument.name, argument.name_length, argument.value, argument.value_length, e);
        return verdict;
}

static struct MHD_Response *from_work(const struct work_response *from) {
        enum MHD_ResponseMemoryMode mode = MHD_RESPMEM_MUST_COPY;
        struct MHD_Response *response;

        if (from->body_kind == WORK_BODY_STATIC)
                mode = MHD_RESPMEM_PERSISTENT;
        else if (from->body_kind == WORK_BODY_OWNED)
                mode = MHD_RESPMEM_MUST_FREE;
        response = MHD_create_response_from_buffer(from->body_length, (void *)from->body, mode);
        if (!response && from->body_kind == WORK_BODY_OWNED)
                free((void *)from->body);
        return with_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, from->content_type);
}

/* The library would write its own for each answer. The program never calls setlocale(), so the names are English. */
static struct MHD_Response *with_date(struct MHD_Response *response, time_t now_s) {
        char date[40];
        struct tm tm;

        (void)strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now_s, &tm));
        return with_header(response, MHD_HTTP_HEADER_DATE, date);
}

/* A body that never changes has one response for all requests of a second; the library counts the references. */
static struct MHD_Response *ready_response(struct ready_answer *ready, const struct work_response *from) {
        time_t now_s = time(NULL);

        if (ready->response && ready->date_s == now_s)
                return ready->response;
        if (ready->response)
                MHD_destroy_response(ready->response);
        ready->response = with_date(from_work(from), now_s);
        ready->date_s = now_s;
        return ready->response;
}

static enum MHD_Result answer_good(struct connection *c, const struct work_response *from, bool is_unmodified) {
        unsigned int status = is_unmodified ? MHD_HTTP_NOT_MODIFIED : MHD_HTTP_OK;
        uint64_t body_bytes = is_unmodified ? 0 : from->body_length;

        if (from->body_kind != WORK_BODY_STATIC || is_last(c))
                return queue(c, status, with_close(c, from_work(from)), body_bytes, false);
        return queue(c, status, ready_response(&c->server->ready[c->request.route->workload], from), body_bytes, true);
}

/* For those who watch a worker that does not come back from it. */
static void announce_work(const struct connection *c, const struct work_params *params, uint64_t now_ns) {
        struct restmark_worker_cell *cell = c->server->cell;

        cell_set(&cell->working_count, params->count);
        cell_set(&cell->working_n, params->n);
        cell_set(&cell->working_seed, params->seed);
        scoreboard_begin_work(cell, c->request.route->cell, now_ns / 1000000);
}

static void show_body(struct connection *c, struct work_params *params) {
        const struct body *body = intake_body(&c->intake);

        params->body = body ? body->bytes : NULL;
        params->body_length = body ? body->length : 0;
}

/* Of an answer to what work_run() has refused. */
static unsigned int status_of(int result) {
        switch (result) {
        case -ENOENT:
                return MHD_HTTP_NOT_FOUND;
        case -EILSEQ:
                return MHD_HTTP_BAD_REQUEST;
        case -EDOM:
                return MHD_HTTP_UNPROCESSABLE_CONTENT;
        default:
                return MHD_HTTP_INTERNAL_SERVER_ERROR;
        }
}

/* Never before the time is over, by any clock that the client may have. Returns whether the request waits, with *ret being the library's verdict. */
static bool must_wait(struct connection *c, uint32_t wait_ms, enum MHD_Result *ret) {
        struct suspensions *suspensions = c->server->suspensions;
        int r;

        *ret = MHD_NO;
        if (c->request.is_given_up)
                return true;
        if (!suspensions)
                *ret = answer_problem(c, MHD_HTTP_NOT_FOUND, "GET /wait is switched off here; wait = yes in [workloads] of restmarkd.ini switches it on.");
        else if (wait_ms == 0 || c->request.has_waited)
                return false;
        else {
                r = suspensions_add(suspensions, c, (clock_monotonic_ns() + 999999) / 1000000 + wait_ms);
                *ret = r == 0 ? MHD_YES : answer_problem(c, MHD_HTTP_SERVICE_UNAVAILABLE, "Nothing more can wait here now.");
        }
        return true;
}

/* What takes no time is not announced, nor is its time measured: a clock is read in as many instructions as all of it takes. */
static int work(struct connection *c, const struct work_params *params, struct work_response *ret, struct error *e) {
        struct work *work = c->server->work;
        uint64_t start_ns;
        int r;

        if (work_is_ready(work, params))
                return work_run(work, params->which, params, ret, e);
        start_ns = clock_monotonic_ns();
        announce_work(c, params, start_ns);
        r = work_run(work, params->which, params, ret, e);
        scoreboard_end_work(c->server->cell);
        c->request.busy_ns = clock_monotonic_ns() - start_ns;
        return r;
}

static enum MHD_Result answer_work(struct connection *c) {
        enum MHD_Result verdict;
        const struct served_request request = intake_request(&c->intake);
        struct work_params params;
        struct error error; /* not cleared, which would cost more than all the rest here */
        struct work_response made;
        bool is_unmodified; /* the answer has the fields of a good one, its length among them, and no body, as one to HEAD */
        int r;

        work_params_init(&params, c->request.route->workload, c->server->dataset);
        params.path = c->path;
        if (read_params(c, request.target, &params, &error) != 0)
                return answer_problem(c, MHD_HTTP_BAD_REQUEST, error.text);
        if (request.condition == GATE_IF_MATCH)
                return answer_problem(c, MHD_HTTP_PRECONDITION_FAILED, "No answer of this server has an entity tag that If-Match could name.");
        if (params.which == WORKLOAD_VALIDATE)
                show_body(c, &params);
        else if (params.which == WORKLOAD_WAIT && must_wait(c, params.wait_ms, &verdict))
                return verdict;
        is_unmodified = request.condition == GATE_IF_NONE_MATCH && c->request.method != ROUTE_METHOD_POST;

        r = work(c, &params, &made, &error);
        intake_drop_body(&c->intake);
        return r < 0 ? answer_problem(c, status_of(r), error.text) : answer_good(c, &made, is_unmodified);
}

enum MHD_Result answer_request(struct connection *c) {
        enum route_method method = c->request.method;

        if (method == ROUTE_METHOD_OPTIONS && c->request.is_server_wide)
                return answer_options(c);
        if (!c->request.route)
                return answer_problem(c, MHD_HTTP_NOT_FOUND,
                                      "There is nothing here; the routes are /, /parse-msgpack, /encode-json, /transfer-data, "
                                      "/million-loop, /validate, /wait, /record/{id} and 99 beside it such as /users/{id}.");
        if (route_takes(c->request.route, method))
                return answer_work(c);
        return method == ROUTE_METHOD_OPTIONS ? answer_options(c) : answer_not_allowed(c);
}
