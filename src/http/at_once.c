#include "http/at_once.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "http/response.h"
#include "http/server_internal.h"

enum {
        /* After so much it is seen again whether the client takes its answers: a send queue that has no more in it takes one in whole or not at all, but for want of
         * the kernel's memory. One who does not read is the library's, which can wait for him. */
        UNSEEN_MAX = 4096,
};

static const char path[] = "/", method[] = "GET";

void at_once_init(struct server *server) {
        struct at_once *a = &server->at_once;
        struct router_argument arguments[ROUTER_ARGUMENTS_MAX];
        const struct route *route = router_find(server->router, path, sizeof path - 1, arguments);
        struct work_params params;
        struct error e;

        if (!route)
                return;
        work_params_init(&params, route->workload, server->dataset);
        if (work_is_ready(server->work, &params) && work_run(server->work, params.which, &params, &a->from, &e) == 0 &&
            a->from.body_kind == WORK_BODY_STATIC && a->from.body_length <= AT_ONCE_MAX - ANSWER_HEAD_MAX)
                a->route = route;
}

/* As the library writes it. */
static void write_text(struct at_once *a, time_t now_s) {
        char date[RESPONSE_DATE_SIZE];

        response_format_date(date, now_s);
        a->length = (size_t)snprintf(a->text, sizeof a->text, "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nDate: %s\r\nContent-Length: %zu\r\n\r\n",
                                     a->from.content_type, date, a->from.body_length);
        assert(a->length < ANSWER_HEAD_MAX);
        memcpy(a->text + a->length, a->from.body, a->from.body_length);
        a->length += a->from.body_length;
        a->date_s = now_s;
}

static bool is_asked_for(const struct intake_request *request) {
        return request->target_length == sizeof path - 1 && memcmp(request->target, path, sizeof path - 1) == 0 &&
               request->method_length == sizeof method - 1 && memcmp(request->method, method, sizeof method - 1) == 0;
}

static bool see_if_client_reads(struct connection *c) {
        if (c->unseen_bytes < UNSEEN_MAX)
                return true;
        if (connection_has_output(c))
                return false;
        c->unseen_bytes = 0;
        return true;
}

/* The master's own connections are the library's: what it asks there is to show that all of a worker works. */
bool at_once_answer(void *context, const struct intake_request *request) {
        struct connection *c = context;
        struct at_once *a = &c->server->at_once;
        uint64_t started_ns;
        time_t now_s;
        ssize_t n;

        if (!a->route || !is_asked_for(request) || c->server->draining || c->is_private || c->linger || c->close != RESTMARK_CLOSE_COUNT || !see_if_client_reads(c))
                return false;
        started_ns = clock_monotonic_ns();
        now_s = time(NULL);
        if (now_s != a->date_s || a->length == 0)
                write_text(a, now_s);
        n = sendto(c->fd, a->text, a->length, MSG_NOSIGNAL | MSG_DONTWAIT, NULL, 0);
        if (n < 0)
                return false; /* the library will find the same, and knows what to do */
        c->unseen_bytes += (size_t)n;
        c->request = (struct request){ .route = a->route, .status = MHD_HTTP_OK, .body_sent = a->from.body_length, .started_ns = started_ns };
        connection_note_request(c, request);
        connection_finish_request(c, (size_t)n == a->length);
        if ((size_t)n < a->length) { /* the next answer shall not be taken for the rest of this, nor those before be lost */
                c->linger = true;
                intake_end(&c->intake);
                connection_set_deadline(c, c->server->now_ms + LINGER_MS);
        }
        return true;
}
