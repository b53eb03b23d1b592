/* The Host field of requests: a defence against web pages from elsewhere. */
#ifndef RESTMARK_ADMIN_HOST_H
#define RESTMARK_ADMIN_HOST_H

#include <stdbool.h>

/* Whether a Host field names this machine in a way that no name server has a say in: an IP address or "localhost", with or without a
 * port. A page of another site can have its own name resolve to 127.0.0.1 (DNS rebinding), whereupon a browser takes this endpoint for
 * a part of that site and lets its scripts read what is here; but the name stays in the Host field. */
bool host_is_literal(const char *host);

#endif
