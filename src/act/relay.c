#include "act/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "act/process.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/shortage.h"

/* The watch over the queues of one slot. */
struct watch {
        struct relay_sockets *sockets;
        unsigned int slot;
        sd_event_source *io[RESTMARK_LISTEN_MAX]; /* one per address */
};

struct relay_sockets {
        struct act *act;
        struct watch *watches[RESTMARK_SLOTS_MAX]; /* NULL: the slot serves its queues itself, or nobody can */
        bool is_paused;
        struct shortage shortage;
        int held; /* accepted, but nobody took it; else -1 */
        bool held_calls; /* it came to the RPC port */
};

struct relay_sockets *relay_sockets_new(struct act *act) {
        struct relay_sockets *r = calloc(1, sizeof *r);

        if (r) {
                r->act = act;
                r->held = -1;
        }
        return r;
}

static struct watch *watch_free(struct watch *w) {
        for (size_t i = 0; w && i < RESTMARK_LISTEN_MAX; i++)
                sd_event_source_unref(w->io[i]);
        free(w);
        return NULL;
}

struct relay_sockets *relay_sockets_free(struct relay_sockets *r) {
        if (!r)
                return NULL;
        for (unsigned int i = 0; i < RESTMARK_SLOTS_MAX; i++)
                (void)watch_free(r->watches[i]);
        (void)fd_close(r->held);
        free(r);
        return NULL;
}

/* ---- watching ---- */

static int on_waiting(sd_event_source *source, int listener, uint32_t events, void *context) {
        struct happening h = { .kind = HAPPENING_QUEUE };
        struct watch *w = context;

        (void)listener;
        while (w->io[h.address] != source)
                h.address++;
        if ((events & (EPOLLHUP | EPOLLERR)) != 0) { /* a worker has shut it down: it would be reported for ever */
                log_message(LOG_ERR, "a worker has shut down one of its listening sockets: it serves nobody until the daemon is restarted");
                w->io[h.address] = sd_event_source_unref(source);
                return 0;
        }
        h.slot = w->slot;
        happenings_push(w->sockets->act->queue, &h);
        return 0;
}

static void start_watch(struct relay_sockets *r, unsigned int slot) {
        const struct listeners *l = r->act->options->listeners;
        const int *fds = listeners_of(l, slot);
        struct watch *w = calloc(1, sizeof *w);
        int result = w ? 0 : -ENOMEM;

        if (w) {
                w->sockets = r;
                w->slot = slot;
        }
        for (size_t a = 0; result >= 0 && a < l->addresses.n; a++)
                result = sd_event_add_io(r->act->event, &w->io[a], fds[a], EPOLLIN, on_waiting, w);
        for (size_t a = 0; result >= 0 && r->is_paused && a < l->addresses.n; a++)
                result = sd_event_source_set_enabled(w->io[a], SD_EVENT_OFF);
        if (result < 0) {
                log_message(LOG_WARNING, "cannot serve what waits for slot %u: %s", slot, strerror(-result));
                w = watch_free(w);
        }
        r->watches[slot] = w;
}

void relay_sockets_watch(struct relay_sockets *r, unsigned int slot, bool on) {
        if (!on)
                r->watches[slot] = watch_free(r->watches[slot]);
        else if (!r->watches[slot])
                start_watch(r, slot);
}

void relay_sockets_pause(struct relay_sockets *r, bool on) {
        r->is_paused = on;
        for (unsigned int i = 0; i < RESTMARK_SLOTS_MAX; i++)
                for (size_t a = 0; r->watches[i] && a < RESTMARK_LISTEN_MAX; a++)
                        if (r->watches[i]->io[a] && sd_event_source_set_enabled(r->watches[i]->io[a], on ? SD_EVENT_OFF : SD_EVENT_ON) < 0)
                                log_message(LOG_WARNING, "cannot change what is watched of slot %u", i);
}

/* ---- passing on ---- */

/* A worker has the same socket, down to its flags: one that has made it blocking would stop the master here. */
static int accept_from(int listener) {
        int flags = fcntl(listener, F_GETFL);

        if (flags >= 0 && (flags & O_NONBLOCK) == 0) {
                log_message(LOG_WARNING, "a worker has made a listening socket blocking");
                if (fcntl(listener, F_SETFL, flags | O_NONBLOCK) < 0)
                        return -1;
        }
        return accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

/* The next one that has not gone away meanwhile. */
static int accept_next(int listener) {
        enum { TRIES = 64 };
        int fd = accept_from(listener);

        for (int i = 0; i < TRIES && fd < 0 && errno != EAGAIN && !shortage_is(errno); i++)
                fd = accept_from(listener);
        return fd;
}

static void pass(struct relay_sockets *r, int fd, bool calls, unsigned int to_slot, unsigned int to_seat) {
        struct process *p = process_at(r->act, to_slot, to_seat);
        bool is_passed = link_send(p->link, calls ? LINK_CALLER : LINK_CONNECTION, fd) == 0;

        if (is_passed) {
                p->hearing.n_passed++;
                (void)fd_close(fd);
        }
        r->held = is_passed ? -1 : fd;
        r->held_calls = calls;
        act_report(r->act, is_passed ? HAPPENING_PASSED : HAPPENING_UNPASSED, to_slot, to_seat, NULL);
}

void relay_sockets_take(struct relay_sockets *r, unsigned int slot, unsigned int address, bool held, unsigned int to_slot, unsigned int to_seat) {
        struct happening h = { .kind = HAPPENING_EMPTY, .slot = slot, .address = address };
        const struct listeners *l = r->act->options->listeners;
        int fd = held ? r->held : accept_next(listeners_of(l, slot)[address]);

        if (fd >= 0) {
                pass(r, fd, held ? r->held_calls : address >= l->addresses.n - l->addresses.n_rpc, to_slot, to_seat);
                return;
        }
        if (!held && shortage_is(errno)) {
                shortage_note(&r->shortage, errno, clock_monotonic_ms(), "queues of slots without a worker");
                h.kind = HAPPENING_SHORT;
        }
        happenings_push(r->act->queue, &h);
}
