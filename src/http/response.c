#include "http/response.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

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

enum MHD_Result response_queue(struct connection *c, unsigned int status, struct MHD_Response *response, uint64_t body_bytes,
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

struct MHD_Response *response_with_header(struct MHD_Response *response, const char *name, const char *value) {
        if (response && MHD_add_response_header(response, name, value) == MHD_NO) {
                MHD_destroy_response(response);
                return NULL;
        }
        return response;
}

struct MHD_Response *response_new_problem(unsigned int status, const char *detail, uint64_t *ret_bytes) {
        char memory[PROBLEM_MAX];
        struct buf body = buf_over(memory, sizeof memory);

        problem_write(&body, status, detail);
        *ret_bytes = body.length;
        return response_with_header(MHD_create_response_from_buffer(body.length, body.data, MHD_RESPMEM_MUST_COPY),
                           MHD_HTTP_HEADER_CONTENT_TYPE, PROBLEM_CONTENT_TYPE);
}

struct MHD_Response *response_with_close(const struct connection *c, struct MHD_Response *response) {
        return is_last(c) ? response_with_header(response, MHD_HTTP_HEADER_CONNECTION, "close") : response;
}

enum MHD_Result response_problem(struct connection *c, unsigned int status, const char *detail, unsigned int retry_after_s) {
        uint64_t bytes;
        struct MHD_Response *response = response_new_problem(status, detail, &bytes);
        char seconds[16];

        (void)snprintf(seconds, sizeof seconds, "%u", retry_after_s);
        if (retry_after_s > 0)
                response = response_with_header(response, MHD_HTTP_HEADER_RETRY_AFTER, seconds);
        return response_queue(c, status, response_with_close(c, response), bytes, false);
}

int response_read_params(const struct connection *c, const char *target, struct work_params *params, struct error *e) {
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
        return response_with_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, from->content_type);
}

void response_format_date(char ret[static RESPONSE_DATE_SIZE], time_t now_s) {
        struct tm tm;

        (void)strftime(ret, RESPONSE_DATE_SIZE, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now_s, &tm));
}

/* The library would write its own for each answer. */
static struct MHD_Response *with_date(struct MHD_Response *response, time_t now_s) {
        char date[RESPONSE_DATE_SIZE];

        response_format_date(date, now_s);
        return response_with_header(response, MHD_HTTP_HEADER_DATE, date);
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

enum MHD_Result response_good(struct connection *c, const struct work_response *from, bool is_unmodified) {
        unsigned int status = is_unmodified ? MHD_HTTP_NOT_MODIFIED : MHD_HTTP_OK;
        uint64_t body_bytes = is_unmodified ? 0 : from->body_length;

        if (from->body_kind != WORK_BODY_STATIC || is_last(c))
                return response_queue(c, status, response_with_close(c, from_work(from)), body_bytes, false);
        return response_queue(c, status, ready_response(&c->server->ready[c->request.route->workload], from), body_bytes, true);
}

void response_announce_work(const struct connection *c, const struct work_params *params, uint64_t now_ns) {
        struct restmark_worker_cell *cell = c->server->cell;

        cell_set(&cell->working_count, params->count);
        cell_set(&cell->working_n, params->n);
        cell_set(&cell->working_seed, params->seed);
        scoreboard_begin_work(cell, c->request.route->cell, now_ns / 1000000);
}

/* Of an answer to what work_run() has refused. */
unsigned int response_status_of(int result) {
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
