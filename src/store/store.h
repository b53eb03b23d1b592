/* What a worker asks another server for, a database or a cache, without ever waiting for it. A driver implements struct store_driver for one
 * kind of server; nobody else sees its library. A question is a ticket: it is asked, and answered later, once, from store_ready() or store_run();
 * or forgotten before that. All of it is called in one thread, that of the worker's loop, and nothing in here blocks.
 *
 * Libraries of drivers are loaded when a configuration wants them: a daemon without has none of them in its memory. */
#ifndef RESTMARK_STORE_STORE_H
#define RESTMARK_STORE_STORE_H

#include <restmark/scoreboard.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "codec/record.h"

enum store_query {
        STORE_RECORD,  /* the row of ids[0] */
        STORE_RECORDS, /* the rows of `ids`, in any order, each once */
        STORE_SEARCH,  /* up to `limit` rows of the category `text`, the youngest first, with their owners' names */
        STORE_UPDATE,  /* in one transaction: the row of ids[0] with its count made one more (store_next_count()) */
        STORE_VALUES,  /* the encoded records 0 … count−1 of the cache */
};

enum store_outcome {
        STORE_PENDING, /* not answered yet */
        STORE_GOOD,
        STORE_AWAY,    /* it cannot be reached, or was lost with the question */
        STORE_FULL,    /* as many as may wait do so already */
        STORE_LATE,    /* it has given up by its own clock */
        STORE_WRONG,   /* it has answered something else than what was asked for; its cause is logged */
};

enum {
        STORE_IDS_MAX = 100,
        STORE_ROWS_MAX = 100,
        STORE_TEXT_MAX = 64,     /* bytes */
        STORE_POOL_MAX = 64,     /* connections of a worker to one server */
        STORE_PASSWORD_MAX = 1024, /* bytes, with the NUL */
};

/* Valid during the call that brings it. */
struct store_answer {
        enum store_outcome outcome;
        const struct owned_record *rows; /* of a database; an id that is not there has none; the owner is that of STORE_SEARCH alone */
        size_t n_rows;
        const struct encoded_record *values; /* of a cache */
        size_t n_values;
};

struct store_ticket {
        /* The caller's; what it points to is borrowed until the answer. */
        enum store_query query;
        const int64_t *ids;
        size_t n_ids;
        struct text text; /* valid UTF-8 without a NUL character */
        uint32_t limit;
        size_t count;
        void (*answered)(struct store_ticket *ticket, const struct store_answer *answer);
        /* The store's. */
        struct store_ticket *previous, *next; /* in the queue that it is in */
        void *carrier;                        /* who has been asked; NULL: it is in the queue, or nowhere */
        bool is_open;                         /* asked, and neither answered nor forgotten */
        uint64_t asked_ns, sent_ns;           /* CLOCK_MONOTONIC */
};

/* The new count of an update. */
static inline int64_t store_next_count(int64_t count) {
        return (int64_t)(((uint64_t)count + 1) % 1000000);
}

/* What a configuration says of one server. Texts are borrowed. */
struct store_options {
        const char *url;      /* without a password */
        const char *password; /* "" for none */
        uint64_t pool;        /* connections; a cache has one */
        uint64_t queue_max;   /* questions that may be open at a time */
        uint64_t timeout_ms;  /* for an answer, from the question on */
        uint64_t connect_timeout_ms;
        uint64_t values_max;  /* how many values a cache may be asked for at once */
};

/* Two of them, as a worker inherits them; an URL of NULL is for none. */
struct stores_options {
        struct store_options database, cache;
};

struct store;

/* What the worker's epoll set has as data.ptr for each descriptor of a store. Part of the store: it lives as long as that. */
struct store_watch {
        void (*ready)(struct store_watch *watch, uint32_t events, uint64_t now_ms);
};

struct store_driver {
        const char *name;    /* "PostgreSQL", "Redis" */
        const char *library; /* as it is loaded: "libpq.so.5" */
        /* Loads the library, once; 0 or -ENOENT with a sentence. Before workers are forked, so that they share it. */
        int (*load)(struct error *e);
        /* Whether the URL is one. -EINVAL with a sentence, which does not repeat it: it may hold a secret. */
        int (*check)(const char *url, struct error *e);
        int (*open)(const struct store_options *options, const struct store_driver *driver, int epoll, unsigned int worker,
                    struct restmark_store_cell *cell, struct store **ret, struct error *e);
        void (*run)(struct store *store, uint64_t now_ms);
        void (*forget)(struct store *store, struct store_ticket *ticket);
        void (*close)(struct store *store);
};

/* The drivers that this program is built with; NULL if it has none. */
const struct store_driver *store_database_driver(void);
const struct store_driver *store_cache_driver(void);

/* Begins to connect, and goes on with that for ever. Descriptors are put into `epoll`. `options` is borrowed. */
int store_open(const struct store_driver *driver, const struct store_options *options, int epoll, unsigned int worker,
               struct restmark_store_cell *cell, struct store **ret, struct error *e);

/* Tickets that are open must be forgotten first. NULL-safe; returns NULL. */
struct store *store_close(struct store *store);

/* Returns STORE_PENDING, and the ticket will be answered; or STORE_AWAY or STORE_FULL, and it will not. It is sent by the next store_run(). */
enum store_outcome store_ask(struct store *store, struct store_ticket *ticket);

/* The caller does not want the answer any more: it will not come. Nothing happens to a ticket that is not open. What has been sent is not
 * taken back: the server ends it by its own clock, which is set to `timeout_ms`. */
void store_forget(struct store *store, struct store_ticket *ticket);

/* An event of the worker's epoll set. */
static inline void store_ready(struct store_watch *watch, uint32_t events, uint64_t now_ms) {
        watch->ready(watch, events, now_ms);
}

/* Sends what has been asked, and does what is due. */
void store_run(struct store *store, uint64_t now_ms);

/* When store_run() has work. */
uint64_t store_due_ms(const struct store *store);

/* In how many seconds it may be there again, at least 1: for Retry-After. */
unsigned int store_retry_after_s(const struct store *store, uint64_t now_ms);

/* Logs the cause of a wrong answer, not more often than is good for the log. */
void store_complain(struct store *store, const char *cause, uint64_t now_ms);

/* From `timeout_ms` of its options. */
uint64_t store_timeout_ms(const struct store *store);

#endif
