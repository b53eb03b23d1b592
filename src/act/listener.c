#include "act/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "act/holder.h"
#include "act/store.h"
#include "base/fd.h"

int listeners_explain(const struct listen_address *address, int errnum, struct error *e) {
        char text[LISTEN_TEXT_MAX], who[128];
        struct holder holder;

        listen_format(address, text);
        switch (errnum) {
        case EADDRINUSE:
                holder = holder_find(address);
                return error_set(e, -errnum, "%s is in use by %s: stop that, or listen elsewhere", text,
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
                return listeners_explain(address, -r, e);
        }
        *ret = fd;
        return 0;
}

int listener_open_one(struct listen_address *address, int backlog, int *ret, struct error *e) {
        socklen_t size = sizeof address->socket;
        int fd, r = bind_one(address, 0, &fd, e);

        if (r < 0)
                return r;
        if (listen(fd, backlog) < 0)
                r = listeners_explain(address, errno, e);
        else if (getsockname(fd, &address->socket.any, &size) < 0)
                r = error_set_errno(e, errno, "cannot read the port");
        if (r < 0)
                (void)fd_close(fd);
        else
                *ret = fd;
        return r;
}

/* SO_REUSEPORT would let this daemon share a port with another one of the same user, unnoticed. A socket without it is refused if
 * anybody listens there. For port 0 it also chooses the port, in *address. */
static int probe(struct listen_address *address, struct error *e) {
        int fd, r = listener_open_one(address, 1, &fd, e);

        if (r == 0)
                (void)fd_close(fd);
        return r;
}

/* How many slots have sockets of their own. */
static unsigned int n_groups(const struct listeners *l, unsigned int n_slots) {
        return l->shared && n_slots > 1 ? 1 : n_slots;
}

static void close_from(struct listeners *l, unsigned int slot, unsigned int end) {
        /* From the last one on, for their places in the groups. */
        for (size_t i = end * l->addresses.n; i > slot * l->addresses.n; i--)
                l->fds[i - 1] = fd_close(l->fds[i - 1]);
}

/* Nobody answers yet on those that are bound already: under another name of its file one would pass for stale. */
static int check_names(const struct listeners *l, size_t a, struct error *e) {
        const struct local_place place = local_socket_find(&l->addresses.at[a]);
        char text[LISTEN_TEXT_MAX], other[LISTEN_TEXT_MAX];

        for (size_t i = 0; place.inode != 0 && i < a; i++)
                if (l->places[i].inode == place.inode && l->places[i].device == place.device)
                        return error_set(e, -EADDRINUSE, "%s and %s are one socket: leave one of them out", listen_format(&l->addresses.at[i], other),
                                         listen_format(&l->addresses.at[a], text));
        return 0;
}

/* Of a Unix socket there is one, of which each slot has a descriptor. */
static int bind_for_slot(struct listeners *l, size_t i, struct error *e) {
        const size_t a = i % l->addresses.n;
        const struct listen_address *address = &l->addresses.at[a];
        int r;

        if (!listen_is_local(address))
                return bind_one(address, !l->shared, &l->fds[i], e);
        if (i != a) {
                l->fds[i] = fcntl(l->fds[a], F_DUPFD_CLOEXEC, 0);
                return l->fds[i] < 0 ? error_set_errno(e, errno, "cannot share a Unix socket between workers") : 0;
        }
        r = check_names(l, a, e);
        if (r == 0)
                r = local_socket_bind(address, &l->fds[i], e);
        if (r == 0)
                l->places[a] = local_socket_find(address);
        return r;
}

static int open_slots(struct listeners *l, unsigned int first, unsigned int end, struct error *e) {
        const size_t n = l->addresses.n, last = end * n;
        int r = 0;

        for (size_t i = first * n; i < last; i++)
                l->fds[i] = -1;
        /* Bind all before any listens: the kernel would send the first of them connections that the others should have. */
        for (size_t i = first * n; r == 0 && i < last; i++)
                r = bind_for_slot(l, i, e);
        for (size_t i = first * n; r == 0 && i < last; i++)
                if (listen(l->fds[i], l->backlog) < 0)
                        r = listeners_explain(&l->addresses.at[i % n], errno, e);
        if (r < 0)
                close_from(l, first, end);
        return r;
}

static int make(const struct listen_list *addresses, bool shared, int backlog, struct listeners **ret, struct error *e) {
        struct listeners *l = calloc(1, sizeof *l);

        if (!l || !(l->fds = calloc(addresses->n * SELECTOR_SLOTS_MAX, sizeof *l->fds))) {
                free(l);
                return error_set_errno(e, ENOMEM, "cannot keep the listening sockets");
        }
        l->addresses = *addresses;
        l->shared = shared;
        l->backlog = backlog;
        *ret = l;
        return 0;
}

int listeners_open(const struct listen_list *addresses, bool shared, unsigned int n_slots, int backlog, struct listeners **ret,
                   struct error *e) {
        struct listeners *l;
        int r = make(addresses, shared, backlog, &l, e);

        if (r < 0)
                return r;
        for (size_t a = 0; r == 0 && a < addresses->n; a++)
                if (!listen_is_local(&addresses->at[a]))
                        r = probe(&l->addresses.at[a], e);
        if (r == 0)
                r = listeners_resize(l, n_slots, e);
        if (r < 0) {
                listeners_free(l);
                return r;
        }
        *ret = l;
        return 0;
}

int listeners_adopt(const struct listen_list *addresses, bool shared, const int *fds, unsigned int n_adopted, unsigned int n_slots,
                    int backlog, struct listeners **ret, struct error *e) {
        struct listeners *l;
        int r = make(addresses, shared, backlog, &l, e);

        if (r < 0)
                return r;
        l->n_slots = n_adopted;
        l->n_open = n_groups(l, n_adopted);
        memcpy(l->fds, fds, n_groups(l, n_adopted) * addresses->n * sizeof *fds);
        for (size_t a = 0; a < addresses->n; a++)
                if (listen_is_local(&addresses->at[a]))
                        l->places[a] = local_socket_find(&addresses->at[a]);
        if (n_slots > n_adopted)
                r = listeners_resize(l, n_slots, e);
        if (r < 0) {
                l->n_slots = l->n_open = 0; /* they are still the caller's */
                memset(l->places, 0, sizeof l->places);
                listeners_free(l);
                return r;
        }
        *ret = l;
        return 0;
}

static void store_from(const struct listeners *l, unsigned int slot, unsigned int end) {
        for (; slot < end; slot++)
                for (unsigned int a = 0; a < l->addresses.n; a++)
                        store_put(slot, a, l->fds[slot * l->addresses.n + a]);
}

static void unstore_from(const struct listeners *l, unsigned int slot, unsigned int end) {
        for (; slot < end; slot++)
                for (unsigned int a = 0; a < l->addresses.n; a++)
                        store_remove(slot, a);
}

/* Closes what belongs to no slot. */
static void close_spare(void *context) {
        struct listeners *l = context;
        const unsigned int n = n_groups(l, l->n_slots);

        close_from(l, n, l->n_open);
        l->n_open = n;
}

int listeners_resize(struct listeners *l, unsigned int n_slots, struct error *e) {
        unsigned int before = n_groups(l, l->n_slots), after = n_groups(l, n_slots);
        int r = after > l->n_open ? open_slots(l, l->n_open, after, e) : 0;

        if (r < 0)
                return r;
        if (after > l->n_open)
                l->n_open = after;
        l->n_slots = n_slots;
        if (l->stored && before > after)
                unstore_from(l, after, before);
        else if (l->stored)
                store_from(l, before, after);
        /* A copy keeps its place in the group: the next socket to be opened would get another one than its slot's. */
        if (after < l->n_open && !(l->stored && store_when_settled(close_spare, l)))
                close_spare(l);
        return 0;
}

void listeners_store(struct listeners *l) {
        l->stored = true;
        store_from(l, 0, n_groups(l, l->n_slots));
}

void listeners_unstore(struct listeners *l) {
        if (l->stored)
                unstore_from(l, 0, n_groups(l, l->n_slots));
        l->stored = false;
}

void listeners_leave(struct listeners *l) {
        l->given = true;
        l->stored = false;
}

int listeners_steer(const struct listeners *l, const struct selector *selector, struct error *e) {
        struct sock_fprog program;

        memset(&program, 0, sizeof program); /* its padding goes to the kernel too */
        program.len = selector->n;
        program.filter = (struct sock_filter *)selector->program;
        /* Through any socket of a group it is the group's. */
        for (size_t a = 0; a < l->addresses.n; a++)
                if (!listen_is_local(&l->addresses.at[a]) && setsockopt(l->fds[a], SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof program) < 0)
                        return error_set_errno(e, errno, "cannot choose the slots that get new connections");
        return 0;
}

/* Their files go, so that nobody finds them any more. */
static void remove_local(const struct listeners *l) {
        for (size_t a = 0; !l->given && a < l->addresses.n; a++)
                if (listen_is_local(&l->addresses.at[a]))
                        local_socket_remove(&l->addresses.at[a], &l->places[a]);
}

struct listeners *listeners_free(struct listeners *l) {
        if (!l)
                return NULL;
        store_forget_settled();
        remove_local(l);
        close_from(l, 0, l->n_open);
        free(l->fds);
        free(l);
        return NULL;
}

const int *listeners_of(const struct listeners *l, unsigned int slot) {
        return &l->fds[l->shared ? 0 : slot * l->addresses.n];
}

int listeners_refuse_new(const struct listeners *l, struct error *e) {
        if (l->given)
                return 0;
        /* Bound to an interface that cannot be, a socket is not found for any SYN, and the client is refused at once; handshakes that
         * have begun and connections in the queue do not depend on that any more. It takes no privilege, while a socket filter
         * that drops SYNs does. Sockets of the group that are still to be bound may get a last connection; it is served too. */
        remove_local(l);
        for (size_t i = 0; i < l->addresses.n * n_groups(l, l->n_slots); i++) {
                int r = listen_is_local(&l->addresses.at[i % l->addresses.n]) ? 0 : set_option(l->fds[i], SOL_SOCKET, SO_BINDTOIFINDEX, INT_MAX);

                if (r < 0)
                        return error_set_errno(e, -r, "cannot keep new connections from the listening sockets");
        }
        return 0;
}
