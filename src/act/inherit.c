#include "act/inherit.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <restmark/scoreboard.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "act/store.h"
#include "base/fd.h"
#include "base/log.h"

enum { STORED_MAX = RESTMARK_SLOTS_MAX * RESTMARK_LISTEN_MAX };

struct given {
        char *name;
        int fd;
        bool used;
};

struct inherited {
        size_t n_given;
        struct given given[LISTEN_MAX];
        int stored[RESTMARK_SLOTS_MAX][RESTMARK_LISTEN_MAX]; /* -1: none */
        bool has_stored;
};

static void release(struct inherited *in) {
        for (size_t i = 0; i < in->n_given; i++) {
                if (!in->given[i].used)
                        (void)fd_close(in->given[i].fd);
                free(in->given[i].name);
        }
        free(in);
}

static int sort(struct inherited *in, int fd, char *name, struct error *e) {
        unsigned int slot, address;

        if (store_parse_name(name, &slot, &address)) {
                free(name);
                (void)fd_close(in->stored[slot][address]);
                in->stored[slot][address] = fd;
                in->has_stored = true;
                return 0;
        }
        if (in->n_given == LISTEN_MAX) {
                free(name);
                (void)fd_close(fd);
                return error_set(e, -E2BIG, "systemd gives more than %d sockets", LISTEN_MAX);
        }
        in->given[in->n_given++] = (struct given){ .name = name, .fd = fd };
        return 0;
}

static int receive(struct inherited **ret, struct error *e) {
        char **names = NULL;
        int n = sd_listen_fds_with_names(1, &names), r = 0;
        struct inherited *in = calloc(1, sizeof *in);

        if (n < 0 || !in) {
                free(in);
                return error_set_errno(e, n < 0 ? -n : ENOMEM, "cannot take the sockets of $LISTEN_FDS");
        }
        memset(in->stored, -1, sizeof in->stored);
        for (int i = 0; i < n; i++) {
                int fd = SD_LISTEN_FDS_START + i;

                if (r == 0)
                        r = sort(in, fd, names[i], e);
                else {
                        free(names[i]);
                        (void)fd_close(fd);
                }
        }
        free(names);
        if (r < 0)
                release(in);
        else
                *ret = in;
        return r;
}

static int get_option(int fd, int level, int option) {
        socklen_t size = sizeof(int);
        int value;

        return getsockopt(fd, level, option, &value, &size) == 0 ? value : -1;
}

static int read_address(int fd, struct listen_address *ret) {
        socklen_t size = sizeof ret->socket;

        memset(ret, 0, sizeof *ret);
        if (getsockname(fd, &ret->socket.any, &size) < 0)
                return -errno;
        ret->size = listen_is_local(ret) ? sizeof ret->socket.local : size;
        return 0;
}

/* ---- given by a socket unit ---- */

static int check_given(const struct given *g, struct listen_address *ret, struct error *e) {
        int type = get_option(g->fd, SOL_SOCKET, SO_TYPE), one = 1, flags;

        if (type < 0)
                return error_set(e, -ENOTSOCK, "descriptor %d (%s) from systemd is no socket", g->fd, g->name);
        if (read_address(g->fd, ret) < 0 || type != SOCK_STREAM ||
            (ret->socket.any.sa_family != AF_INET && ret->socket.any.sa_family != AF_INET6 && !listen_is_local(ret)))
                return error_set(e, -EPROTOTYPE, "socket %d (%s) from systemd is not for TCP: restmarkd takes those of ListenStream= with a port or a path",
                                 g->fd, g->name);
        if (get_option(g->fd, SOL_SOCKET, SO_ACCEPTCONN) != 1)
                return error_set(e, -EINVAL, "socket %d (%s) from systemd does not listen: the socket unit needs Accept=no", g->fd, g->name);
        flags = fcntl(g->fd, F_GETFL);
        if (flags < 0 || fcntl(g->fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
            (!listen_is_local(ret) && setsockopt(g->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) < 0))
                return error_set_errno(e, errno, "socket %d (%s) from systemd cannot be set up", g->fd, g->name);
        return 0;
}

/* All that are named so; `name` "": all. */
static int choose(struct inherited *in, const char *name, struct listen_list *list, int *fds, struct error *e) {
        size_t before = list->n;

        for (size_t i = 0; i < in->n_given; i++) {
                struct given *g = &in->given[i];
                int r;

                if (g->used || (*name && strcmp(name, g->name) != 0))
                        continue;
                r = check_given(g, &list->at[list->n], e);
                if (r < 0)
                        return r;
                g->used = true;
                fds[list->n++] = g->fd;
        }
        if (list->n > before)
                return 0;
        if (*name)
                return error_set(e, -ENOENT, "systemd gives no socket named \"%s\": is that its FileDescriptorName=?", name);
        return error_set(e, -ENOENT, "systemd gives no socket: is restmarkd started by its socket unit?");
}

/* The first of `wanted` are for HTTP, where none that is named stands for all that have no other use. */
static int choose_http(struct inherited *in, const struct listen_list *wanted, struct listen_list *list, int *fds, struct error *e) {
        const size_t n_http = wanted->n - wanted->n_rpc;
        int r = 0;

        if (!listen_is_given(&wanted->at[0])) {
                log_message(LOG_NOTICE, "the sockets that systemd gives take the place of [server] listen");
                return choose(in, "", list, fds, e);
        }
        for (size_t i = 0; r == 0 && i < n_http; i++)
                r = choose(in, wanted->at[i].socket.given.name, list, fds, e);
        return r;
}

/* Those for calls are always named, and taken out first, as "" is all that are left. */
static int choose_all(struct inherited *in, const struct listen_list *wanted, struct listen_list *list, int *fds, struct error *e) {
        struct listen_list calls = { 0 };
        int call_fds[LISTEN_MAX], r = 0;

        for (size_t i = wanted->n - wanted->n_rpc; r == 0 && i < wanted->n; i++)
                if (!listen_is_given(&wanted->at[i]))
                        r = error_set(e, -EINVAL, "as systemd gives the sockets of [server] listen, [rpc] listen has to name some of them, too: systemd:NAME, "
                                                  "the FileDescriptorName= of their socket unit");
                else
                        r = choose(in, wanted->at[i].socket.given.name, &calls, call_fds, e);
        if (r == 0)
                r = choose_http(in, wanted, list, fds, e);
        for (size_t i = 0; r == 0 && i < calls.n; i++) { /* of systemd's sockets there are no more than LISTEN_MAX */
                list->at[list->n] = calls.at[i];
                fds[list->n++] = call_fds[i];
        }
        list->n_rpc = calls.n;
        for (size_t i = 0; r == 0 && i < in->n_given; i++)
                if (!in->given[i].used)
                        log_message(LOG_WARNING, "socket %s from systemd is not used: neither [server] listen nor [rpc] listen names it", in->given[i].name);
        return r;
}

static int open_given(struct inherited *in, const struct listen_list *wanted, unsigned int n_slots, int backlog, struct listeners **ret,
                      struct error *e) {
        struct listen_list list = { 0 };
        int fds[LISTEN_MAX], r = choose_all(in, wanted, &list, fds, e);

        if (r == 0)
                r = listeners_adopt(&list, true, fds, n_slots, n_slots, backlog, ret, e);
        if (r == 0)
                (*ret)->given = true;
        else
                for (size_t i = 0; i < in->n_given; i++)
                        in->given[i].used = false;
        return r;
}

/* ---- stored by a master that has crashed ---- */

/* Whether it is what would be opened for this address; a port that is 0 takes the one that the socket has. */
static bool fits(int fd, bool shared, struct listen_address *wanted) {
        struct listen_address has;
        in_port_t *port;

        if (read_address(fd, &has) < 0 || get_option(fd, SOL_SOCKET, SO_ACCEPTCONN) != 1 || has.socket.any.sa_family != wanted->socket.any.sa_family)
                return false;
        if (listen_is_local(&has)) /* unless its file has gone meanwhile */
                return memcmp(&has.socket, &wanted->socket, has.size) == 0 && local_socket_find(&has).inode != 0;
        if (get_option(fd, SOL_SOCKET, SO_REUSEPORT) != !shared || get_option(fd, SOL_SOCKET, SO_BINDTOIFINDEX) != 0)
                return false;
        port = has.socket.any.sa_family == AF_INET ? &wanted->socket.v4.sin_port : &wanted->socket.v6.sin6_port;
        if (*port == 0)
                *port = has.socket.any.sa_family == AF_INET ? has.socket.v4.sin_port : has.socket.v6.sin6_port;
        return has.size == wanted->size && memcmp(&has.socket, &wanted->socket, has.size) == 0;
}

/* The first slots, as many as have all their sockets. */
static unsigned int count_complete(struct inherited *in, struct listen_list *list, bool shared, unsigned int most) {
        unsigned int n = 0;

        for (; n < most; n++)
                for (size_t a = 0; a < list->n; a++)
                        if (in->stored[n][a] < 0 || !fits(in->stored[n][a], shared, &list->at[a]))
                                return n;
        return n;
}

/* From the last one on, for their places in the groups. */
static unsigned int drop_rest(struct inherited *in, unsigned int n_slots, size_t n_addresses) {
        unsigned int dropped = 0;

        for (unsigned int slot = RESTMARK_SLOTS_MAX; slot-- > 0;)
                for (unsigned int a = RESTMARK_LISTEN_MAX; a-- > 0;)
                        if (in->stored[slot][a] >= 0 && (slot >= n_slots || a >= n_addresses)) {
                                in->stored[slot][a] = fd_close(in->stored[slot][a]);
                                store_remove(slot, a);
                                dropped++;
                        }
        if (dropped > 0) {
                log_message(LOG_WARNING, "%u listening socket%s that systemd has kept %s closed, as the configuration has changed: what waited "
                                         "there is reset",
                            dropped, dropped == 1 ? "" : "s", dropped == 1 ? "is" : "are");
                store_settle();
        }
        return dropped;
}

static int open_stored(struct inherited *in, const struct listen_list *wanted, bool shared, unsigned int n_slots, int backlog,
                       struct listeners **ret, struct error *e) {
        struct listen_list list = *wanted;
        unsigned int n = count_complete(in, &list, shared, shared ? 1 : n_slots);
        int *fds, r;

        (void)drop_rest(in, n, n > 0 ? list.n : 0);
        if (n == 0)
                return listeners_open(wanted, shared, n_slots, backlog, ret, e);
        fds = malloc(n * list.n * sizeof *fds);
        if (!fds)
                return error_set_errno(e, ENOMEM, "cannot keep the listening sockets");
        for (size_t i = 0; i < n * list.n; i++)
                fds[i] = in->stored[i / list.n][i % list.n];
        r = listeners_adopt(&list, shared, fds, shared ? n_slots : n, n_slots, backlog, ret, e);
        free(fds);
        if (r == 0)
                log_message(LOG_NOTICE, "%u listening socket%s, and what waits there, came back from systemd", n * (unsigned int)list.n,
                            n * list.n == 1 ? "" : "s");
        return r;
}

static bool asks_for_given(const struct listen_list *addresses) {
        return addresses->n > 0 && listen_is_given(&addresses->at[0]);
}

int inherit_listeners(const struct listen_list *addresses, bool shared, unsigned int n_slots, int backlog, struct listeners **ret,
                      struct error *e) {
        struct inherited *in;
        int r = receive(&in, e);

        if (r < 0)
                return r;
        if (in->n_given > 0 || asks_for_given(addresses)) {
                (void)drop_rest(in, 0, 0);
                r = open_given(in, addresses, n_slots, backlog, ret, e);
        } else if (in->has_stored)
                r = open_stored(in, addresses, shared, n_slots, backlog, ret, e);
        else
                r = listeners_open(addresses, shared, n_slots, backlog, ret, e);
        release(in);
        return r;
}
