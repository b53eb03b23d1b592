#include "act/holder.h"

#include <ctype.h>
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/small_file.h"

/* A /proc/net/tcp address is hexadecimal words in host order of the network-order bytes: comparing memory undoes that. */
static bool parse_hex_address(const char *hex, size_t n_words, uint32_t words[static 4]) {
        for (size_t i = 0; i < n_words; i++)
                if (sscanf(hex + 8 * i, "%8x", &words[i]) != 1)
                        return false;
        return true;
}

static bool same_or_any(const uint32_t *listening, const void *wanted, size_t n_words) {
        static const uint32_t any[4];

        return memcmp(listening, any, 4 * n_words) == 0 || memcmp(wanted, any, 4 * n_words) == 0 ||
               memcmp(listening, wanted, 4 * n_words) == 0;
}

/* The inode of a listening socket in `table` that stands in the way, 0: none. `any_only`: of those for all addresses. */
static unsigned long find_in(const char *table_path, size_t n_words, const void *wanted, unsigned int wanted_port, bool any_only) {
        enum { LISTENING = 0x0a };
        static const uint32_t any[4];
        FILE *table = fopen(table_path, "re");
        unsigned long inode, found = 0;
        unsigned int port, state;
        uint32_t words[4];
        char line[512], hex[40];

        if (!table)
                return 0;
        while (found == 0 && fgets(line, sizeof line, table))
                if (sscanf(line, "%*d: %39[0-9A-F]:%x %*[0-9A-F]:%*x %x %*x:%*x %*x:%*x %*x %*d %*d %lu", hex, &port, &state, &inode) ==
                            4 &&
                    state == LISTENING && port == wanted_port && strlen(hex) == 8 * n_words && parse_hex_address(hex, n_words, words) &&
                    (any_only ? memcmp(words, any, 4 * n_words) == 0 : same_or_any(words, wanted, n_words)))
                        found = inode;
        (void)fclose(table);
        return found;
}

/* `ret_certain`: false for a socket for all IPv6 addresses that may, or may not, take IPv4 connections too. */
static unsigned long find_inode(const struct listen_address *address, bool *ret_certain) {
        unsigned int port = listen_port(address);
        unsigned long inode;

        *ret_certain = true;
        if (address->socket.any.sa_family == AF_INET6)
                return find_in("/proc/net/tcp6", 4, &address->socket.v6.sin6_addr, port, false);
        inode = find_in("/proc/net/tcp", 1, &address->socket.v4.sin_addr, port, false);
        if (inode != 0)
                return inode;
        *ret_certain = false;
        return find_in("/proc/net/tcp6", 4, NULL, port, true);
}

static bool has_socket(const char *pid, unsigned long inode) {
        char path[64], wanted[40], target[40];
        const struct dirent *entry;
        bool found = false;
        DIR *fds;

        (void)snprintf(path, sizeof path, "/proc/%.16s/fd", pid);
        (void)snprintf(wanted, sizeof wanted, "socket:[%lu]", inode);
        fds = opendir(path);
        if (!fds)
                return false; /* another user's, or gone */
        while (!found && (entry = readdir(fds))) {
                ssize_t n = readlinkat(dirfd(fds), entry->d_name, target, sizeof target - 1);

                if (n > 0) {
                        target[n] = '\0';
                        found = strcmp(target, wanted) == 0;
                }
        }
        (void)closedir(fds);
        return found;
}

static void read_name(struct holder *holder) {
        char path[64], name[128];

        (void)snprintf(path, sizeof path, "/proc/%d/comm", (int)holder->pid);
        if (small_file_read(path, name, sizeof name) < 0 || *name == '\0')
                (void)snprintf(name, sizeof name, "?");
        name[strcspn(name, "\n")] = '\0';
        (void)snprintf(holder->name, sizeof holder->name, "%.*s", (int)sizeof holder->name - 1, name);
}

static bool is_restmarkd(const char *pid) {
        struct holder holder = { .pid = (pid_t)strtol(pid, NULL, 10) };

        read_name(&holder);
        return strcmp(holder.name, "restmarkd") == 0;
}

struct holder holder_find(const struct listen_address *address) {
        struct holder holder = { .in_use = false };
        unsigned long inode = listen_port(address) == 0 ? 0 : find_inode(address, &holder.certain);
        const struct dirent *entry;
        DIR *processes;

        if (inode == 0)
                return holder;
        holder.in_use = true;
        processes = opendir("/proc");
        if (!processes)
                return holder;
        /* systemd may keep copies of a daemon's sockets: whoever else has them is the one to name, and restmarkd before all. */
        while (strcmp(holder.name, "restmarkd") != 0 && (entry = readdir(processes)))
                if (isdigit((unsigned char)entry->d_name[0]) && (holder.pid <= 1 || is_restmarkd(entry->d_name)) &&
                    has_socket(entry->d_name, inode)) {
                        holder.pid = (pid_t)strtol(entry->d_name, NULL, 10);
                        read_name(&holder);
                }
        (void)closedir(processes);
        return holder;
}

const char *holder_format(const struct holder *holder, char *text, size_t size) {
        if (holder->pid != 0)
                (void)snprintf(text, size, "%s (pid %d)", holder->name, (int)holder->pid);
        else
                (void)snprintf(text, size, "a process that cannot be seen from here (`ss -ltnp` as root may tell)");
        return text;
}
