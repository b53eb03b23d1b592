#include "admin/host.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

/* What may follow the host: nothing, or a colon and digits. */
static bool is_port(const char *text) {
        return *text == '\0' || (*text == ':' && text[1 + strspn(text + 1, "0123456789")] == '\0');
}

bool host_is_literal(const char *host) {
        static const char localhost[] = "localhost";
        char text[INET6_ADDRSTRLEN];
        struct in6_addr address;
        const char *end;
        size_t length;
        int family;

        if (strncasecmp(host, localhost, sizeof localhost - 1) == 0 && is_port(host + sizeof localhost - 1))
                return true;
        family = *host == '[' ? AF_INET6 : AF_INET;
        end = strchr(host, family == AF_INET6 ? ']' : ':');
        if (family == AF_INET6) {
                if (!end || !is_port(end + 1))
                        return false;
                host++;
        } else if (!end)
                end = host + strlen(host);
        else if (!is_port(end))
                return false;
        length = (size_t)(end - host);
        if (length >= sizeof text)
                return false;
        memcpy(text, host, length);
        text[length] = '\0';
        return inet_pton(family, text, &address) == 1;
}
