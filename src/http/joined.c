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

static void woken(void *context) {
        struct server *server = context;

        server->now_ms = clock_monotonic_ms();
        cell_set(&server->cell->beat_ms, server->now_ms);
}

int server_wait(struct server *server, int timeout_ms, struct epoll_event *events, int events_max, uint64_t *now_ms, bool *ret_is_idle) {
        struct turn turn = { .timeout_ms = timeout_ms, .events = events, .events_max = events_max, .woken = woken, .context = server };

        turn_run(server->mhd, &turn);
        *now_ms = server->now_ms;
        *ret_is_idle = turn.is_idle;
        if (turn.error > 0)
                return -turn.error;
        server->has_turned = turn.n_events == 0;
        return turn.n_events;
}
