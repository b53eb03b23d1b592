/* Addresses to listen on, as the configuration writes them. */
#ifndef RESTMARK_CONFIG_LISTEN_H
#define RESTMARK_CONFIG_LISTEN_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/error.h"

enum { LISTEN_MAX = 16, LISTEN_TEXT_MAX = 120, LISTEN_NAME_MAX = 64 };

struct listen_address {
        union {
                struct sockaddr any;
                struct sockaddr_in v4;
                struct sockaddr_in6 v6;
                struct sockaddr_un local;
                struct {
                        sa_family_t family; /* AF_UNSPEC */
                        char name[LISTEN_NAME_MAX];
                } given; /* a socket that systemd gives: one of this name, or all of them if that is "" */
        } socket;
        socklen_t size; /* bytes of the address in `socket` */
};

struct listen_list {
        size_t n;
        size_t n_rpc; /* the last so many of them are for calls, the others for HTTP; 0 as an option's value */
        struct listen_address at[LISTEN_MAX];
};

/* Reads "127.0.0.1:8080", "[::1]:8080", "[fe80::1%eth0]:8080", "*:8080", "localhost:8080", "unix:/run/x.sock", "systemd", "systemd:NAME". Host names are not
 * looked up.
 * Returns 0, or -EINVAL / -ENODEV (no such interface) with a sentence. */
int listen_parse(const char *text, struct listen_address *ret, struct error *e);

/* "127.0.0.1:8080", "[::1]:8080" or "unix:/run/x.sock" into `text` (LISTEN_TEXT_MAX bytes); returns `text`. */
const char *listen_format(const struct listen_address *address, char *text);

/* Whether a socket on one takes what is meant for the other: the same port, and the same address or a wildcard. */
bool listen_overlap(const struct listen_address *a, const struct listen_address *b);

bool listen_is_loopback(const struct listen_address *address);

/* Whether it is a Unix socket, of which all that listen are one. */
static inline bool listen_is_local(const struct listen_address *address) {
        return address->socket.any.sa_family == AF_UNIX;
}

/* Puts those for calls behind those for HTTP. Returns 0, or -E2BIG with a sentence. */
int listen_join(const struct listen_list *http, const struct listen_list *rpc, struct listen_list *ret, struct error *e);

/* Whether it is no address, but a socket that systemd gives. */
static inline bool listen_is_given(const struct listen_address *address) {
        return address->socket.any.sa_family == AF_UNSPEC;
}

/* 0 of one that systemd gives, and of a Unix socket. */
unsigned int listen_port(const struct listen_address *address);

#endif
