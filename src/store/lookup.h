/* Finds the addresses of hosts' names without making the worker's loop wait: getaddrinfo() waits for name servers, for seconds if they are silent, so it
 * is called in a thread of its own, which takes no signals. It ends by itself; what it has found comes as an event of the loop. glibc's getaddrinfo_a()
 * does the same, but can neither say so through a descriptor nor be left to itself when nobody waits any more. Inside the store room only. */
#ifndef RESTMARK_STORE_LOOKUP_H
#define RESTMARK_STORE_LOOKUP_H

#include <stdbool.h>
#include <stddef.h>

#include "store/store_internal.h"

enum {
        LOOKUP_NAMES_MAX = 8,
        LOOKUP_NAME_MAX = 256,     /* bytes, with the NUL: a name of DNS has 253 */
        LOOKUP_ADDRESSES_MAX = 16, /* the first ones of all names */
        LOOKUP_ADDRESS_MAX = 64,   /* bytes, with the NUL and a scope */
};

struct lookup_names {
        size_t n;
        char names[LOOKUP_NAMES_MAX][LOOKUP_NAME_MAX];
};

struct lookup_address {
        size_t name; /* which one has it */
        char text[LOOKUP_ADDRESS_MAX];
};

struct lookup_answer {
        size_t n;
        struct lookup_address addresses[LOOKUP_ADDRESSES_MAX]; /* in the order of the names, and of getaddrinfo() */
        char why[LOOKUP_NAME_MAX + 128];                       /* of the last name without an address; "" if there is none */
};

struct lookup;

/* Whether a host is a name, and neither an address nor a socket's path. Does not wait. */
bool lookup_is_needed(const char *host);

/* Begins; `watch` gets an event when the answer is there. NULL with a negative errno value in *ret_error if there can be no thread or descriptor. */
struct lookup *lookup_begin(const struct store *store, struct store_watch *watch, const struct lookup_names *names, int *ret_error);

/* NULL as long as there is none. It lives until lookup_end(). */
const struct lookup_answer *lookup_answer(struct lookup *lookup);

/* Nobody wants the answer any more, whether or not it is there. NULL-safe; returns NULL. */
struct lookup *lookup_end(const struct store *store, struct lookup *lookup);

#endif
