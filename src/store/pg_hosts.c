#include "store/pg_hosts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *value_of(const PQconninfoOption *parsed, const char *keyword) {
        for (const PQconninfoOption *o = parsed; o && o->keyword; o++)
                if (strcmp(o->keyword, keyword) == 0)
                        return o->val ? o->val : "";
        return "";
}

/* Takes what is before the next comma, which it goes behind; *at is then NULL at the end. Returns whether it fits. */
static bool take_part(const char **at, char *part, size_t size) {
        size_t length = strcspn(*at, ",");
        bool fits = length < size;

        (void)snprintf(part, size, "%.*s", (int)length, *at);
        *at = (*at)[length] == ',' ? *at + length + 1 : NULL;
        return fits;
}

static int read_ports(const char *ports, struct pg_hosts *hosts, struct error *e) {
        const char *at = ports;
        size_t n = 0;

        if (!strchr(ports, ','))
                return 0;
        for (; at && n < hosts->n; n++)
                if (!take_part(&at, hosts->ports[n], sizeof hosts->ports[n]))
                        return error_set(e, -EINVAL, "the port of its host %zu is too long", n + 1);
        hosts->has_ports = true;
        return at || n < hosts->n ? error_set(e, -EINVAL, "it has not as many ports as hosts, nor one for all") : 0;
}

int pg_hosts_read(const PQconninfoOption *parsed, struct pg_hosts *ret, struct error *e) {
        const char *at = value_of(parsed, "host");

        memset(ret, 0, sizeof *ret);
        if (!*at || *value_of(parsed, "hostaddr"))
                return 0; /* it is libpq's default, or has its address */
        while (at) {
                char *host = ret->hosts[ret->n];

                if (ret->n == LOOKUP_NAMES_MAX)
                        return error_set(e, -EINVAL, "it has more than %d hosts", LOOKUP_NAMES_MAX);
                if (!take_part(&at, host, sizeof ret->hosts[0]))
                        return error_set(e, -EINVAL, "its host %zu is too long: there is room for %d bytes", ret->n + 1, LOOKUP_NAME_MAX - 1);
                if (lookup_is_needed(host))
                        memcpy(ret->names.names[ret->names.n++], host, sizeof ret->hosts[0]);
                ret->n++;
        }
        return read_ports(value_of(parsed, "port"), ret, e);
}

static void append(char text[static PG_PARAMETER_MAX], const char *part, bool is_first) {
        size_t length = strlen(text);

        (void)snprintf(text + length, PG_PARAMETER_MAX - length, "%s%s", is_first ? "" : ",", part);
}

/* An empty hostaddr is none: libpq then takes the host. */
static void append_host(const struct pg_hosts *hosts, size_t i, const char *address, size_t *n, struct pg_parameters *to) {
        append(to->host, hosts->hosts[i], *n == 0);
        append(to->hostaddr, address, *n == 0);
        if (hosts->has_ports)
                append(to->port, hosts->ports[i], *n == 0);
        (*n)++;
}

bool pg_hosts_write(const struct pg_hosts *hosts, const struct lookup_answer *answer, struct pg_parameters *ret) {
        size_t n = 0, name = 0;

        ret->host[0] = ret->hostaddr[0] = ret->port[0] = '\0';
        for (size_t i = 0; i < hosts->n; i++) {
                if (name == hosts->names.n || strcmp(hosts->names.names[name], hosts->hosts[i]) != 0) {
                        append_host(hosts, i, "", &n, ret);
                        continue;
                }
                for (size_t a = 0; a < answer->n; a++)
                        if (answer->addresses[a].name == name)
                                append_host(hosts, i, answer->addresses[a].text, &n, ret);
                name++;
        }
        return n > 0;
}
