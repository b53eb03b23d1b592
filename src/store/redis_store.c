#include "store/redis_store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/clock.h"
#include "shared/scoreboard.h"
#include "store/redis_command.h"
#include "store/redis_library.h"
#include "store/redis_reply.h"
#include "store/redis_url.h"
#include "store/store_internal.h"

enum {
        GRACE_MS = 1000, /* behind the timeout of what was sent */
        READS_MAX = 32,  /* in a row: hiredis reads 16 KiB at a time */
        ARGUMENTS_MAX = 3,
};

enum redis_state {
        REDIS_CLOSED,     /* until due_ms */
        REDIS_CONNECTING, /* until due_ms at most, as the next one */
        REDIS_SETTING_UP,
        REDIS_READY,
};

struct redis_request {
        struct redis_request *next; /* sent after it */
        struct redis_store *store;
        struct store_ticket *ticket; /* NULL: nobody waits for the answer */
        uint64_t sent_ms;
};

struct redis_store {
        struct store store; /* first */
        struct store_watch watch;
        redisAsyncContext *context; /* NULL: closed */
        enum redis_state state;
        unsigned int failures;    /* in a row */
        unsigned int n_set_up;    /* answers to AUTH and SELECT that are to come */
        bool wants_read, wants_write;
        uint32_t interest;        /* what the epoll set has */
        uint64_t now_ms;          /* of this turn */
        struct redis_url url;
        struct redis_command *command;
        struct redis_request *first, *last; /* sent, and not answered */
        struct encoded_record *values;
        char why[256];            /* the connection has failed */
};

static struct redis_store *of_store(struct store *store) {
        return (struct redis_store *)(void *)store;
}

static struct redis_store *of_watch(struct store_watch *watch) {
        return (struct redis_store *)(void *)((char *)watch - offsetof(struct redis_store, watch));
}

/* ---- the loop, as hiredis sees it ---- */

static void add_read(void *data) {
        ((struct redis_store *)data)->wants_read = true;
}

static void del_read(void *data) {
        ((struct redis_store *)data)->wants_read = false;
}

static void add_write(void *data) {
        ((struct redis_store *)data)->wants_write = true;
}

static void del_write(void *data) {
        ((struct redis_store *)data)->wants_write = false;
}

/* ---- its end ---- */

static void set_due(struct redis_store *r) {
        if (r->state == REDIS_READY)
                r->store.due_ms = r->first ? r->first->sent_ms + r->store.options->timeout_ms + GRACE_MS : UINT64_MAX;
}

/* All that was sent has been answered by hiredis, with nothing, before this is called. */
static void gone(struct redis_store *r, const char *why) {
        if (r->state == REDIS_READY)
                cell_set(&r->store.cell->connections, 0);
        cell_add(&r->store.cell->lost, 1);
        r->context = NULL;
        r->state = REDIS_CLOSED;
        r->failures++;
        r->store.due_ms = r->now_ms + store_backoff_ms(r->failures, &r->store.random);
        store_is_away(&r->store, r->store.due_ms, why);
}

static void lose(struct redis_store *r, const char *why) {
        redisAsyncContext *context = r->context;
        char copy[256];

        (void)snprintf(copy, sizeof copy, "%s", why);
        r->context = NULL; /* so that on_disconnect() knows who has ended it */
        if (context)
                redis.redisAsyncFree(context);
        gone(r, copy);
}

static void on_disconnect(const redisAsyncContext *context, int status) {
        struct redis_store *r = context->data;

        if (r->context == context)
                gone(r, status == REDIS_OK ? "the connection was closed" : context->errstr);
}

static bool watch(struct redis_store *r) {
        uint32_t events = (r->wants_read ? EPOLLIN : 0u) | (r->wants_write ? EPOLLOUT : 0u);

        if (events == r->interest || store_watch_fd(&r->store, &r->watch, r->context->c.fd, events) == 0) {
                r->interest = events;
                return true;
        }
        lose(r, "its socket cannot be watched");
        return false;
}

/* ---- its begin ---- */

static void become_ready(struct redis_store *r) {
        r->state = REDIS_READY;
        r->failures = 0;
        r->store.due_ms = UINT64_MAX;
        cell_set(&r->store.cell->connections, 1);
        cell_add(&r->store.cell->connects, 1);
        store_is_back(&r->store);
}

/* The connection is ended after the callback, in which hiredis is still at it. */
static void on_set_up(redisAsyncContext *context, void *data, void *private) {
        struct redis_store *r = context->data;
        const redisReply *reply = data;

        (void)private;
        if (!reply || r->state != REDIS_SETTING_UP)
                return;
        if (reply->type == REDIS_REPLY_ERROR)
                (void)store_first_line(reply->str, r->why, sizeof r->why);
        else if (--r->n_set_up == 0)
                become_ready(r);
}

static bool say(struct redis_store *r, int n, const char *const words[static ARGUMENTS_MAX]) {
        const char *copy[ARGUMENTS_MAX];

        memcpy(copy, words, sizeof copy);
        r->n_set_up++;
        return redis.redisAsyncCommandArgv(r->context, on_set_up, NULL, n, copy, NULL) == REDIS_OK;
}

static void set_up(struct redis_store *r) {
        const char *password = r->store.options->password, *user = r->url.user;
        char database[16];
        bool ok = true;

        r->state = REDIS_SETTING_UP;
        r->n_set_up = 0;
        (void)snprintf(database, sizeof database, "%u", r->url.database);
        if (*password && *user)
                ok = say(r, 3, (const char *const[ARGUMENTS_MAX]){ "AUTH", user, password });
        else if (*password)
                ok = say(r, 2, (const char *const[ARGUMENTS_MAX]){ "AUTH", password, NULL });
        if (ok && r->url.database != 0)
                ok = say(r, 2, (const char *const[ARGUMENTS_MAX]){ "SELECT", database, NULL });
        if (!ok)
                (void)snprintf(r->why, sizeof r->why, "there is no memory for a command");
        else if (r->n_set_up == 0)
                become_ready(r);
}

/* After a failure hiredis frees the context itself. */
static void on_connect(const redisAsyncContext *context, int status) {
        struct redis_store *r = context->data;

        if (r->context != context)
                return;
        if (status == REDIS_OK)
                set_up(r);
        else
                gone(r, context->errstr);
}

static void begin(struct redis_store *r) {
        redisAsyncContext *context = r->url.is_unix ? redis.redisAsyncConnectUnix(r->url.host)
                                                    : redis.redisAsyncConnect(r->url.host, r->url.port);

        r->why[0] = '\0';
        r->wants_read = r->wants_write = false;
        r->interest = 0;
        if (!context || context->err) {
                (void)snprintf(r->why, sizeof r->why, "%s", context ? context->errstr : "there is no memory for a connection");
                if (context)
                        redis.redisAsyncFree(context);
                gone(r, r->why);
                return;
        }
        context->data = r;
        context->ev.data = r;
        context->ev.addRead = add_read;
        context->ev.delRead = del_read;
        context->ev.addWrite = add_write;
        context->ev.delWrite = del_write;
        r->context = context;
        r->state = REDIS_CONNECTING;
        r->store.due_ms = r->now_ms + r->store.options->connect_timeout_ms;
        (void)redis.redisAsyncSetDisconnectCallback(context, on_disconnect);
        (void)redis.redisAsyncSetConnectCallback(context, on_connect); /* asks for a write event, which says that it is connected */
        (void)watch(r);
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
        set_due(r);
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
        set_due(r);
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
                lose(r, r->why);
        if (r->context && r->state == REDIS_READY && r->store.waiting.n > 0)
                send_waiting(r);
        if (r->context)
                (void)watch(r);
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
                begin(r);
        else if (now_ms >= store->due_ms)
                lose(r, r->state == REDIS_READY ? "it has not answered within its timeout" : "it has not answered within connect-timeout");
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
