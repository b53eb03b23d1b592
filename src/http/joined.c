/* A server whose loop waits by the library's own wait (mhd/turn.h). */
#include <errno.h>

#include "base/clock.h"
#include "http/server_internal.h"
#include "mhd/turn.h"
#include "shared/scoreboard.h"

int server_join(struct server *server, struct error *e) {
        return turn_join(server->mhd, server->mhd_epoll, e);
}

int server_epoll(const struct server *server) {
        return server->mhd_epoll;
}

struct waiting {
        struct server *server;
        const struct server_others *others;
};

static void woken(void *context, int n_others) {
        struct waiting *w = context;

        w->server->now_ms = clock_monotonic_ms();
        cell_set(&w->server->cell->beat_ms, w->server->now_ms);
        if (n_others > 0)
                w->others->before(w->others->context, w->server->now_ms);
}

int server_wait(struct server *server, const struct server_others *others, int timeout_ms, uint64_t *now_ms, bool *ret_is_idle) {
        struct waiting waiting = { .server = server, .others = others };
        struct turn turn = { .timeout_ms = timeout_ms, .events = others->events, .events_max = others->events_max, .woken = woken, .context = &waiting };

        turn_run(server->mhd, &turn);
        *now_ms = server->now_ms;
        *ret_is_idle = turn.is_idle;
        if (turn.error > 0)
                return -turn.error;
        server->has_turned = turn.n_events == 0;
        return turn.n_events;
}
