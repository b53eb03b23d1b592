/* The life of the one connection to a cache; redis_store.c asks on it. Inside the store room only. */
#ifndef RESTMARK_STORE_REDIS_CONNECTION_H
#define RESTMARK_STORE_REDIS_CONNECTION_H

#include "store/lookup.h"
#include "store/redis_command.h"
#include "store/redis_library.h"
#include "store/redis_url.h"
#include "store/store_internal.h"

enum redis_state {
        REDIS_CLOSED,     /* until due_ms */
        REDIS_LOOKING_UP, /* waits for the addresses of its name, until due_ms at most, as the next two */
        REDIS_CONNECTING,
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
        struct lookup *lookup;    /* of its name; NULL: none */
        struct store_watch lookup_watch;
        struct redis_command *command;
        struct redis_request *first, *last; /* sent, and not answered */
        struct encoded_record *values;
        char why[256];            /* the connection has failed */
};

/* Begins to connect: looks up its name first, if it has one. */
void redis_connection_begin(struct redis_store *r);

/* The event of the lookup. */
void redis_connection_looked_up(struct store_watch *watch, uint32_t events, uint64_t now_ms);

/* Tells the epoll set what hiredis waits for. Returns false if that cannot be had: it is lost then. */
bool redis_connection_watch(struct redis_store *r);

/* When the oldest of what was sent has taken too long. */
void redis_connection_set_due(struct redis_store *r);

/* It is given up: whoever waits is answered, and it is tried again. */
void redis_connection_lose(struct redis_store *r, const char *why);

#endif
