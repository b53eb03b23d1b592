#include "master/preflight.h"

#include <errno.h>
#include <ifaddrs.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "master/control.h"
#include "master/holder.h"

static bool is_any_or_loopback(const struct listen_address *a) {
        if (a->socket.any.sa_family == AF_INET)
                return a->socket.v4.sin_addr.s_addr == htonl(INADDR_ANY) || ntohl(a->socket.v4.sin_addr.s_addr) >> 24 == 127;
        return IN6_IS_ADDR_UNSPECIFIED(&a->socket.v6.sin6_addr);
}

static bool same_host(const struct sockaddr *one, const struct listen_address *other) {
        if (!one || one->sa_family != other->socket.any.sa_family)
                return false;
        if (one->sa_family == AF_INET)
                return memcmp(&((const struct sockaddr_in *)(const void *)one)->sin_addr, &other->socket.v4.sin_addr,
                              sizeof other->socket.v4.sin_addr) == 0;
        return memcmp(&((const struct sockaddr_in6 *)(const void *)one)->sin6_addr, &other->socket.v6.sin6_addr,
                      sizeof other->socket.v6.sin6_addr) == 0;
}

static int check_local(const struct listen_address *address, struct error *e) {
        struct ifaddrs *all, *i;
        char text[LISTEN_TEXT_MAX];
        bool found = is_any_or_loopback(address);

        if (getifaddrs(&all) < 0)
                return error_set_errno(e, errno, "cannot list this machine's addresses");
        for (i = all; i && !found; i = i->ifa_next)
                found = same_host(i->ifa_addr, address);
        freeifaddrs(all);
        if (found)
                return 0;
        return error_set(e, -EADDRNOTAVAIL, "%s is not an address of this machine: `ip address` lists those that are",
                         listen_format(address, text));
}

static bool may_bind_privileged(void) {
        enum { CAP_NET_BIND_SERVICE_BIT = 10 };
        unsigned long long capabilities = 0;
        char line[128];
        FILE *status = fopen("/proc/self/status", "re");

        while (status && fgets(line, sizeof line, status))
                if (sscanf(line, "CapEff: %llx", &capabilities) == 1)
                        break;
        if (status)
                (void)fclose(status);
        return capabilities >> CAP_NET_BIND_SERVICE_BIT & 1;
}

static int check_privileged(const struct listen_address *address, struct error *e) {
        unsigned int first_free = 1024, port = listen_port(address);
        char text[LISTEN_TEXT_MAX];
        FILE *setting = fopen("/proc/sys/net/ipv4/ip_unprivileged_port_start", "re");

        if (setting) {
                if (fscanf(setting, "%u", &first_free) != 1)
                        first_free = 1024;
                (void)fclose(setting);
        }
        if (port == 0 || port >= first_free || may_bind_privileged())
                return 0;
        return error_set(e, -EACCES, "%s is a privileged port: start as root, give the CAP_NET_BIND_SERVICE capability, or take a port "
                                     "from %u on",
                         listen_format(address, text), first_free);
}

static int check_free(const struct listen_address *address, preflight_note note, struct error *e) {
        struct holder holder = holder_find(address);
        char text[LISTEN_TEXT_MAX], who[128], remark[LISTEN_TEXT_MAX + 256];

        if (!holder.in_use)
                return 0;
        listen_format(address, text);
        holder_format(&holder, who, sizeof who);
        if (holder.certain && strcmp(holder.name, "restmarkd") != 0)
                return error_set(e, -EADDRINUSE, "%s is in use by %s: stop that, or listen elsewhere", text, who);
        (void)snprintf(remark, sizeof remark, "%s %s in use by %s, which runs; a start would fail as long as it does", text, holder.certain ? "is" : "may be", who);
        note(remark);
        return 0;
}

int preflight_listen(const struct listen_list *addresses, preflight_note note, struct error *e) {
        int r = 0;

        for (size_t i = 0; r == 0 && i < addresses->n; i++) {
                if (listen_is_given(&addresses->at[i])) /* what systemd gives only a start can tell */
                        continue;
                r = check_local(&addresses->at[i], e);
                if (r == 0)
                        r = check_privileged(&addresses->at[i], e);
                if (r == 0)
                        r = check_free(&addresses->at[i], note, e);
        }
        return r;
}

/* Whether the directory of the socket, or if that is missing the one it would be made in, can be written to. */
static int check_directory(const char *path, struct error *e) {
        char directory[sizeof ((struct sockaddr_un *)0)->sun_path];

        (void)snprintf(directory, sizeof directory, "%s", path);
        for (int level = 0; level < 2; level++) {
                char *slash = strrchr(directory, '/');

                if (!slash)
                        break;
                slash[slash == directory ? 1 : 0] = '\0';
                if (access(directory, W_OK | X_OK) == 0)
                        return 0;
                if (errno != ENOENT)
                        break;
        }
        return error_set_errno(e, errno, "%s: cannot make the control socket in %s", path, directory);
}

int preflight_control(const char *path, preflight_note note, struct error *e) {
        char remark[192];
        struct stat st;
        pid_t owner;
        int r = control_check_path(path, e);

        if (r < 0)
                return r;
        if (lstat(path, &st) == 0 && !S_ISSOCK(st.st_mode))
                return error_set(e, -EEXIST, "%s: exists and is not a socket: it will not be replaced", path);
        r = check_directory(path, e);
        if (r < 0)
                return r;
        owner = control_find_owner(path);
        if (owner < 0)
                return error_set_errno(e, -owner, "%s: cannot tell whether another daemon has this control socket", path);
        if (owner > 0) {
                (void)snprintf(remark, sizeof remark, "%s is the control socket of process %d, which runs", path, (int)owner);
                note(remark);
        }
        return 0;
}

int preflight_access_log(const char *path, struct error *e) {
        char directory[4096];
        struct stat st;
        char *slash;

        if (stat(path, &st) == 0) {
                if (S_ISDIR(st.st_mode))
                        return error_set(e, -EISDIR, "%s: is a directory, not a file", path);
                return access(path, W_OK) < 0 ? error_set_errno(e, errno, "%s: cannot write to the access log", path) : 0;
        }
        (void)snprintf(directory, sizeof directory, "%s", path);
        slash = strrchr(directory, '/');
        if (slash)
                slash[slash == directory ? 1 : 0] = '\0';
        return access(slash ? directory : ".", W_OK | X_OK) < 0 ? error_set_errno(e, errno, "%s: cannot make the access log", path) : 0;
}
