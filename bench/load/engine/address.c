#include "engine/address.h"

#include <errno.h>
#include <netdb.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

#include "base/number.h"

struct parts {
        char host[256], port[8];
        bool literal; /* an IPv6 address in brackets */
};

static int resolve_local(const char *path, struct address *ret, struct error *e) {
        struct sockaddr_un *un = (struct sockaddr_un *)&ret->socket;
        size_t n = strlen(path);
        bool abstract = path[0] == '@';

        if (n == 0 || n >= sizeof un->sun_path)
                return error_set(e, -EINVAL, "unix:%s: the path of a socket has from 1 to %zu bytes", path, sizeof un->sun_path - 1);
        un->sun_family = AF_UNIX;
        memcpy(un->sun_path, path, n + 1);
        if (abstract)
                un->sun_path[0] = '\0';
        ret->length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + !abstract);
        ret->local = true;
        (void)snprintf(ret->host, sizeof ret->host, "localhost");
        (void)snprintf(ret->text, sizeof ret->text, "unix:%s", path);
        return 0;
}

/* Splits HOST[:PORT], `n` bytes. */
static int split(const char *url, const char *authority, size_t n, struct parts *ret, struct error *e) {
        const char *end = authority + n, *host = authority, *host_end, *port;
        uint64_t number = 80;

        ret->literal = n > 0 && *host == '[';
        if (ret->literal) {
                host++;
                host_end = memchr(host, ']', (size_t)(end - host));
                port = host_end ? host_end + 1 : NULL;
        } else {
                host_end = memchr(host, ':', n);
                port = host_end = host_end ? host_end : end;
        }
        if (memchr(authority, '@', n))
                return error_set(e, -EINVAL, "%s: a user in a URL is not understood; send --header \"Authorization: …\"", url);
        if (!host_end || host_end == host || (size_t)(host_end - host) >= sizeof ret->host || (port < end && *port != ':'))
                return error_set(e, -EINVAL, "%s: no host; write http://HOST[:PORT]/ or http://[::1]:8080/", url);
        if (port < end && (number_parse(port + 1, (size_t)(end - port - 1), &number) < 0 || number == 0 || number > 65535))
                return error_set(e, -EINVAL, "%s: the port is a number from 1 to 65535", url);
        memcpy(ret->host, host, (size_t)(host_end - host));
        ret->host[host_end - host] = '\0';
        (void)snprintf(ret->port, sizeof ret->port, "%u", (unsigned int)number);
        return 0;
}

static int look_up(const char *url, const struct parts *parts, struct address *ret, struct error *e) {
        struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV }, *found = NULL;
        char host[NI_MAXHOST], port[NI_MAXSERV];
        int code = getaddrinfo(parts->host, parts->port, &hints, &found);

        if (code != 0)
                return error_set(e, -EHOSTUNREACH, "%s: cannot look up \"%s\": %s", url, parts->host,
                                 code == EAI_SYSTEM ? strerror(errno) : gai_strerror(code));
        memcpy(&ret->socket, found->ai_addr, found->ai_addrlen);
        ret->length = found->ai_addrlen;
        freeaddrinfo(found);
        code = getnameinfo((struct sockaddr *)&ret->socket, ret->length, host, sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV);
        if (code != 0)
                return error_set(e, -EHOSTUNREACH, "%s: cannot write its address: %s", url, gai_strerror(code));
        (void)snprintf(ret->text, sizeof ret->text, strchr(host, ':') ? "[%.100s]:%.8s" : "%.100s:%.8s", host, port);
        return 0;
}

int address_resolve(const char *url, struct address *ret, struct error *e) {
        static const char scheme[] = "http://", call_scheme[] = "rpc://", local_call[] = "rpc+unix:";
        const bool is_call = strncasecmp(url, call_scheme, sizeof call_scheme - 1) == 0;
        const char *authority = url + (is_call ? sizeof call_scheme : sizeof scheme) - 1;
        bool default_port;
        struct parts parts;
        size_t n;
        int r;

        *ret = (struct address){ .target = NULL };
        if (strncmp(url, "unix:", 5) == 0)
                return resolve_local(url + 5, ret, e);
        ret->is_call = is_call;
        if (strncasecmp(url, local_call, sizeof local_call - 1) == 0) {
                ret->is_call = true;
                return resolve_local(url + sizeof local_call - 1, ret, e);
        }
        if (strncasecmp(url, "https://", 8) == 0)
                return error_set(e, -EINVAL, "%s: TLS is not spoken; name the server's http:// address", url);
        if (!is_call && strncasecmp(url, scheme, sizeof scheme - 1) != 0)
                return error_set(e, -EINVAL, "\"%s\" is no URL; write http://HOST[:PORT]/TARGET or unix:PATH, for calls rpc://HOST:PORT or rpc+unix:PATH", url);
        n = strcspn(authority, "/?#");
        r = split(url, authority, n, &parts, e);
        if (r < 0)
                return r;
        if (authority[n] && authority[n] != '/')
                return error_set(e, -EINVAL, "%s: write a / behind the host", url);
        ret->target = authority[n] ? authority + n : NULL;
        default_port = strcmp(parts.port, "80") == 0;
        (void)snprintf(ret->host, sizeof ret->host, parts.literal ? "[%s]%s%s" : "%s%s%s", parts.host, default_port ? "" : ":",
                       default_port ? "" : parts.port);
        return look_up(url, &parts, ret, e);
}
