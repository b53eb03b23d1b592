#include "http/at_once.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "http/response.h"
#include "http/server_internal.h"
#include "mhd/begun.h"

enum {
        /* After so much it is seen again whether the client takes its answers: a send queue that has no more in it takes a small one in whole or not at all, but for want
         * of the kernel's memory. One who does not read is the library's, which can wait for him. */
        UNSEEN_MAX = 4096,
        /* So many large answers are the library's once one did not fit into the socket, as the next will not: to begin it here would be a system call more. */
        LARGE_PAUSE = 16,
};

static const char method[] = "GET";

static void add(struct server *server, const char *path) {
        struct at_once_answer *a = &server->at_once.answers[server->at_once.n];
        struct router_argument arguments[ROUTER_ARGUMENTS_MAX];
        struct work_params params;
        struct error e;

        *a = (struct at_once_answer){ .path = path, .path_length = strlen(path), .route = router_find(server->router, path, strlen(path), arguments) };
        if (!a->route)
                return;
        work_params_init(&params, a->route->workload, server->dataset);
        if (!work_is_ready(server->work, &params) || work_run(server->work, params.which, &params, &a->from, &e) != 0 || a->from.body_kind != WORK_BODY_STATIC)
                return;
        a->is_large = a->from.body_length > AT_ONCE_MAX - ANSWER_HEAD_MAX;
        if (!a->is_large || server->limits.zero_copy)
                server->at_once.n++;
}

void at_once_init(struct server *server) {
        add(server, "/");
        add(server, "/transfer-data");
}

/* As the library writes it. */
static void write_text(struct at_once_answer *a, time_t now_s) {
        char date[RESPONSE_DATE_SIZE];

        response_format_date(date, now_s);
        a->head_length = (size_t)snprintf(a->text, sizeof a->text, "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nDate: %s\r\nContent-Length: %zu\r\n\r\n",
                                          a->from.content_type, date, a->from.body_length);
        assert(a->head_length < ANSWER_HEAD_MAX && a->head_length <= BEGUN_HEAD_MAX);
        a->length = a->head_length;
        a->date_s = now_s;
        if (a->is_large)
                return;
        memcpy(a->text + a->length, a->from.body, a->from.body_length);
        a->length += a->from.body_length;
}

static struct at_once_answer *find(struct at_once *all, const struct intake_request *request) {
        if (request->method_length != sizeof method - 1 || memcmp(request->method, method, sizeof method - 1) != 0)
                return NULL;
        for (size_t i = 0; i < all->n; i++)
                if (request->target_length == all->answers[i].path_length && memcmp(request->target, all->answers[i].path, request->target_length) == 0)
                        return &all->answers[i];
        return NULL;
}

static bool see_if_client_reads(struct connection *c) {
        if (c->unseen_bytes < UNSEEN_MAX)
                return true;
        if (connection_has_output(c))
                return false;
        c->unseen_bytes = 0;
        return true;
}

static bool may_fit(struct connection *c, const struct at_once_answer *a) {
        if (!a->is_large)
                return see_if_client_reads(c);
        if (c->large_pause == 0)
                return begun_has_room();
        c->large_pause--;
        return false;
}

/* The body by the way that the library's take. */
static ssize_t send_large(const struct connection *c, const struct at_once_answer *a) {
        struct iovec parts[] = { { .iov_base = (void *)(uintptr_t)a->text, .iov_len = a->length },
                                 { .iov_base = (void *)(uintptr_t)a->from.body, .iov_len = a->from.body_length } };

        return sendmsg(c->fd, &(struct msghdr){ .msg_iov = parts, .msg_iovlen = 2 }, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Whether the library goes on where the socket was full. Out of line, for the memory that it takes of the stack. */
static __attribute__((noinline)) bool leave_rest(struct connection *c, const struct at_once_answer *a, size_t sent, uint64_t started_ns) {
        struct begun begun = { .fd = c->fd, .body = a->from.body, .body_length = a->from.body_length };

        if (!a->is_large)
                return false;
        if (sent < a->head_length)
                begun.head_left = a->head_length - sent;
        else
                begun.body_sent = sent - a->head_length;
        memcpy(begun.head, a->text + a->head_length - begun.head_left, begun.head_left);
        begun_add(&begun);
        c->large_pause = LARGE_PAUSE;
        c->begun_ns = started_ns;
        return true;
}

/* The master's own connections are the library's: what it asks there is to show that all of a worker works. */
bool at_once_answer(void *context, const struct intake_request *request) {
        struct connection *c = context;
        struct at_once_answer *a = find(&c->server->at_once, request);
        uint64_t started_ns;
        time_t now_s;
        ssize_t n;
        bool is_whole;

        if (!a || c->server->draining || c->is_private || c->linger || c->close != RESTMARK_CLOSE_COUNT || !may_fit(c, a))
                return false;
        started_ns = clock_monotonic_ns();
        now_s = time(NULL);
        if (now_s != a->date_s || a->length == 0)
                write_text(a, now_s);
        n = a->is_large ? send_large(c, a) : sendto(c->fd, a->text, a->length, MSG_NOSIGNAL | MSG_DONTWAIT, NULL, 0);
        if (n < 0)
                return false; /* the library will find the same, and knows what to do */
        c->unseen_bytes += (size_t)n;
        is_whole = (size_t)n == a->head_length + a->from.body_length;
        if (!is_whole && leave_rest(c, a, (size_t)n, started_ns))
                return false;
        c->request = (struct request){ .route = a->route, .status = MHD_HTTP_OK, .body_sent = a->from.body_length, .started_ns = started_ns };
        connection_note_request(c, request);
        connection_finish_request(c, is_whole);
        if (!is_whole) { /* the next answer shall not be taken for the rest of this, nor those before be lost */
                c->linger = true;
                intake_end(&c->intake);
                connection_set_deadline(c, c->server->now_ms + LINGER_MS);
        }
        return true;
}
