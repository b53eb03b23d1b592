#include "worker/worker.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "shared/link.h"
#include "shared/scoreboard.h"
#include "store/store.h"
#include "worker/acceptor.h"
#include "worker/sending.h"
#include "worker/settle.h"
#include "worker/slack.h"
#include "worker/trace.h"

/* What an event of the worker's epoll set is about. Listeners come last, each with its own number; addresses, which stores have, are larger. */
enum event { EVENT_LINK, EVENT_SERVER, EVENT_DEPARTURE, EVENT_RPC, EVENT_LISTENER };

enum {
        /* A stopping worker that has nothing left to serve stays for this long: a handshake that had begun may take another round trip
         * to end up in the queue. */
        STOP_LINGER_MS = 200,
        /* Even an idle worker turns its loop this often, so that the master can tell it from a stuck one. A turn costs some 20 us. */
        BEAT_MS = 1000,
};

struct worker {
        const struct heritage *heritage;
        int epoll;
        bool joined; /* the listeners and `epoll` are in the library's set, by whose wait the loop waits; else that is in this one's, with them */
        struct work *work;
        struct server *server;
        struct rpc_server *rpc; /* NULL: there is no second port */
        struct acceptor acceptor;
        struct slack slack;
        struct sending sending;
        uint64_t leaves_at_ms; /* then exits once nothing is left to serve; 0: it stays */
        bool has_said_so;      /* that nothing is left to serve */
        bool may_leave;        /* when nothing is left to serve: nothing more will come */
        bool master_is_gone;
};

static int watch_in(int epoll, int fd, enum event what, struct error *e) {
        struct epoll_event event = { .events = EPOLLIN, .data.u64 = what };

        return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? error_set_errno(e, errno, "cannot watch a descriptor") : 0;
}

static int watch(struct worker *w, int fd, enum event what, struct error *e) {
        return watch_in(w->epoll, fd, what, e);
}

/* What comes often, connections and their requests, in the library's set; the rest in the worker's own, which is in that as well. */
static int watch_server(struct worker *w, struct error *e) {
        struct error why;
        int fds[2], r;

        server_fds(w->server, fds);
        r = watch(w, fds[1], EVENT_SERVER, e);
        if (r < 0)
                return r;
        w->joined = server_join(w->server, &why) == 0;
        if (w->joined)
                return watch_in(server_epoll(w->server), w->epoll, EVENT_SERVER, e);
        log_message(LOG_NOTICE, "worker %u: a turn takes two waits: %s", w->heritage->slot, why.text);
        return watch(w, fds[0], EVENT_SERVER, e);
}

static int set_up_rpc(struct worker *w, struct error *e) {
        const struct heritage *h = w->heritage;
        const struct rpc_parts parts = { .limits = h->limits, .server = w->server, .work = w->work, .dataset = h->dataset, .cell = h->cell, .worker = h->slot };
        int r;

        if (h->n_rpc_listeners == 0)
                return 0;
        r = rpc_server_new(&parts, &w->rpc, e);
        return r < 0 ? r : watch(w, rpc_server_fd(w->rpc), EVENT_RPC, e);
}

static int set_up(struct worker *w, bool *ret_fatal, struct error *e) {
        const struct heritage *h = w->heritage;
        struct server_parts parts;
        int r = settle(h, ret_fatal, e);

        if (r == 0 && h->traces)
                r = trace_install(h->cell, h->master_pid, e);
        if (r < 0)
                return r;
        w->epoll = epoll_create1(EPOLL_CLOEXEC);
        if (w->epoll < 0)
                return error_set_errno(e, errno, "cannot make an epoll descriptor");
        r = work_new(h->dataset, (enum codec)h->codec, &w->work, e);
        parts = (struct server_parts){ .limits = h->limits,
                                       .work = w->work,
                                       .dataset = h->dataset,
                                       .stores = h->stores,
                                       .epoll = w->epoll,
                                       .cell = h->cell,
                                       .worker = h->slot,
                                       .access_log_fd = h->access_log_fd };
        if (r == 0)
                r = server_new(&parts, &w->server, e);
        if (r < 0)
                return r;
        r = watch(w, h->link, EVENT_LINK, e);
        if (r == 0)
                r = watch_server(w, e);
        if (r == 0 && server_departures_fd(w->server) >= 0)
                r = watch(w, server_departures_fd(w->server), EVENT_DEPARTURE, e);
        if (r == 0)
                r = set_up_rpc(w, e);
        if (r < 0)
                return r;
        acceptor_init(&w->acceptor, h, w->rpc, w->joined ? server_epoll(w->server) : w->epoll, EVENT_LISTENER);
        if (h->private_connection >= 0)
                server_add_private(w->server, h->private_connection, clock_monotonic_ms());
        else
                acceptor_open(&w->acceptor);
        acceptor_balance(&w->acceptor, w->server, clock_monotonic_ms());
        return 0;
}

static void read_link(struct worker *w, uint64_t now_ms) {
        enum link_message message;
        int fd = -1, r = link_receive(w->heritage->link, &message, &fd);

        if (r == 1 && message == LINK_REOPEN && fd >= 0) {
                server_reopen_log(w->server, fd);
                return;
        }
        if (r == 1 && (message == LINK_CONNECTION || message == LINK_CALLER) && fd >= 0) {
                acceptor_pass(&w->acceptor, fd, message == LINK_CALLER);
                w->has_said_so = false;
                return;
        }
        (void)fd_close(fd); /* no other message brings one */
        if (r == -EMFILE)
                log_message(LOG_WARNING, "worker %u: a connection or the new access log, which the master passed, is lost: %s",
                            w->heritage->slot, strerror(-r));
        else if (r == 0 || (r < 0 && r != -EAGAIN))
                w->master_is_gone = true;
        else if (r == 1 && message == LINK_ACCEPT)
                acceptor_open(&w->acceptor);
        else if (r == 1 && message == LINK_LEAVE)
                w->may_leave = true;
        else if (r == 1 && (message == LINK_STOP || message == LINK_RETIRE)) {
                if (message == LINK_RETIRE) {
                        acceptor_retire(&w->acceptor);
                        w->may_leave = true;
                } else
                        acceptor_open(&w->acceptor);
                w->leaves_at_ms = now_ms + (message == LINK_STOP ? STOP_LINGER_MS : 0);
                server_drain(w->server, now_ms);
                if (w->rpc)
                        rpc_server_drain(w->rpc, now_ms);
        }
}

static int earlier(int a_ms, int b_ms) {
        return a_ms < 0 ? b_ms : b_ms < 0 || a_ms < b_ms ? a_ms : b_ms;
}

static void take_passed(struct worker *w, uint64_t now_ms) {
        uint64_t n = acceptor_take_passed(&w->acceptor, w->server, now_ms);

        if (n > 0)
                cell_add(&w->heritage->cell->taken_over, n);
}

static bool is_empty(const struct worker *w) {
        return server_is_empty(w->server) && (!w->rpc || rpc_server_is_empty(w->rpc));
}

/* Whether nothing is left, with one last look at the queues, which are empty if nothing was missed. A worker that stops leaves when the
 * master lets it go: there may be more for it in the queues of others. */
static bool is_done(struct worker *w, uint64_t now_ms) {
        int r;

        if (w->leaves_at_ms == 0 || !is_empty(w) || now_ms < w->leaves_at_ms)
                return false;
        acceptor_take_all(&w->acceptor, w->server, now_ms);
        if (!is_empty(w) || w->may_leave)
                return is_empty(w);
        if (w->has_said_so)
                return false;
        r = link_send(w->heritage->link, LINK_DONE, -1);
        w->has_said_so = r == 0;
        if (r < 0 && r != -EAGAIN) /* the master is gone */
                w->may_leave = true;
        return w->may_leave;
}

static int wait_ms(const struct worker *w, uint64_t now_ms) {
        int ms = earlier(earlier(server_wait_ms(w->server, now_ms), acceptor_wait_ms(&w->acceptor, now_ms)), BEAT_MS);

        ms = earlier(ms, slack_wait_ms(&w->slack, now_ms));
        return now_ms < w->leaves_at_ms ? earlier(ms, (int)(w->leaves_at_ms - now_ms)) : ms;
}

/* A listener's, but not of those that a message of this very turn has retired; or a store's, which has its address. */
static void take_event(struct worker *w, const struct epoll_event *event, uint64_t now_ms) {
        uint64_t n = event->data.u64 - EVENT_LISTENER;

        if (n < w->acceptor.n)
                acceptor_take(&w->acceptor, n, w->server, now_ms);
        else if (n > UINT32_MAX)
                store_ready(event->data.ptr, event->events, now_ms);
}

static int wait_twice(struct worker *w, struct epoll_event *events, int events_max, uint64_t *now_ms, bool *ret_is_idle) {
        int n = epoll_wait(w->epoll, events, events_max, wait_ms(w, *now_ms));

        *ret_is_idle = n == 0;
        if (n < 0)
                n = -errno;
        *now_ms = clock_monotonic_ms();
        cell_set(&w->heritage->cell->beat_ms, *now_ms);
        return n;
}

/* The master's word comes before a request that came with it, which may have to be answered as the last one. Where there is none, nothing is read. */
static void hear_master(void *context, uint64_t now_ms) {
        read_link(context, now_ms);
}

/* What has come to the worker's own set takes the place of the event that says so. */
static int wait_once(struct worker *w, struct epoll_event *events, int events_max, uint64_t *now_ms, bool *ret_is_idle) {
        const struct server_others others = { .events = events, .events_max = events_max / 2, .before = hear_master, .context = w };
        int n = server_wait(w->server, &others, wait_ms(w, *now_ms), now_ms, ret_is_idle), more;

        for (int i = 0; i < n; i++)
                if (events[i].data.u64 == EVENT_SERVER) {
                        events[i] = events[--n];
                        more = epoll_wait(w->epoll, events + n, events_max - n, 0);
                        return more < 0 ? -errno : n + more;
                }
        return n;
}

static void take_events(struct worker *w, const struct epoll_event *events, int n, uint64_t now_ms) {
        for (int i = 0; i < n; i++) {
                uint64_t what = events[i].data.u64;

                if (what >= EVENT_LISTENER)
                        take_event(w, &events[i], now_ms);
                else if (what == EVENT_LINK)
                        read_link(w, now_ms);
                else if (what == EVENT_DEPARTURE)
                        server_end_departed(w->server);
                else if (what == EVENT_RPC)
                        rpc_server_run(w->rpc, now_ms);
        }
}

/* What can wait until the first answers are out, and what has come since. */
static void look_back(struct worker *w, uint64_t now_ms) {
        if (!w->sending.is_settled)
                sending_look(&w->sending, w->heritage, w->server);
        slack_look(&w->slack, w->heritage->cell, now_ms);
}

static int serve(struct worker *w) {
        struct epoll_event events[16];
        uint64_t now_ms = clock_monotonic_ms();

        slack_begin(&w->slack, w->heritage->slot, now_ms);
        while (!w->master_is_gone && !is_done(w, now_ms)) {
                bool is_idle;
                int n = (w->joined ? wait_once : wait_twice)(w, events, sizeof events / sizeof *events, &now_ms, &is_idle);

                if (n == -EINTR) /* nobody was asked yet, and the master's word comes first */
                        continue;
                if (n < 0) {
                        log_message(LOG_ERR, "worker %u: cannot wait for events: %s", w->heritage->slot, strerror(-n));
                        return HERITAGE_EXIT_SYSTEM;
                }
                take_events(w, events, n, now_ms);
                /* Of several that watch a socket the kernel wakes one for a connection, which may then have no room for it. */
                if (is_idle && (w->acceptor.shared || w->acceptor.has_local) && w->acceptor.watching)
                        acceptor_take_all(&w->acceptor, w->server, now_ms);
                server_run(w->server, now_ms);
                take_passed(w, now_ms);
                acceptor_balance(&w->acceptor, w->server, now_ms);
                if (now_ms >= w->slack.due_ms)
                        look_back(w, now_ms);
        }
        return EXIT_SUCCESS;
}

/* The first beat comes before the word: whoever is ready shows life, and is missed if it shows no more. */
static int report_ready(const struct worker *w, struct error *e) {
        int r;

        cell_set(&w->heritage->cell->beat_ms, clock_monotonic_ms());
        r = link_send(w->heritage->link, LINK_READY, -1);
        return r < 0 ? error_set_errno(e, -r, "cannot report to the master") : 0;
}

int worker_main(const struct heritage *heritage) {
        struct worker w = { .heritage = heritage, .epoll = -1 };
        struct error e;
        bool fatal;
        int code, r = set_up(&w, &fatal, &e);

        if (r == 0)
                r = report_ready(&w, &e);
        if (r < 0) {
                log_message(LOG_ERR, "worker %u: %s", heritage->slot, e.text);
                code = fatal ? HERITAGE_EXIT_FATAL_CONFIG : HERITAGE_EXIT_SYSTEM;
        } else {
                code = serve(&w);
        }
        rpc_server_free(w.rpc);
        server_free(w.server);
        work_free(w.work);
        (void)fd_close(w.epoll);
        return code;
}
