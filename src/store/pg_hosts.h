/* The hosts that a database's URL names, and how libpq is told their addresses, so that it looks up none itself: that would block. */
#ifndef RESTMARK_STORE_PG_HOSTS_H
#define RESTMARK_STORE_PG_HOSTS_H

#include "store/lookup.h"
#include "store/pg_library.h"

enum {
        PG_PORTS_MAX = 64,      /* bytes of a URL's ports, with the NUL */
        PG_PARAMETER_MAX = 8192, /* so many bytes take LOOKUP_ADDRESSES_MAX of the longest names, and the hosts that are none */
};

struct pg_hosts {
        size_t n;
        char hosts[LOOKUP_NAMES_MAX][LOOKUP_NAME_MAX]; /* names, addresses, or folders of sockets; in the URL's order */
        char ports[LOOKUP_NAMES_MAX][PG_PORTS_MAX];    /* of each, if has_ports */
        bool has_ports;                                /* one for each host; else libpq takes the URL's one for all */
        struct lookup_names names;                     /* those of the hosts that have to be looked up; none if the URL has hostaddr */
};

/* Lists with commas between them, as libpq takes them: as many of each. port is "" where there are none of their own. */
struct pg_parameters {
        char host[PG_PARAMETER_MAX], hostaddr[PG_PARAMETER_MAX], port[PG_PARAMETER_MAX];
};

/* Of the URL as PQconninfoParse() takes it apart. Returns 0, or -EINVAL with a sentence. */
int pg_hosts_read(const PQconninfoOption *parsed, struct pg_hosts *ret, struct error *e);

/* Each name as often as it has addresses; those without one are left out. Returns whether anything is left. */
bool pg_hosts_write(const struct pg_hosts *hosts, const struct lookup_answer *answer, struct pg_parameters *ret);

#endif
