/* Where the server is: what a URL says, and the socket address that it means. */
#ifndef RESTMARK_LOAD_ENGINE_ADDRESS_H
#define RESTMARK_LOAD_ENGINE_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/error.h"

enum { ADDRESS_HOST_MAX = 300, ADDRESS_TEXT_MAX = 160 };

struct address {
        struct sockaddr_storage socket;
        socklen_t length;
        bool local;                  /* a Unix socket */
        bool is_call;                /* MessagePack-RPC is spoken there */
        char host[ADDRESS_HOST_MAX]; /* of the Host field: "name", "[::1]:8080"; "localhost" for a Unix socket */
        char text[ADDRESS_TEXT_MAX]; /* "127.0.0.1:8080", "[::1]:8080", "unix:/run/x.sock": what is connected to */
        const char *target;          /* the URL's path and query, in the text that was parsed; NULL if it has none */
};

/* Reads http://HOST[:PORT][/TARGET] or unix:PATH, or for calls rpc://HOST:PORT[/TARGET] or rpc+unix:PATH, and looks the name up; of several addresses of a name the first is taken. Returns 0,
 * -EINVAL (no such URL), or -EHOSTUNREACH (a name that cannot be resolved), with a sentence. */
int address_resolve(const char *url, struct address *ret, struct error *e);

#endif
