#include "act/preflight.h"

#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <linux/capability.h>
#include <linux/nsfs.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "act/control.h"
#include "act/control_access.h"
#include "act/holder.h"
#include "act/listener.h"
#include "act/local_socket.h"
#include "act/log_file.h"
#include "act/pid_file.h"
#include "base/fd.h"
#include "base/small_file.h"
#include "shared/heritage.h"

static bool is_any_or_loopback(const struct listen_address *a) {
        if (a->socket.any.sa_family == AF_INET)
                return a->socket.v4.sin_addr.s_addr == htonl(INADDR_ANY) || ntohl(a->socket.v4.sin_addr.s_addr) >> 24 == 127;
        return IN6_IS_ADDR_UNSPECIFIED(&a->socket.v6.sin6_addr);
}

/* Whether the kernel lets sockets be bound to addresses that are nobody's here (yet). */
static bool takes_any_address(const struct listen_address *a) {
        bool is_v4 = a->socket.any.sa_family == AF_INET;
        uint64_t value;

        return small_file_number(is_v4 ? "/proc/sys/net/ipv4/ip_nonlocal_bind" : "/proc/sys/net/ipv6/ip_nonlocal_bind", "", &value) == 0 && value == 1;
}

static bool same_host(const struct sockaddr *one, const struct listen_address *other) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)one, *wanted = &other->socket.v6;

        if (!one || one->sa_family != other->socket.any.sa_family)
                return false;
        if (one->sa_family == AF_INET)
                return memcmp(&((const struct sockaddr_in *)(const void *)one)->sin_addr, &other->socket.v4.sin_addr,
                              sizeof other->socket.v4.sin_addr) == 0;
        return memcmp(&v6->sin6_addr, &wanted->sin6_addr, sizeof v6->sin6_addr) == 0 &&
               (wanted->sin6_scope_id == 0 || v6->sin6_scope_id == 0 || v6->sin6_scope_id == wanted->sin6_scope_id);
}

/* Whether the kernel sends from it what is sent to it: so it is with one that a route makes local (`ip route add local`), and that no
 * interface lists. Nothing is sent. */
static bool is_routed_here(const struct listen_address *address) {
        struct listen_address to = *address, from;
        socklen_t size = sizeof from.socket;
        int fd = socket(address->socket.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        bool same;

        memset(&from, 0, sizeof from);
        if (to.socket.any.sa_family == AF_INET)
                to.socket.v4.sin_port = htons(9);
        else
                to.socket.v6.sin6_port = htons(9);
        same = fd >= 0 && connect(fd, &to.socket.any, to.size) == 0 && getsockname(fd, &from.socket.any, &size) == 0 &&
               same_host(&from.socket.any, address);
        (void)fd_close(fd);
        return same;
}

static int check_local(const struct listen_address *address, struct error *e) {
        struct ifaddrs *all, *i;
        bool found = is_any_or_loopback(address) || takes_any_address(address);
        int fd = socket(address->socket.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (fd < 0)
                return error_set_errno(e, errno, "cannot make a socket");
        (void)fd_close(fd);
        if (getifaddrs(&all) < 0)
                return error_set_errno(e, errno, "cannot list this machine's addresses");
        for (i = all; i && !found; i = i->ifa_next)
                found = same_host(i->ifa_addr, address) || ((i->ifa_flags & IFF_BROADCAST) != 0 && same_host(i->ifa_broadaddr, address));
        freeifaddrs(all);
        return found || is_routed_here(address) ? 0 : listeners_explain(address, EADDRNOTAVAIL, e);
}

/* One of the first 32. */
static bool has_capability(unsigned int bit) {
        struct __user_cap_header_struct self = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];

        return syscall(SYS_capget, &self, sets) == 0 && (sets[0].effective >> bit & 1) != 0;
}

/* Whether this network belongs to a user namespace above ours, in which our capabilities do not count. */
static bool network_is_foreign(void) {
        int network = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), owner = network < 0 ? -1 : ioctl(network, NS_GET_USERNS);
        bool foreign = network >= 0 && owner < 0 && errno == EPERM;

        (void)fd_close(owner);
        (void)fd_close(network);
        return foreign;
}

static int check_privileged(const struct listen_address *address, struct error *e) {
        unsigned int port = listen_port(address);
        uint64_t first_free;

        if (small_file_number("/proc/sys/net/ipv4/ip_unprivileged_port_start", "", &first_free) < 0)
                first_free = 1024;
        if (port == 0 || port >= first_free || (has_capability(CAP_NET_BIND_SERVICE) && !network_is_foreign()))
                return 0;
        return listeners_explain(address, EACCES, e);
}

static int check_free(const struct listen_address *address, preflight_note note, struct error *e) {
        struct holder holder = holder_find(address);
        char text[LISTEN_TEXT_MAX], who[128], remark[LISTEN_TEXT_MAX + 256];

        if (!holder.in_use || holder.pid == getpid())
                return 0;
        listen_format(address, text);
        holder_format(&holder, who, sizeof who);
        if (holder.certain && strcmp(holder.name, "restmarkd") != 0)
                return listeners_explain(address, EADDRINUSE, e);
        (void)snprintf(remark, sizeof remark, "%s %s in use by %s, which runs; a start would fail as long as it does", text, holder.certain ? "is" : "may be", who);
        note(remark);
        return 0;
}

static int check_socket_file(const struct listen_address *address, preflight_note note, struct error *e) {
        char remark[256];
        pid_t owner;
        int r = local_socket_examine(address, &owner, e);

        if (r >= 0 && owner > 0 && owner != getpid()) {
                (void)snprintf(remark, sizeof remark, "%s is in use by process %d, which runs; a start would fail as long as it does",
                               address->socket.local.sun_path, (int)owner);
                note(remark);
        }
        return r < 0 ? r : 0;
}

static bool has_address(const struct listen_list *list, const struct listen_address *address) {
        for (size_t i = 0; list && i < list->n; i++)
                if (memcmp(&list->at[i], address, sizeof *address) == 0)
                        return true;
        return false;
}

/* Those in `running` (NULL: none) are passed over. */
static int check_addresses(const struct listen_list *addresses, const struct listen_list *running, preflight_note note, struct error *e) {
        int r = 0;

        for (size_t i = 0; r == 0 && i < addresses->n; i++) {
                const struct listen_address *address = &addresses->at[i];

                if (listen_is_given(address) || has_address(running, address)) /* what systemd gives only a start can tell */
                        continue;
                if (listen_is_local(address)) {
                        r = check_socket_file(address, note, e);
                        continue;
                }
                r = check_local(address, e);
                if (r == 0)
                        r = check_privileged(address, e);
                if (r == 0)
                        r = check_free(address, note, e);
        }
        return r;
}

/* ---- the control socket ---- */

/* The directory of the socket, made whole if it is missing. `directory` has room for a socket's path. */
static int check_directory(const char *path, char *directory, struct error *e) {
        char *slash;
        int r = 0;

        strcpy(directory, path);
        slash = strrchr(directory, '/');
        slash[slash == directory ? 1 : 0] = '\0';
        if (access(directory, F_OK) == 0 || errno != ENOENT)
                return 0; /* what is wrong with it the socket itself meets */
        slash = strrchr(directory, '/');
        *slash = '\0';
        if (access(slash == directory ? "/" : directory, W_OK | X_OK) < 0)
                r = -errno;
        *slash = '/';
        return r < 0 ? control_explain(CONTROL_STEP_DIRECTORY, directory, -r, e) : 1;
}

static bool is_in_group(gid_t group) {
        gid_t groups[HERITAGE_GROUPS_MAX * 4];
        int n = getgroups(sizeof groups / sizeof *groups, groups);

        for (int i = 0; i < n; i++)
                if (groups[i] == group)
                        return true;
        return group == getegid();
}

static int check_group(const struct control_access *access, const char *path, const char *directory, struct error *e) {
        struct stat st;

        if (!access->has_group || is_in_group(access->group) || has_capability(CAP_CHOWN) ||
            (stat(directory, &st) == 0 && (st.st_mode & S_ISGID) != 0 && st.st_gid == access->group))
                return 0;
        return control_access_explain(access, path, EPERM, e);
}

/* In the order of a start, whose first complaint it is. */
static int check_control(const char *path, const struct control_access *access_wanted, preflight_note note, struct error *e) {
        char directory[sizeof ((struct sockaddr_un *)0)->sun_path], remark[192];
        struct control_place place;
        int r = check_directory(path, directory, e);

        if (r != 0)
                return r < 0 ? r : check_group(access_wanted, path, directory, e);
        r = control_examine(path, &place, e);
        if (r < 0)
                return r;
        if (access(directory, W_OK | X_OK) < 0)
                return control_explain(place.exists && place.owner == 0 ? CONTROL_STEP_REMOVE : CONTROL_STEP_MAKE, path, errno, e);
        if (place.owner > 0 && place.owner != getpid()) {
                (void)snprintf(remark, sizeof remark, "%s is the control socket of process %d, which runs", path, (int)place.owner);
                note(remark);
        }
        return check_group(access_wanted, path, directory, e);
}

int preflight_control(const struct config *c, char **ret_path, struct control_access *ret, enum option_id *ret_bad, struct error *e) {
        bool bad_group = false;
        int r = control_access_find(c->control_mode, c->control_group, ret, &bad_group, e);

        if (r < 0) {
                *ret_bad = bad_group ? OPTION_control_group : OPTION_control_mode;
                return r;
        }
        *ret_bad = OPTION_control;
        r = control_resolve_path(c->control, ret_path, e);
        return r == 0 && *ret_path ? control_check_path(*ret_path, e) : r;
}

/* "auto" is a convenience, without which a daemon does; see open_control() in parts.c. */
static int check_control_options(const struct config *c, preflight_note note, enum option_id *ret_bad, struct error *e) {
        struct control_access access;
        char *path = NULL;
        int r = preflight_control(c, &path, &access, ret_bad, e);

        if (r == 0 && path) {
                r = check_control(path, &access, note, e);
                if (r < 0 && strcmp(c->control, "auto") == 0) {
                        (void)error_prefix(e, r, "no control socket");
                        note(e->text);
                        r = 0;
                }
        }
        free(path);
        return r;
}

static int check_access_log(const char *path, preflight_note note, struct error *e) {
        char remark[512];
        int r = log_file_check(path, e);

        if (r <= 0)
                return r;
        (void)snprintf(remark, sizeof remark, "%.400s is a pipe: a start fails as long as nobody reads it", path);
        note(remark);
        return 0;
}

static int check_pid_file(const char *path, preflight_note note, struct error *e) {
        char remark[512];
        int r = pid_file_check(path, e);

        if (r <= 0)
                return r;
        (void)snprintf(remark, sizeof remark, "%.400s belongs to a daemon that runs: a start fails as long as it does", path);
        note(remark);
        return 0;
}

static int check_options(const struct config *c, const struct config *running, bool given, preflight_note note, enum option_id *ret_bad,
                         struct error *e) {
        int r;

        *ret_bad = OPTION_access_log; /* which a reload has opened already, if there is one */
        r = running || !*c->access_log ? 0 : check_access_log(c->access_log, note, e);
        if (r < 0)
                return r;
        *ret_bad = OPTION_pid_file;
        r = !*c->pid_file || (running && !config_differs(running, c, OPTION_pid_file)) ? 0 : check_pid_file(c->pid_file, note, e);
        if (r < 0)
                return r;
        *ret_bad = OPTION_listen;
        r = given ? 0 : check_addresses(&c->listen, running ? &running->listen : NULL, note, e);
        if (r < 0)
                return r;
        *ret_bad = OPTION_rpc_listen;
        r = given ? 0 : check_addresses(&c->rpc_listen, running ? &running->rpc_listen : NULL, note, e);
        if (r < 0)
                return r;
        *ret_bad = OPTION_admin_listen;
        r = check_addresses(&c->admin_listen, running ? &running->admin_listen : NULL, note, e);
        if (r < 0)
                return r;
        if (running && !config_differs(running, c, OPTION_control) && !config_differs(running, c, OPTION_control_mode) &&
            !config_differs(running, c, OPTION_control_group))
                return 0;
        return check_control_options(c, note, ret_bad, e);
}

int preflight_start(const struct config *config, const struct config *running, bool given, preflight_note note, struct error *e) {
        char where[4200];
        enum option_id bad;
        int r = check_options(config, running, given, note, &bad, e);

        return r < 0 ? error_prefix(e, r, "%s", config_where(config, bad, where, sizeof where)) : 0;
}
