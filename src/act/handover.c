#include "act/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/number.h"
#include "shared/link.h"

int handover_check(const struct handover *h, struct error *e) {
        if (h->board_version != RESTMARK_SCOREBOARD_VERSION || h->board_bytes != sizeof(struct restmark_scoreboard))
                return error_set(e, -EPROTO,
                                 "the workers' scoreboard has version %lld (%lld bytes), that of restmarkd at hand %u (%zu bytes): this "
                                 "upgrade takes a restart",
                                 (long long)h->board_version, (long long)h->board_bytes, RESTMARK_SCOREBOARD_VERSION,
                                 sizeof(struct restmark_scoreboard));
        if (h->link_version != LINK_VERSION)
                return error_set(e, -EPROTO,
                                 "the workers speak version %lld of the link to their master, restmarkd at hand %d: this upgrade takes a "
                                 "restart",
                                 (long long)h->link_version, LINK_VERSION);
        return 0;
}

/* ---- the listening sockets ---- */

static int get_option(int fd, int option) {
        socklen_t size = sizeof(int);
        int value;

        return getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0 ? value : -1;
}

static int read_address(int fd, struct listen_address *ret, struct error *e) {
        socklen_t size = sizeof ret->socket;

        memset(ret, 0, sizeof *ret);
        if (get_option(fd, SO_TYPE) != SOCK_STREAM || get_option(fd, SO_ACCEPTCONN) != 1 || getsockname(fd, &ret->socket.any, &size) < 0 ||
            (ret->socket.any.sa_family != AF_INET && ret->socket.any.sa_family != AF_INET6 && !listen_is_local(ret)))
                return error_set(e, -EPROTO, "descriptor %d is no listening TCP socket", fd);
        ret->size = listen_is_local(ret) ? sizeof ret->socket.local : size;
        return 0;
}

int handover_adopt_listeners(const struct handover *h, size_t n_rpc, int backlog, struct listeners **ret, struct error *e) {
        const unsigned int n_slots = h->is_shared ? 1 : (unsigned int)h->n_slots;
        struct listen_list list = { 0 };
        int fds[HANDOVER_SOCKETS_MAX], r = 0;

        for (size_t i = 0; i < h->n_sockets; i++)
                if (list.n <= h->sockets[i].address)
                        list.n = h->sockets[i].address + 1;
        for (size_t i = 0; i < n_slots * list.n; i++)
                fds[i] = -1;
        for (size_t i = 0; r == 0 && i < h->n_sockets; i++) {
                const struct handover_socket *s = &h->sockets[i];

                if (s->slot >= n_slots)
                        return error_set(e, -EPROTO, "the handover names a socket without a slot");
                fds[s->slot * list.n + s->address] = s->fd;
                r = read_address(s->fd, &list.at[s->address], e);
        }
        for (size_t i = 0; r == 0 && i < n_slots * list.n; i++)
                if (fds[i] < 0)
                        r = error_set(e, -EPROTO, "the handover lacks a listening socket");
        if (r == 0 && list.n == 0)
                r = error_set(e, -EPROTO, "the handover has no listening socket");
        list.n_rpc = n_rpc;
        if (r == 0 && n_rpc > list.n)
                r = error_set(e, -EPROTO, "the handover lacks the sockets of [rpc] listen");
        if (r == 0)
                r = listeners_adopt(&list, h->is_shared, fds, (unsigned int)h->n_slots, (unsigned int)h->n_slots, backlog, ret, e);
        if (r < 0)
                return r;
        (*ret)->given = h->is_given;
        (*ret)->stored = h->is_stored;
        return 0;
}

/* ---- the memory file ---- */

int handover_save(const struct handover *h, int *ret_fd, struct error *e) {
        int fd = memfd_create("restmark-handover", MFD_CLOEXEC), copy = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
        FILE *to = copy < 0 ? NULL : fdopen(copy, "w");

        if (to) {
                handover_write(h, to);
                if (fclose(to) == 0) {
                        *ret_fd = fd;
                        return 0;
                }
                copy = -1;
        }
        (void)error_set_errno(e, errno, "cannot write the handover");
        (void)fd_close(copy);
        (void)fd_close(fd);
        return -EIO;
}

static int read_all(int fd, char **ret_text, size_t *ret_size, struct error *e) {
        struct stat st;
        size_t size;
        char *text;

        if (fstat(fd, &st) < 0 || st.st_size < 0 || st.st_size > HANDOVER_BYTES_MAX)
                return error_set(e, -EINVAL, "$%s names no handover", HANDOVER_VARIABLE);
        size = (size_t)st.st_size;
        text = malloc(size + 1);
        if (!text)
                return error_set_errno(e, ENOMEM, "cannot read the handover");
        if (pread(fd, text, size, 0) != (ssize_t)size) {
                free(text);
                return error_set(e, -EIO, "cannot read the handover");
        }
        *ret_text = text;
        *ret_size = size;
        return 0;
}

int handover_load(struct handover **ret, struct error *e) {
        const char *variable = getenv(HANDOVER_VARIABLE);
        struct handover *h;
        uint64_t fd;
        size_t size;
        char *text;
        int r;

        if (!variable)
                return 0;
        if (number_parse(variable, strlen(variable), &fd) < 0 || fd > INT_MAX)
                return error_set(e, -EINVAL, "$%s is no descriptor's number", HANDOVER_VARIABLE);
        (void)unsetenv(HANDOVER_VARIABLE); /* workers, and whatever else is executed, are not meant */
        r = read_all((int)fd, &text, &size, e);
        if (r < 0)
                return r;
        h = malloc(sizeof *h);
        r = h ? handover_parse(text, size, h, e) : error_set_errno(e, ENOMEM, "cannot read the handover");
        free(text);
        if (r < 0) {
                free(h);
                return r;
        }
        (void)fd_close((int)fd);
        *ret = h;
        return 1;
}

static int pass_one(int64_t fd, bool pass) {
        return fd < 0 || fcntl((int)fd, F_SETFD, pass ? 0 : FD_CLOEXEC) == 0 ? 0 : -errno;
}

int handover_pass(const struct handover *h, int fd, bool pass, struct error *e) {
        const int64_t singles[] = { fd, h->board_fd, h->program_fd, h->boot_fd, h->config_fd, h->pid_fd, h->control_fd };
        int r = 0;

        for (size_t i = 0; r == 0 && i < sizeof singles / sizeof *singles; i++)
                r = pass_one(singles[i], pass);
        for (size_t i = 0; r == 0 && i < h->n_sockets; i++)
                r = pass_one(h->sockets[i].fd, pass);
        for (size_t i = 0; r == 0 && i < h->n_children; i++) {
                r = pass_one(h->children[i].link, pass);
                if (r == 0)
                        r = pass_one(h->children[i].cell, pass);
        }
        for (size_t i = 0; r == 0 && i < h->n_admin; i++)
                r = pass_one(h->admin[i], pass);
        for (size_t i = 0; r == 0 && i < h->n_clients; i++)
                r = pass_one(h->clients[i], pass);
        for (size_t i = 0; r == 0 && i < h->n_callers; i++)
                r = pass_one(h->callers[i], pass);
        return r < 0 ? error_set_errno(e, -r, "cannot hand over a descriptor") : 0;
}
