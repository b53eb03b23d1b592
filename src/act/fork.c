#include "act/fork.h"

#include <stdio.h>
#include <unistd.h>

/* A worker uses none of the libraries that want to know of a fork (the TLS that libmicrohttpd brings, the master's events), and each of them would write to
 * pages that the worker shares with the master. There is one thread, so nobody holds a lock of the C library meanwhile. */
pid_t fork_worker(void) {
        (void)fflush(NULL); /* else the child would write buffered text a second time */
        return _Fork();
}
