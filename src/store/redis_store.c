#include "store/redis_store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "store/redis_connection.h"
#include "store/redis_reply.h"

enum { READS_MAX = 32 }; /* in a row: hiredis reads 16 KiB at a time */

static struct redis_store *of_store(struct store *store) {
        return (struct redis_store *)(void *)store;
}

static struct redis_store *of_watch(struct store_watch *watch) {
        return (struct redis_store *)(void *)((char *)watch - offsetof(struct redis_store, watch));
}

/* ---- questions ---- */

/* Answers come in the order of the questions; without a reply, the connection is gone. */
static void on_values(redisAsyncContext *context, void *data, void *private) {
        struct redis_request *request = private;
        struct redis_store *r = request->store;
        struct store_ticket *ticket = request->ticket;
        struct store_answer answer = { .outcome = STORE_AWAY, .values = r->values };
        char cause[256];

        (void)context;
        r->first = request->next;
        if (!r->first)
                r->last = NULL;
        free(request);
        redis_connection_set_due(r);
        if (!ticket)
                return;
        if (data && redis_reply_read(data, ticket->count, r->values, &answer.outcome, cause, sizeof cause))
                answer.n_values = ticket->count;
        if (answer.outcome == STORE_WRONG)
                store_complain(&r->store, cause, r->now_ms);
        store_answer(&r->store, ticket, &answer);
}

static void ask(struct redis_store *r, struct redis_request *request, struct store_ticket *ticket) {
        size_t length;
        const char *bytes = redis_command_mget(r->command, ticket->count, &length);

        *request = (struct redis_request){ .store = r, .ticket = ticket, .sent_ms = r->now_ms };
        if (redis.redisAsyncFormattedCommand(r->context, on_values, request, bytes, length) != REDIS_OK) {
                free(request);
                store_answer_outcome(&r->store, ticket, STORE_AWAY);
                return;
        }
        if (r->last)
                r->last->next = request;
        else
                r->first = request;
        r->last = request;
        redis_connection_set_due(r);
}

/* hiredis would wait for an event to write; mostly the socket takes it all at once. */
static void send_waiting(struct redis_store *r) {
        while (r->store.waiting.n > 0) {
                struct redis_request *request = malloc(sizeof *request);
                struct store_ticket *ticket = store_take(&r->store, request);

                if (request)
                        ask(r, request, ticket);
                else
                        store_answer_outcome(&r->store, ticket, STORE_AWAY);
        }
        redis.redisAsyncHandleWrite(r->context);
}

/* What callbacks had to leave. */
static void settle(struct redis_store *r) {
        if (r->context && r->why[0])
                redis_connection_lose(r, r->why);
        if (r->context && r->state == REDIS_READY && r->store.waiting.n > 0)
                send_waiting(r);
        if (r->context)
                (void)redis_connection_watch(r);
}

/* A reply of many values comes in pieces; each is read as long as there is one. */
static void read_replies(struct redis_store *r) {
        for (int i = 0; i < READS_MAX; i++) {
                const redisAsyncContext *context = r->context;
                size_t before = context->c.reader->len;

                redis.redisAsyncHandleRead(r->context);
                if (r->context != context || !r->first || context->c.reader->len == before)
                        return;
        }
}

static void ready(struct store_watch *w, uint32_t events, uint64_t now_ms) {
        struct redis_store *r = of_watch(w);

        r->now_ms = now_ms;
        if (r->context && (events & (EPOLLIN | EPOLLERR | EPOLLHUP)))
                read_replies(r);
        if (r->context && (events & EPOLLOUT))
                redis.redisAsyncHandleWrite(r->context);
        settle(r);
}

static void run(struct store *store, uint64_t now_ms) {
        struct redis_store *r = of_store(store);

        r->now_ms = now_ms;
        if (now_ms >= store->due_ms && r->state == REDIS_CLOSED)
                redis_connection_begin(r);
        else if (now_ms >= store->due_ms)
                redis_connection_lose(r, r->state == REDIS_READY        ? "it has not answered within its timeout"
                                         : r->state == REDIS_LOOKING_UP ? "its name was not looked up within connect-timeout"
                                                                        : "it has not answered within connect-timeout");
        settle(r);
}

static void forget(struct store *store, struct store_ticket *ticket) {
        struct redis_request *request = ticket->carrier;

        (void)store;
        request->ticket = NULL;
}

static void close_store(struct store *store) {
        struct redis_store *r = of_store(store);
        redisAsyncContext *context = r->context;

        r->context = NULL;
        if (context)
                redis.redisAsyncFree(context);
        r->lookup = lookup_end(&r->store, r->lookup);
        (void)redis_command_free(r->command);
        free(r->values);
        free(r);
}

static int open_store(const struct store_options *options, const struct store_driver *driver, int epoll, unsigned int worker,
                      struct restmark_store_cell *cell, struct store **ret, struct error *e) {
        struct redis_store *r = calloc(1, sizeof *r);
        int code;

        if (!r)
                return error_set_errno(e, ENOMEM, "cannot make the cache's connection");
        code = redis_url_parse(options->url, &r->url, e);
        if (code == 0) {
                r->command = redis_command_new(options->values_max);
                r->values = malloc((options->values_max + 1) * sizeof *r->values);
        }
        if (code == 0 && (!r->command || !r->values))
                code = error_set_errno(e, ENOMEM, "cannot make the cache's keys");
        if (code < 0) {
                (void)redis_command_free(r->command);
                free(r->values);
                free(r);
                return code;
        }
        store_init(&r->store, driver, options, epoll, worker, cell);
        r->watch.ready = ready;
        r->lookup_watch.ready = redis_connection_looked_up;
        *ret = &r->store;
        return 0;
}

static int check(const char *url, struct error *e) {
        struct redis_url parsed;

        return redis_url_parse(url, &parsed, e);
}

const struct store_driver redis_driver = {
        .name = "Redis",
        .library = REDIS_LIBRARY,
        .load = redis_library_load,
        .check = check,
        .open = open_store,
        .run = run,
        .forget = forget,
        .close = close_store,
};
