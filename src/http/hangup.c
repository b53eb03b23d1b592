#include "http/hangup.h"

#include <sys/socket.h>

#include "mhd/library.h"

enum {
        LOOK_MS = 1000, /* between two looks; a client that has hung up is seen twice before it is let go */
        ALL_EACH = 10   /* looks; then also at connections on which nothing is known to have come: the library does not report a part of a head */
};

/* Whether the client has ended its side and everything that it sent has been read. */
static bool has_ended(const struct connection *c) {
        char byte;

        return recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

void hangup_look(struct server *server) {
        bool looks_at_all;

        if (server->now_ms < server->next_hangup_look_ms)
                return;
        server->next_hangup_look_ms = server->now_ms + LOOK_MS;
        looks_at_all = ++server->hangup_looks % ALL_EACH == 0;
        for (struct connection *c = server->connections; c; c = c->next) {
                if (c->request.stage >= REQUEST_WAITS || (c->hangup == HANGUP_LOOKED && !looks_at_all))
                        continue;
                if (!has_ended(c))
                        c->hangup = HANGUP_LOOKED;
                else if (c->hangup != HANGUP_ONCE) /* the library may have the next request in its memory already */
                        c->hangup = HANGUP_ONCE;
                else {
                        library_hang_up(c->fd); /* of which the library hears, unlike of the client's end */
                        c->hangup = HANGUP_LOOKED;
                }
        }
}
