#include "store/redis_connection.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

#include "shared/scoreboard.h"

enum {
        GRACE_MS = 1000, /* behind the timeout of what was sent */
        ARGUMENTS_MAX = 3,
};

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

void redis_connection_set_due(struct redis_store *r) {
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

void redis_connection_lose(struct redis_store *r, const char *why) {
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

bool redis_connection_watch(struct redis_store *r) {
        uint32_t events = (r->wants_read ? EPOLLIN : 0u) | (r->wants_write ? EPOLLOUT : 0u);

        if (events == r->interest || store_watch_fd(&r->store, &r->watch, r->context->c.fd, events) == 0) {
                r->interest = events;
                return true;
        }
        redis_connection_lose(r, "its socket cannot be watched");
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

/* To an address, or the path of its socket. */
static void connect_to(struct redis_store *r, const char *host) {
        redisAsyncContext *context = r->url.is_unix ? redis.redisAsyncConnectUnix(host) : redis.redisAsyncConnect(host, r->url.port);

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
        (void)redis.redisAsyncSetDisconnectCallback(context, on_disconnect);
        (void)redis.redisAsyncSetConnectCallback(context, on_connect); /* asks for a write event, which says that it is connected */
        (void)redis_connection_watch(r);
}

/* A lookup that took too long goes on meanwhile, and is waited for again. */
static void look_up(struct redis_store *r) {
        struct lookup_names names = { .n = 1 };
        char text[128];
        int error = 0;

        r->state = REDIS_LOOKING_UP;
        (void)snprintf(names.names[0], sizeof names.names[0], "%s", r->url.host);
        if (!r->lookup)
                r->lookup = lookup_begin(&r->store, &r->lookup_watch, &names, &error);
        if (r->lookup)
                return;
        (void)snprintf(text, sizeof text, "its name cannot be looked up: %s", strerror(-error));
        gone(r, text);
}

void redis_connection_begin(struct redis_store *r) {
        r->store.due_ms = r->now_ms + r->store.options->connect_timeout_ms;
        if (!r->url.is_unix && lookup_is_needed(r->url.host))
                look_up(r);
        else
                connect_to(r, r->url.host);
}

/* Of several addresses each attempt takes the next one. */
void redis_connection_looked_up(struct store_watch *watch, uint32_t events, uint64_t now_ms) {
        struct redis_store *r = (struct redis_store *)(void *)((char *)watch - offsetof(struct redis_store, lookup_watch));
        const struct lookup_answer *answer = r->lookup ? lookup_answer(r->lookup) : NULL;

        (void)events;
        r->now_ms = now_ms;
        if (!answer)
                return;
        if (r->state == REDIS_LOOKING_UP && answer->n > 0)
                connect_to(r, answer->addresses[r->failures % answer->n].text);
        else if (r->state == REDIS_LOOKING_UP)
                gone(r, answer->why);
        r->lookup = lookup_end(&r->store, r->lookup);
}
