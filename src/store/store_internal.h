/* What the drivers share: every store begins with this. Inside the store room only. */
#ifndef RESTMARK_STORE_STORE_INTERNAL_H
#define RESTMARK_STORE_STORE_INTERNAL_H

#include "store/store.h"

struct tickets {
        struct store_ticket *first, *last;
        size_t n;
};

struct store {
        const struct store_driver *driver;
        const struct store_options *options;
        struct restmark_store_cell *cell;
        int epoll;
        unsigned int worker;      /* slot, for messages */
        struct tickets waiting;   /* asked, not sent */
        size_t n_open;            /* these, and those that were sent */
        uint64_t due_ms;          /* UINT64_MAX: nothing is */
        uint64_t back_at_ms;      /* while it is away: when it is tried again */
        bool is_away;
        uint64_t messages_end_ms; /* until then, so many wrong answers … */
        uint64_t n_messages;      /* … were there */
        uint64_t random;          /* the state of the back-off's jitter; never 0 */
};

void tickets_append(struct tickets *tickets, struct store_ticket *ticket);
void tickets_remove(struct tickets *tickets, struct store_ticket *ticket);

void store_init(struct store *store, const struct store_driver *driver, const struct store_options *options, int epoll, unsigned int worker,
                struct restmark_store_cell *cell);

/* Takes the first that waits, for `carrier`, and counts how long it has; NULL if none does. */
struct store_ticket *store_take(struct store *store, void *carrier);

/* Answers a ticket that is in no queue, and counts it. */
void store_answer(struct store *store, struct store_ticket *ticket, const struct store_answer *answer);

/* The same, without rows. */
void store_answer_outcome(struct store *store, struct store_ticket *ticket, enum store_outcome outcome);

/* Nobody can be asked, `why` being the reason: it is logged once, and all that wait are answered. */
void store_is_away(struct store *store, uint64_t back_at_ms, const char *why);

/* Somebody can be asked again. */
void store_is_back(struct store *store);

/* How long to wait after the n-th failure in a row, n from 1: twice as long each time, up to 2 s, and between a half and all of that by chance,
 * so that workers that have lost the same server do not come back to it at the same moment. *random is any number but 0. Pure. */
uint64_t store_backoff_ms(unsigned int failures, uint64_t *random);

/* Puts `fd` into the epoll set, or changes what is waited for. Returns 0 or a negative errno value. */
int store_watch_fd(const struct store *store, struct store_watch *watch, int fd, uint32_t events);

/* The first line of a library's message, without blanks at its end. `text` has `size` bytes; returns `text`. */
const char *store_first_line(const char *message, char *text, size_t size);

#endif
