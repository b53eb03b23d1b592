/* Clients that end their side in the same moment as their last bytes. The library reads those, takes a short read for a sign that nothing
 * more is there, and as its epoll set is edge-triggered, it hears no more of the connection: half a request would be waited for
 * until request-timeout, and a connection whose request has been answered be kept until idle-timeout. */
#ifndef RESTMARK_HTTP_HANGUP_H
#define RESTMARK_HTTP_HANGUP_H

#include "http/server_internal.h"

/* Closes the connections of such clients, within some two seconds, twelve if all they sent last is part of a head. To be called at
 * each turn; costs one system call a second for each connection that had a request since the last look, and one in ten seconds for each
 * other. */
void hangup_look(struct server *server);

#endif
