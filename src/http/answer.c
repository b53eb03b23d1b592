#include <stdio.h>

#include "base/clock.h"
#include "http/response.h"
#include "http/server_internal.h"
#include "http/stored.h"
#include "shared/scoreboard.h"

static enum MHD_Result answer_not_allowed(struct connection *c) {
        const char *allow = route_allow(c->request.route);
        struct MHD_Response *response;
        char detail[80];
        uint64_t bytes;

        (void)snprintf(detail, sizeof detail, "This route answers %s only.", allow);
        response = response_new_problem(MHD_HTTP_METHOD_NOT_ALLOWED, detail, &bytes);
        return response_queue(c, MHD_HTTP_METHOD_NOT_ALLOWED, response_with_close(c, response_with_header(response, MHD_HTTP_HEADER_ALLOW, allow)), bytes, false);
}

static enum MHD_Result answer_options(struct connection *c) {
        const char *allow = c->request.route ? route_allow(c->request.route) : ROUTE_ALLOW_ANY;
        struct MHD_Response *response = MHD_create_response_from_buffer(0, (void *)"", MHD_RESPMEM_PERSISTENT);

        return response_queue(c, MHD_HTTP_NO_CONTENT, response_with_close(c, response_with_header(response, MHD_HTTP_HEADER_ALLOW, allow)), 0, false);
}

static void show_body(struct connection *c, struct work_params *params) {
        const struct body *body = intake_body(&c->intake);

        params->body = body ? body->bytes : NULL;
        params->body_length = body ? body->length : 0;
}

/* Never before the time is over, by any clock that the client may have. Returns whether the request waits, with *ret being the library's verdict. */
static bool must_wait(struct connection *c, uint32_t wait_ms, enum MHD_Result *ret) {
        struct suspensions *suspensions = c->server->suspensions;
        int r;

        *ret = MHD_NO;
        if (c->request.is_given_up)
                return true;
        if (!c->server->limits.waits)
                *ret = response_problem(c, MHD_HTTP_NOT_FOUND, "GET /wait is switched off here; wait = yes in [workloads] of restmarkd.ini switches it on.", 0);
        else if (wait_ms == 0 || c->request.has_waited)
                return false;
        else {
                r = suspensions_add(suspensions, c, (clock_monotonic_ns() + 999999) / 1000000 + wait_ms);
                *ret = r == 0 ? MHD_YES : response_problem(c, MHD_HTTP_SERVICE_UNAVAILABLE, "Nothing more can wait here now.", 1);
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
        response_announce_work(c, params, start_ns);
        r = work_run(work, params->which, params, ret, e);
        scoreboard_end_work(c->server->cell);
        c->request.busy_ns = clock_monotonic_ns() - start_ns;
        return r;
}

/* What some routes need before their work, out of line, as the others do not. */
static __attribute__((noinline)) enum stored_step get_ready(struct connection *c, struct work_params *params, struct work_response *made,
                                                            enum MHD_Result *ret) {
        if (work_is_stored(params->which))
                return stored_step(c, params, made, ret);
        if (params->which == WORKLOAD_VALIDATE)
                show_body(c, params);
        return params->which == WORKLOAD_WAIT && must_wait(c, params->wait_ms, ret) ? STORED_TOLD : STORED_NOTHING;
}

static enum MHD_Result answer_work(struct connection *c) {
        enum MHD_Result verdict;
        const struct served_request request = intake_request(&c->intake);
        struct work_params params;
        struct error error; /* not cleared, which would cost more than all the rest here */
        struct work_response made;
        enum stored_step step = STORED_NOTHING;
        bool is_unmodified; /* the answer has the fields of a good one, its length among them, and no body, as one to HEAD */
        int r = 0;

        work_params_init(&params, c->request.route->workload, c->server->dataset);
        params.path = c->path;
        if (work_is_stored(params.which) && !stored_prepare(c, &params, &verdict))
                return verdict;
        if (response_read_params(c, request.target, &params, &error) != 0)
                return response_problem(c, MHD_HTTP_BAD_REQUEST, error.text, 0);
        if (request.condition == GATE_IF_MATCH)
                return response_problem(c, MHD_HTTP_PRECONDITION_FAILED, "No answer of this server has an entity tag that If-Match could name.", 0);
        if (params.which >= WORKLOAD_VALIDATE)
                step = get_ready(c, &params, &made, &verdict);
        if (step == STORED_TOLD)
                return verdict;
        is_unmodified = request.condition == GATE_IF_NONE_MATCH && c->request.method != ROUTE_METHOD_POST;

        if (step == STORED_NOTHING) {
                r = work(c, &params, &made, &error);
                intake_drop_body(&c->intake);
        }
        return r < 0 ? response_problem(c, response_status_of(r), error.text, 0) : response_good(c, &made, is_unmodified);
}

enum MHD_Result answer_request(struct connection *c) {
        enum route_method method = c->request.method;

        if (method == ROUTE_METHOD_OPTIONS && c->request.is_server_wide)
                return answer_options(c);
        if (!c->request.route)
                return response_problem(c, MHD_HTTP_NOT_FOUND,
                                      "There is nothing here; the routes are /, /parse-msgpack, /encode-json, /transfer-data, "
                                      "/million-loop, /validate, /wait, /record/{id} and 99 beside it such as /users/{id}, and with a database or a cache those under /db and /cache.", 0);
        if (route_takes(c->request.route, method))
                return answer_work(c);
        return method == ROUTE_METHOD_OPTIONS ? answer_options(c) : answer_not_allowed(c);
}
