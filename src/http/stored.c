#include "http/stored.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "http/question.h"
#include "http/response.h"
#include "http/server_internal.h"
#include "shared/scoreboard.h"
#include "work/stored.h"

_Static_assert((int)WORK_IDS_MAX == (int)STORE_IDS_MAX && (int)WORK_SEARCH_ROWS_MAX == (int)STORE_ROWS_MAX &&
                       (int)WORK_SEARCH_TEXT_MAX == (int)STORE_TEXT_MAX,
               "a store takes whatever a request may ask for");

/* ---- the answer comes ---- */

static int work_on(struct stored *s, const struct store_answer *answer) {
        if (work_is_cached(s->params.which))
                return work_values(s->connection->server->work, &s->params, answer->values, answer->n_values, &s->made, &s->error);
        return work_rows(&s->params, answer->rows, answer->n_rows, &s->made, &s->error);
}

/* It is work of the worker's own, and is announced and counted as such. */
static void work(struct stored *s, const struct store_answer *answer) {
        struct connection *c = s->connection;
        uint64_t start_ns = clock_monotonic_ns();

        response_announce_work(c, &s->params, start_ns);
        s->result = work_on(s, answer);
        scoreboard_end_work(c->server->cell);
        c->request.busy_ns += clock_monotonic_ns() - start_ns;
        if (s->result < 0 && s->result != -ENOENT)
                store_complain(s->store, s->error.text, start_ns / 1000000);
}

static void on_answer(struct store_ticket *ticket, const struct store_answer *answer) {
        struct stored *s = (struct stored *)(void *)((char *)ticket - offsetof(struct stored, ticket));

        s->outcome = answer->outcome;
        if (answer->outcome == STORE_GOOD)
                work(s, answer);
        suspensions_resume(s->connection->server->suspensions, s->connection);
}

/* ---- and is told ---- */

static const char *name_of(const struct stored *s) {
        return work_is_cached(s->params.which) ? "cache" : "database";
}

static enum MHD_Result tell_refusal(struct connection *c, const struct stored *s, enum store_outcome outcome) {
        static const struct {
                unsigned int status;
                const char *what;
        } refusals[] = {
                [STORE_AWAY] = { MHD_HTTP_SERVICE_UNAVAILABLE, "cannot be reached now, or was lost while it was asked: try again" },
                [STORE_FULL] = { MHD_HTTP_SERVICE_UNAVAILABLE, "has as many requests waiting for it as may wait: try again" },
                [STORE_LATE] = { MHD_HTTP_GATEWAY_TIMEOUT, "did not answer in time" },
                [STORE_WRONG] = { MHD_HTTP_INTERNAL_SERVER_ERROR, "has answered with what cannot be used; the server's log says why" },
        };
        bool may_retry = outcome == STORE_AWAY || outcome == STORE_FULL;
        char detail[160];

        (void)snprintf(detail, sizeof detail, "The %s %s.", name_of(s), refusals[outcome].what);
        return response_problem(c, refusals[outcome].status, detail, may_retry ? store_retry_after_s(s->store, c->server->now_ms) : 0);
}

static enum stored_step refuse(struct connection *c, const struct stored *s, enum store_outcome outcome, enum MHD_Result *ret) {
        *ret = tell_refusal(c, s, outcome);
        return STORED_TOLD;
}

/* A body is the caller's from here on. */
static enum stored_step tell_result(struct connection *c, struct stored *s, struct work_response *made, enum MHD_Result *ret) {
        s->outcome = STORE_PENDING;
        if (s->result == -ENOENT) {
                *ret = response_problem(c, MHD_HTTP_NOT_FOUND, s->error.text, 0);
                return STORED_TOLD;
        }
        if (s->result < 0)
                return refuse(c, s, STORE_WRONG, ret);
        *made = s->made;
        if (made->body_kind == WORK_BODY_INLINE)
                made->body = made->text;
        return STORED_MADE;
}

static enum stored_step tell(struct connection *c, struct stored *s, struct work_response *made, enum MHD_Result *ret) {
        if (c->request.is_given_up) {
                stored_drop(s);
                *ret = MHD_NO;
                return STORED_TOLD;
        }
        if (s->ticket.is_open) { /* its time is over */
                store_forget(s->store, &s->ticket);
                return refuse(c, s, STORE_LATE, ret);
        }
        return s->outcome == STORE_GOOD ? tell_result(c, s, made, ret) : refuse(c, s, s->outcome, ret);
}

/* ---- the question ---- */

static enum store_query query_of(enum workload which) {
        switch (which) {
        case WORKLOAD_DB_RECORD:
                return STORE_RECORD;
        case WORKLOAD_DB_RECORDS:
                return STORE_RECORDS;
        case WORKLOAD_DB_SEARCH:
                return STORE_SEARCH;
        case WORKLOAD_DB_UPDATE:
                return STORE_UPDATE;
        default:
                return STORE_VALUES;
        }
}

static enum stored_step ask(struct connection *c, struct stored *s, struct work_response *made, enum MHD_Result *ret) {
        enum store_outcome outcome;

        s->ticket = (struct store_ticket){ .query = query_of(s->params.which),
                                           .ids = s->asked.ids,
                                           .n_ids = s->asked.n_ids,
                                           .text = { .bytes = s->asked.text, .length = (uint32_t)s->asked.text_length },
                                           .limit = s->asked.limit,
                                           .count = s->params.count,
                                           .answered = on_answer };
        if (s->ticket.query == STORE_VALUES && s->params.count == 0) { /* a store is not asked for nothing */
                work(s, &(struct store_answer){ .outcome = STORE_GOOD });
                return tell_result(c, s, made, ret);
        }
        outcome = store_ask(s->store, &s->ticket);
        if (outcome != STORE_PENDING)
                return refuse(c, s, outcome, ret);
        *ret = MHD_YES;
        if (suspensions_add(c->server->suspensions, c, c->server->now_ms + store_timeout_ms(s->store)) == 0)
                return STORED_TOLD;
        store_forget(s->store, &s->ticket);
        return refuse(c, s, STORE_FULL, ret);
}

static enum MHD_Result answer_absent(struct connection *c, bool is_cached) {
        return response_problem(c, MHD_HTTP_NOT_FOUND,
                                is_cached ? "There is no cache here; url in [cache] of restmarkd.ini names one."
                                          : "There is no database here; url in [database] of restmarkd.ini names one.",
                                0);
}

/* What a request has waited for is not looked at again: its parameters are read twice, as those of GET /wait are. */
bool stored_prepare(struct connection *c, struct work_params *params, enum MHD_Result *ret) {
        struct store *store = work_is_cached(params->which) ? c->server->cache : c->server->database;

        if (!store) {
                *ret = answer_absent(c, work_is_cached(params->which));
                return false;
        }
        if (!c->stored)
                c->stored = calloc(1, sizeof *c->stored);
        if (!c->stored) {
                *ret = response_problem(c, MHD_HTTP_SERVICE_UNAVAILABLE, "There is no memory for the question.", 1);
                return false;
        }
        c->stored->connection = c;
        c->stored->store = store;
        c->stored->asked.limit = WORK_SEARCH_ROWS_DEFAULT;
        params->asked = &c->stored->asked;
        return true;
}

enum stored_step stored_step(struct connection *c, const struct work_params *params, struct work_response *made, enum MHD_Result *ret) {
        struct stored *s = c->stored;

        if (c->request.has_waited)
                return tell(c, s, made, ret);
        s->params = *params;
        s->outcome = STORE_PENDING;
        if (work_params_finish(params, &s->error) == 0)
                return ask(c, s, made, ret);
        *ret = response_problem(c, MHD_HTTP_BAD_REQUEST, s->error.text, 0);
        return STORED_TOLD;
}
