#include "master/relay.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/shortage.h"
#include "master/supervisor_internal.h"
#include "shared/scoreboard.h"

/* The watch over the queues of one slot. */
struct watch {
        struct relay *relay;
        sd_event_source *io[RESTMARK_LISTEN_MAX]; /* one per address */
};

struct relay {
        struct supervisor *s;
        struct watch *watches[RESTMARK_SLOTS_MAX]; /* NULL: the slot serves its queues itself, or nobody can */
        sd_event_source *pause; /* NULL: there is none */
        struct shortage shortage;
        int stranded;           /* accepted, but nobody took it; goes first after the pause; else -1 */
};

struct relay *relay_new(struct supervisor *s) {
        struct relay *r = calloc(1, sizeof *r);

        if (r) {
                r->s = s;
                r->stranded = -1;
        }
        return r;
}

bool relay_holds(const struct relay *r) {
        return r->stranded >= 0;
}

static struct watch *watch_free(struct watch *w) {
        for (size_t i = 0; w && i < RESTMARK_LISTEN_MAX; i++)
                sd_event_source_unref(w->io[i]);
        free(w);
        return NULL;
}

struct relay *relay_free(struct relay *r) {
        if (!r)
                return NULL;
        for (unsigned int i = 0; i < RESTMARK_SLOTS_MAX; i++)
                (void)watch_free(r->watches[i]);
        sd_event_source_unref(r->pause);
        (void)fd_close(r->stranded);
        free(r);
        return NULL;
}

/* ---- who receives ---- */

/* Whether the worker takes connections out of its own queues, which is who may get those of others too. */
static bool serves_queues(const struct child *child) {
        return !child->on_probation && !child->doomed &&
               (child->slot.state == RESTMARK_SLOT_READY || (child->slot.state == RESTMARK_SLOT_DRAINING && !child->retired));
}

/* How many connections it has been passed and not yet taken over. Those that another program passed, before an upgrade, are not counted
 * before they are. */
static uint64_t in_flight(struct child *child) {
        uint64_t taken_over = cell_get(&child_worker_cell(child)->taken_over);

        if (child->n_passed < taken_over)
                child->n_passed = taken_over;
        return child->n_passed - taken_over;
}

/* How many connections it may still be passed. */
static uint64_t room(struct child *child) {
        uint64_t used = cell_get(&child_worker_cell(child)->connections) + in_flight(child), max = child->generation->config->max_connections;

        return in_flight(child) >= RELAY_IN_FLIGHT || used >= max ? 0 : max - used;
}

/* Whether its loop has not turned for so long that it may be stuck, and about to be killed with all that it has. */
static bool seems_stuck(const struct child *child) {
        uint64_t beat_ms = cell_get(&child_worker_cell(child)->beat_ms);

        return beat_ms != 0 && clock_monotonic_ms() > beat_ms + RELAY_SILENCE_MS;
}

/* The worker with the most room, apart from those whose link turned out to be closed; NULL: none has any. */
static struct child *choose(const struct relay *r, const struct child *const *refused, size_t n_refused) {
        struct child *best = NULL;
        uint64_t most = 0;

        for (unsigned int i = 0; i < r->s->n_workers; i++)
                for (unsigned int seat = 0; seat < RESTMARK_SEATS; seat++) {
                        struct child *child = &r->s->children[i][seat];
                        bool out = !serves_queues(child) || seems_stuck(child) || room(child) <= most;

                        for (size_t j = 0; !out && j < n_refused; j++)
                                out = refused[j] == child;
                        if (!out) {
                                best = child;
                                most = room(child);
                        }
                }
        return best;
}

/* Gives the connection away; false: it is still ours. */
static bool pass(const struct relay *r, int fd) {
        enum { TRIES = 8 };
        const struct child *refused[TRIES] = { NULL };

        for (size_t n = 0; n < TRIES; n++) {
                struct child *child = choose(r, refused, n);

                if (!child)
                        return false;
                if (link_send(child->link, LINK_CONNECTION, fd) == 0) {
                        child->n_passed++;
                        (void)fd_close(fd);
                        return true;
                }
                refused[n] = child; /* it is dying */
        }
        return false;
}

/* ---- pauses ---- */

static void enable_all(struct relay *r, int enabled) {
        for (unsigned int i = 0; i < RESTMARK_SLOTS_MAX; i++)
                for (size_t a = 0; r->watches[i] && a < RESTMARK_LISTEN_MAX; a++)
                        if (r->watches[i]->io[a] && sd_event_source_set_enabled(r->watches[i]->io[a], enabled) < 0)
                                log_message(LOG_WARNING, "cannot change what is watched of slot %u", i);
}

static void take_a_pause(struct relay *r);

static int on_pause_over(sd_event_source *source, uint64_t usec, void *context) {
        struct relay *r = context;

        (void)source;
        (void)usec;
        r->pause = sd_event_source_unref(r->pause);
        /* By now there may be no queue to watch any more whose next connection would take this one along. */
        if (r->stranded >= 0 && !pass(r, r->stranded)) {
                take_a_pause(r);
                return 0;
        }
        r->stranded = -1;
        enable_all(r, SD_EVENT_ON);
        upgrade_on_change(r->s->upgrade); /* which may have waited for that connection */
        return 0;
}

static void take_a_pause(struct relay *r) {
        int result;

        if (r->pause)
                return;
        result = sd_event_add_time_relative(r->s->event, &r->pause, CLOCK_MONOTONIC, (uint64_t)RELAY_PAUSE_MS * 1000, 1000, on_pause_over, r);
        if (result < 0)
                log_message(LOG_WARNING, "cannot wait for a worker with room: %s", strerror(-result));
        else
                enable_all(r, SD_EVENT_OFF);
}

/* ---- the queues ---- */

/* Returns 1 for a connection that has been passed on, 0 for an empty queue, -1 when nobody has room. */
static int pass_one(struct relay *r, int listener) {
        int fd = r->stranded;

        if (!choose(r, NULL, 0))
                return -1;
        if (fd < 0)
                fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0 && shortage_is(errno)) {
                shortage_note(&r->shortage, errno, clock_monotonic_ms(), "queues of slots without a worker");
                return -1;
        }
        if (fd < 0)
                return errno != EAGAIN;
        r->stranded = pass(r, fd) ? -1 : fd;
        if (r->stranded < 0)
                return 1;
        take_a_pause(r);
        return -1;
}

static int on_waiting(sd_event_source *source, int listener, uint32_t events, void *context) {
        struct watch *w = context;
        int result = 1;

        (void)source;
        (void)events;
        for (int i = 0; i < RELAY_PER_TURN && result > 0; i++)
                result = pass_one(w->relay, listener);
        if (result < 0)
                take_a_pause(w->relay);
        return 0;
}

bool relay_flush(struct relay *r, unsigned int slot) {
        const struct listeners *l = r->s->options->listeners;
        const int *fds = listeners_of(l, slot);

        if (l->shared)
                return true;
        for (size_t a = 0; a < l->addresses.n; a++) {
                int result = 1;

                for (int i = 0; i < RELAY_PER_TURN && result > 0; i++)
                        result = pass_one(r, fds[a]);
                if (result != 0)
                        return false;
        }
        return true;
}

/* ---- which slots ---- */

static bool is_served(const struct supervisor *s, unsigned int slot) {
        for (unsigned int seat = 0; seat < RESTMARK_SEATS; seat++)
                if (slot < s->n_workers && serves_queues(&s->children[slot][seat]))
                        return true;
        return false;
}

static void start_watch(struct relay *r, unsigned int slot) {
        const struct listeners *l = r->s->options->listeners;
        const int *fds = listeners_of(l, slot);
        struct watch *w = calloc(1, sizeof *w);
        int result = w ? 0 : -ENOMEM;

        if (w)
                w->relay = r;
        for (size_t a = 0; result >= 0 && a < l->addresses.n; a++)
                result = sd_event_add_io(r->s->event, &w->io[a], fds[a], EPOLLIN, on_waiting, w);
        for (size_t a = 0; result >= 0 && r->pause && a < l->addresses.n; a++)
                result = sd_event_source_set_enabled(w->io[a], SD_EVENT_OFF);
        if (result < 0) {
                log_message(LOG_WARNING, "cannot serve what waits for slot %u: %s", slot, strerror(-result));
                w = watch_free(w);
        }
        r->watches[slot] = w;
}

bool relay_release(struct relay *r, struct child *child) {
        for (unsigned int i = 0; i < r->s->n_slots; i++)
                if (!is_served(r->s, i))
                        (void)relay_flush(r, i);
        child->retired = in_flight(child) == 0;
        return child->retired;
}

void relay_forget(struct relay *r, unsigned int slot) {
        r->watches[slot] = watch_free(r->watches[slot]);
}

void relay_update(struct relay *r) {
        const struct supervisor *s = r->s;
        bool can = false;

        if (s->options->listeners->shared)
                return;
        for (unsigned int i = 0; i < s->n_slots && !can; i++)
                can = is_served(s, i);
        for (unsigned int i = 0; i < s->n_slots; i++) {
                bool wanted = can && !is_served(s, i);

                if (wanted && !r->watches[i])
                        start_watch(r, i);
                else if (!wanted && r->watches[i])
                        relay_forget(r, i);
        }
}
