#include "config/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/number.h"

static int set_v4(const char *host, uint16_t port, struct listen_address *ret, struct error *e) {
        struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(port) };

        if (inet_pton(AF_INET, host, &v4.sin_addr) != 1)
                return error_set(e, -EINVAL,
                                 "\"%s\" is not an IP address (host names are not looked up): write one such as "
                                 "127.0.0.1:%u, [::1]:%u or *:%u",
                                 host, (unsigned int)port, (unsigned int)port, (unsigned int)port);
        /* The kernel would listen, and no client could connect. */
        if (IN_MULTICAST(ntohl(v4.sin_addr.s_addr)) || v4.sin_addr.s_addr == INADDR_BROADCAST)
                return error_set(e, -EINVAL, "%s is an address for many: write one of this machine's own", host);
        memset(ret, 0, sizeof *ret); /* whole, as addresses are compared byte by byte */
        ret->size = sizeof v4;
        ret->socket.v4 = v4;
        return 0;
}

static int set_v6(char *host, uint16_t port, struct listen_address *ret, struct error *e) {
        struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
        char *zone = strchr(host, '%');
        uint64_t index;

        if (zone) {
                *zone++ = '\0';
                v6.sin6_scope_id = if_nametoindex(zone);
                if (v6.sin6_scope_id == 0 && number_parse(zone, strlen(zone), &index) == 0 && index <= UINT32_MAX)
                        v6.sin6_scope_id = (uint32_t)index; /* RFC 4007 */
                if (v6.sin6_scope_id == 0)
                        return error_set(e, -ENODEV, "there is no network interface \"%s\" on this machine", zone);
        }
        if (inet_pton(AF_INET6, host, &v6.sin6_addr) != 1)
                return error_set(e, -EINVAL, "\"%s\" is not an IPv6 address", host);
        if (IN6_IS_ADDR_MULTICAST(&v6.sin6_addr))
                return error_set(e, -EINVAL, "%s is an address for many: write one of this machine's own", host);
        if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr))
                return error_set(e, -EINVAL, "%s stands for an IPv4 address: write that, without brackets", host);
        if (IN6_IS_ADDR_LINKLOCAL(&v6.sin6_addr) && v6.sin6_scope_id == 0)
                return error_set(e, -EINVAL, "%s is an address of one link: say which interface has it, as in [%s%%eth0]:%u", host, host, (unsigned int)port);
        memset(ret, 0, sizeof *ret);
        ret->size = sizeof v6;
        ret->socket.v6 = v6;
        return 0;
}

static int set_given(const char *name, struct listen_address *ret, struct error *e) {
        size_t length = strlen(name);

        if (length >= LISTEN_NAME_MAX)
                return error_set(e, -EINVAL, "the name of a socket from systemd can have %d characters here", LISTEN_NAME_MAX - 1);
        memset(ret, 0, sizeof *ret);
        ret->size = sizeof ret->socket.given;
        ret->socket.given.family = AF_UNSPEC;
        memcpy(ret->socket.given.name, name, length);
        return 0;
}

static int set_local(const char *path, struct listen_address *ret, struct error *e) {
        size_t length = strlen(path);

        if (*path != '/')
                return error_set(e, -EINVAL, "\"unix:%s\": write the whole path of the socket, from /", path);
        if (length >= sizeof ret->socket.local.sun_path)
                return error_set(e, -ENAMETOOLONG, "%s: a Unix socket's path can have %zu bytes, this one has %zu", path,
                                 sizeof ret->socket.local.sun_path - 1, length);
        for (size_t i = 0; i < length; i++)
                if ((unsigned char)path[i] < ' ' || path[i] == 0x7f || path[i] == '"' || path[i] == '\\')
                        return error_set(e, -EINVAL, "the path of a Unix socket cannot have control characters, quotes or backslashes here");
        memset(ret, 0, sizeof *ret);
        ret->size = sizeof ret->socket.local;
        ret->socket.local.sun_family = AF_UNIX;
        memcpy(ret->socket.local.sun_path, path, length);
        return 0;
}

int listen_join(const struct listen_list *http, const struct listen_list *rpc, struct listen_list *ret, struct error *e) {
        if (http->n + rpc->n > LISTEN_MAX)
                return error_set(e, -E2BIG, "[server] listen and [rpc] listen name %zu addresses; together they can have %d", http->n + rpc->n, LISTEN_MAX);
        *ret = *http;
        for (size_t i = 0; i < rpc->n; i++)
                ret->at[ret->n++] = rpc->at[i];
        ret->n_rpc = rpc->n;
        return 0;
}

int listen_parse(const char *text, struct listen_address *ret, struct error *e) {
        const char *colon = strrchr(text, ':');
        char host[64];
        size_t length;
        uint64_t port;

        if (strcmp(text, "systemd") == 0)
                return set_given("", ret, e);
        if (strncmp(text, "systemd:", strlen("systemd:")) == 0)
                return set_given(text + strlen("systemd:"), ret, e);
        if (strncmp(text, "unix:", strlen("unix:")) == 0)
                return set_local(text + strlen("unix:"), ret, e);
        if (!colon)
                return error_set(e, -EINVAL, "\"%s\" has no port: write ADDRESS:PORT, such as 127.0.0.1:8080", text);
        if (number_parse(colon + 1, strlen(colon + 1), &port) < 0 || port > UINT16_MAX)
                return error_set(e, -EINVAL, "\"%s\" is not a port: write a number from 0 (any free port) to 65535", colon + 1);

        length = (size_t)(colon - text);
        if (length >= sizeof host)
                return error_set(e, -EINVAL, "the address is longer than any IP address is");
        memcpy(host, text, length);
        host[length] = '\0';

        if (length >= 2 && host[0] == '[' && host[length - 1] == ']') {
                host[length - 1] = '\0';
                return set_v6(host + 1, (uint16_t)port, ret, e);
        }
        if (strchr(host, ':'))
                return error_set(e, -EINVAL, "write an IPv6 address in brackets: [%s]:%u", host, (unsigned int)port);
        if (strcmp(host, "*") == 0 || length == 0)
                return set_v4("0.0.0.0", (uint16_t)port, ret, e);
        if (strcmp(host, "localhost") == 0)
                return set_v4("127.0.0.1", (uint16_t)port, ret, e);
        return set_v4(host, (uint16_t)port, ret, e);
}

const char *listen_format(const struct listen_address *address, char *text) {
        char host[INET6_ADDRSTRLEN] = "?", zone[IF_NAMESIZE] = "";
        const struct sockaddr_in6 *v6 = &address->socket.v6;

        if (listen_is_given(address)) {
                (void)snprintf(text, LISTEN_TEXT_MAX, "systemd%s%s", *address->socket.given.name ? ":" : "", address->socket.given.name);
                return text;
        }
        if (listen_is_local(address)) {
                (void)snprintf(text, LISTEN_TEXT_MAX, "unix:%s", address->socket.local.sun_path);
                return text;
        }
        if (address->socket.any.sa_family == AF_INET) {
                (void)inet_ntop(AF_INET, &address->socket.v4.sin_addr, host, sizeof host);
                (void)snprintf(text, LISTEN_TEXT_MAX, "%s:%u", host, listen_port(address));
                return text;
        }
        (void)inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof host);
        /* Of an interface that has gone the number says what was meant. */
        if (v6->sin6_scope_id != 0 && !if_indextoname(v6->sin6_scope_id, zone))
                (void)snprintf(zone, sizeof zone, "%u", v6->sin6_scope_id);
        if (*zone)
                (void)snprintf(text, LISTEN_TEXT_MAX, "[%s%%%s]:%u", host, zone, listen_port(address));
        else
                (void)snprintf(text, LISTEN_TEXT_MAX, "[%s]:%u", host, listen_port(address));
        return text;
}

unsigned int listen_port(const struct listen_address *address) {
        if (listen_is_given(address) || listen_is_local(address))
                return 0;
        return ntohs(address->socket.any.sa_family == AF_INET ? address->socket.v4.sin_port : address->socket.v6.sin6_port);
}

bool listen_is_loopback(const struct listen_address *address) {
        if (listen_is_local(address))
                return true;
        if (address->socket.any.sa_family == AF_INET)
                return ntohl(address->socket.v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
        return IN6_IS_ADDR_LOOPBACK(&address->socket.v6.sin6_addr);
}

/* Sockets of restmarkd's for IPv6 take no IPv4 (IPV6_V6ONLY), so that two families never meet. */
bool listen_overlap(const struct listen_address *a, const struct listen_address *b) {
        unsigned int port = listen_port(a);

        if (listen_is_local(a) && listen_is_local(b))
                return strcmp(a->socket.local.sun_path, b->socket.local.sun_path) == 0;
        if (port == 0 || port != listen_port(b) || a->socket.any.sa_family != b->socket.any.sa_family)
                return false;
        if (a->socket.any.sa_family == AF_INET) {
                in_addr_t x = a->socket.v4.sin_addr.s_addr, y = b->socket.v4.sin_addr.s_addr;

                return x == y || x == htonl(INADDR_ANY) || y == htonl(INADDR_ANY);
        }
        return IN6_IS_ADDR_UNSPECIFIED(&a->socket.v6.sin6_addr) || IN6_IS_ADDR_UNSPECIFIED(&b->socket.v6.sin6_addr) ||
               (IN6_ARE_ADDR_EQUAL(&a->socket.v6.sin6_addr, &b->socket.v6.sin6_addr) &&
                a->socket.v6.sin6_scope_id == b->socket.v6.sin6_scope_id);
}
