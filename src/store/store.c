#include "store/store.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/clock.h"
#include "base/log.h"
#include "shared/histogram.h"
#include "shared/scoreboard.h"
#include "store/store_internal.h"

enum {
        BACKOFF_FIRST_MS = 100,
        BACKOFF_MAX_MS = 2000,
        MESSAGES_MAX = 10, /* of wrong answers, in … */
        MESSAGES_MS = 10000,
};

/* ---- the queue ---- */

void tickets_append(struct tickets *tickets, struct store_ticket *ticket) {
        ticket->previous = tickets->last;
        ticket->next = NULL;
        if (tickets->last)
                tickets->last->next = ticket;
        else
                tickets->first = ticket;
        tickets->last = ticket;
        tickets->n++;
}

void tickets_remove(struct tickets *tickets, struct store_ticket *ticket) {
        if (ticket->next)
                ticket->next->previous = ticket->previous;
        else
                tickets->last = ticket->previous;
        if (ticket->previous)
                ticket->previous->next = ticket->next;
        else
                tickets->first = ticket->next;
        ticket->previous = ticket->next = NULL;
        tickets->n--;
}

void store_init(struct store *store, const struct store_driver *driver, const struct store_options *options, int epoll, unsigned int worker,
                struct restmark_store_cell *cell) {
        *store = (struct store){ .driver = driver,
                                 .options = options,
                                 .epoll = epoll,
                                 .worker = worker,
                                 .cell = cell,
                                 .due_ms = 0,
                                 .random = clock_monotonic_ns() | 1 };
}

static void show_queue(const struct store *store) {
        cell_set(&store->cell->waiting, store->waiting.n);
        cell_set(&store->cell->busy, store->n_open - store->waiting.n);
}

enum store_outcome store_ask(struct store *store, struct store_ticket *ticket) {
        ticket->is_open = false;
        if (store->is_away) {
                cell_add(&store->cell->away, 1);
                return STORE_AWAY;
        }
        if (store->n_open >= store->options->queue_max) {
                cell_add(&store->cell->refused, 1);
                return STORE_FULL;
        }
        ticket->carrier = NULL;
        ticket->is_open = true;
        ticket->asked_ns = clock_monotonic_ns();
        tickets_append(&store->waiting, ticket);
        store->n_open++;
        show_queue(store);
        return STORE_PENDING;
}

struct store_ticket *store_take(struct store *store, void *carrier) {
        struct store_ticket *ticket = store->waiting.first;

        if (!ticket)
                return NULL;
        tickets_remove(&store->waiting, ticket);
        ticket->carrier = carrier;
        ticket->sent_ns = clock_monotonic_ns();
        cell_add(&store->cell->wait_ns, ticket->sent_ns - ticket->asked_ns);
        show_queue(store);
        return ticket;
}

static void close_ticket(struct store *store, struct store_ticket *ticket) {
        ticket->is_open = false;
        ticket->carrier = NULL;
        store->n_open--;
        show_queue(store);
}

void store_forget(struct store *store, struct store_ticket *ticket) {
        if (!ticket->is_open)
                return;
        if (ticket->carrier)
                store->driver->forget(store, ticket);
        else
                tickets_remove(&store->waiting, ticket);
        cell_add(&store->cell->forgotten, 1);
        close_ticket(store, ticket);
}

static _Atomic uint64_t *outcome_count(struct restmark_store_cell *cell, enum store_outcome outcome) {
        switch (outcome) {
        case STORE_AWAY:
                return &cell->away;
        case STORE_FULL:
                return &cell->refused;
        case STORE_LATE:
                return &cell->late;
        case STORE_WRONG:
                return &cell->wrong;
        default:
                return &cell->good;
        }
}

void store_answer(struct store *store, struct store_ticket *ticket, const struct store_answer *answer) {
        uint64_t took_ns = ticket->carrier ? clock_monotonic_ns() - ticket->sent_ns : 0;

        cell_add(outcome_count(store->cell, answer->outcome), 1);
        if (ticket->carrier)
                histogram_record_in(store->cell->durations, &store->cell->duration_ns, took_ns);
        close_ticket(store, ticket);
        ticket->answered(ticket, answer);
}

void store_answer_outcome(struct store *store, struct store_ticket *ticket, enum store_outcome outcome) {
        const struct store_answer answer = { .outcome = outcome };

        store_answer(store, ticket, &answer);
}

/* ---- away and back ---- */

void store_is_away(struct store *store, uint64_t back_at_ms, const char *why) {
        struct store_ticket *ticket;

        store->back_at_ms = back_at_ms;
        if (!store->is_away)
                log_message(LOG_WARNING, "worker %u: %s is away: %s; requests that need it get 503 until it is back", store->worker,
                            store->driver->name, why);
        store->is_away = true;
        while ((ticket = store->waiting.first)) {
                tickets_remove(&store->waiting, ticket);
                store_answer_outcome(store, ticket, STORE_AWAY);
        }
}

void store_is_back(struct store *store) {
        if (!store->is_away)
                return;
        store->is_away = false;
        log_message(LOG_NOTICE, "worker %u: %s is back", store->worker, store->driver->name);
}

unsigned int store_retry_after_s(const struct store *store, uint64_t now_ms) {
        uint64_t ms = store->is_away && store->back_at_ms > now_ms ? store->back_at_ms - now_ms : 0;

        return ms < 1000 ? 1 : (unsigned int)((ms + 999) / 1000);
}

void store_complain(struct store *store, const char *cause, uint64_t now_ms) {
        if (now_ms >= store->messages_end_ms) {
                if (store->n_messages > MESSAGES_MAX)
                        log_message(LOG_ERR, "worker %u: %s: %" PRIu64 " more wrong answers, whose causes were not logged", store->worker,
                                    store->driver->name, store->n_messages - MESSAGES_MAX);
                store->n_messages = 0;
                store->messages_end_ms = now_ms + MESSAGES_MS;
        }
        if (++store->n_messages <= MESSAGES_MAX)
                log_message(LOG_ERR, "worker %u: %s: %s", store->worker, store->driver->name, cause);
}

uint64_t store_backoff_ms(unsigned int failures, uint64_t *random) {
        uint64_t ms = BACKOFF_FIRST_MS;

        while (--failures > 0 && ms < BACKOFF_MAX_MS)
                ms *= 2;
        if (ms > BACKOFF_MAX_MS)
                ms = BACKOFF_MAX_MS;
        /* xorshift64 (Marsaglia 2003) */
        *random ^= *random << 13;
        *random ^= *random >> 7;
        *random ^= *random << 17;
        return ms / 2 + *random % (ms / 2 + 1);
}

/* ---- the loop ---- */

/* A library may close a descriptor and open another with the same number, which the kernel then does not know. */
int store_watch_fd(const struct store *store, struct store_watch *watch, int fd, uint32_t events) {
        struct epoll_event event = { .events = events, .data.ptr = watch };

        if (epoll_ctl(store->epoll, EPOLL_CTL_MOD, fd, &event) == 0)
                return 0;
        if (errno == ENOENT && epoll_ctl(store->epoll, EPOLL_CTL_ADD, fd, &event) == 0)
                return 0;
        return -errno;
}

const char *store_first_line(const char *message, char *text, size_t size) {
        size_t n = message ? strcspn(message, "\n") : 0;

        while (n > 0 && (message[n - 1] == ' ' || message[n - 1] == '\r'))
                n--;
        (void)snprintf(text, size, "%.*s", (int)n, n > 0 ? message : "");
        if (n == 0)
                (void)snprintf(text, size, "no reason is given");
        return text;
}

int store_open(const struct store_driver *driver, const struct store_options *options, int epoll, unsigned int worker,
               struct restmark_store_cell *cell, struct store **ret, struct error *e) {
        return driver->open(options, driver, epoll, worker, cell, ret, e);
}

struct store *store_close(struct store *store) {
        if (store)
                store->driver->close(store);
        return NULL;
}

void store_run(struct store *store, uint64_t now_ms) {
        store->driver->run(store, now_ms);
}

uint64_t store_due_ms(const struct store *store) {
        return store->due_ms;
}

uint64_t store_timeout_ms(const struct store *store) {
        return store->options->timeout_ms;
}
