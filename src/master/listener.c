#include "master/listener.h"

#include <errno.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "master/holder.h"

static int explain_bind(const struct listen_address *address, int errnum, struct error *e) {
        char text[LISTEN_TEXT_MAX], who[128];
        struct holder holder;

        listen_format(address, text);
        switch (errnum) {
        case EADDRINUSE:
                holder = holder_find(address);
                return error_set(e, -errnum, "%s is in use by %s: stop that, or set another [server] listen", text,
                                 holder_format(&holder, who, sizeof who));
        case EACCES:
                return error_set(e, -errnum,
                                 "%s is a privileged port: start as root, give the CAP_NET_BIND_SERVICE capability, or take a port from "
                                 "1024 on (net.ipv4.ip_unprivileged_port_start)",
                                 text);
        case EADDRNOTAVAIL:
                return error_set(e, -errnum, "%s is not an address of this machine: `ip address` lists those that are", text);
        default:
                return error_set_errno(e, errnum, "cannot listen on %s", text);
        }
}

static int set_option(int fd, int level, int option, int value) {
        return setsockopt(fd, level, option, &value, sizeof value) < 0 ? -errno : 0;
}

static int bind_one(const struct listen_address *address, int reuseport, int *ret, struct error *e) {
        int family = address->socket.any.sa_family, r;
        int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        if (fd < 0)
                return error_set_errno(e, errno, "cannot make a socket");
        r = set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
        if (r == 0 && reuseport)
                r = set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
        if (r == 0 && family == AF_INET6)
                r = set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
        /* Accepted sockets inherit it: answers go out at once. */
        if (r == 0)
                r = set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
        if (r == 0 && bind(fd, &address->socket.any, address->size) < 0)
                r = -errno;
        if (r < 0) {
                (void)fd_close(fd);
                return explain_bind(address, -r, e);
        }
        *ret = fd;
        return 0;
}

/* SO_REUSEPORT would let this daemon share a port with another one of the same user, unnoticed. A socket without it is refused if
 * anybody listens there. For port 0 it also chooses the port, in *address. */
static int probe(struct listen_address *address, struct error *e) {
        socklen_t size = sizeof address->socket;
        int fd, r = bind_one(address, 0, &fd, e);

        if (r < 0)
                return r;
        if (listen(fd, 1) < 0)
                r = explain_bind(address, errno, e);
        else if (getsockname(fd, &address->socket.any, &size) < 0)
                r = error_set_errno(e, errno, "cannot read the port");
        (void)fd_close(fd);
        return r;
}

int listeners_open(const struct listen_list *addresses, unsigned int n_slots, int backlog, struct listeners **ret, struct error *e) {
        struct listeners *l = calloc(1, sizeof *l);
        size_t n = addresses->n * n_slots;
        int r = 0;

        if (!l || !(l->fds = malloc(n * sizeof *l->fds))) {
                free(l);
                return error_set_errno(e, ENOMEM, "cannot keep the listening sockets");
        }
        l->addresses = *addresses;
        l->n_slots = n_slots;
        for (size_t i = 0; i < n; i++)
                l->fds[i] = -1;
        for (size_t a = 0; r == 0 && a < addresses->n; a++)
                r = probe(&l->addresses.at[a], e);
        /* Bind all before any listens: the kernel would send the first of them connections that the others should have. */
        for (size_t i = 0; r == 0 && i < n; i++)
                r = bind_one(&l->addresses.at[i % addresses->n], 1, &l->fds[i], e);
        for (size_t i = 0; r == 0 && i < n; i++)
                if (listen(l->fds[i], backlog) < 0)
                        r = explain_bind(&l->addresses.at[i % addresses->n], errno, e);
        if (r < 0) {
                listeners_free(l);
                return r;
        }
        *ret = l;
        return 0;
}

struct listeners *listeners_free(struct listeners *l) {
        if (!l)
                return NULL;
        for (size_t i = 0; i < l->addresses.n * l->n_slots; i++)
                (void)fd_close(l->fds[i]);
        free(l->fds);
        free(l);
        return NULL;
}

const int *listeners_of(const struct listeners *l, unsigned int slot) {
        return &l->fds[slot * l->addresses.n];
}

int listeners_refuse_new(const struct listeners *l, struct error *e) {
        /* Bound to an interface that cannot be, a socket is not found for any SYN, and the client is refused at once; handshakes that
         * have begun and connections in the queue do not depend on that any more. It takes no privilege, while a socket filter
         * that drops SYNs does. Sockets of the group that are still to be bound may get a last connection; it is served too. */
        for (size_t i = 0; i < l->addresses.n * l->n_slots; i++) {
                int r = set_option(l->fds[i], SOL_SOCKET, SO_BINDTOIFINDEX, INT_MAX);

                if (r < 0)
                        return error_set_errno(e, -r, "cannot keep new connections from the listening sockets");
        }
        return 0;
}
