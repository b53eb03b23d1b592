/* Request targets and hosts (RFC 9112, 3.2; RFC 3986). Pure. */
#ifndef RESTMARK_GATE_TARGET_H
#define RESTMARK_GATE_TARGET_H

#include <stdbool.h>
#include <stddef.h>

enum { TARGET_PATH_MAX = 128 }; /* bytes of a path that target_path() decodes, with the terminating NUL; no route has a longer one */

/* Whether it is a host with an optional port, as a Host field has it: a registered name, an IPv4 address or an IP literal in brackets.
 * An empty one is none, except where `may_be_empty`. */
bool target_is_host(const char *host, size_t length, bool may_be_empty);

/* Whether the target has a form that goes with the method: "host:port" for CONNECT, for the others a path, an absolute URI or
 * "*". The method ends with a space. */
bool target_is_valid(const char *method, const char *target, size_t length);

/* The number of arguments in the query: those between "&". */
size_t target_arguments(const char *target, size_t length);

/* Takes the target, a NUL-terminated and valid one, apart and decodes its path, in that order. Returns the path, behind which the query may stand: "/" for an
 * absolute URI without one, "*" for OPTIONS', "" for one that does not fit, or holds an encoded NUL or slash, which separates nothing, and so is
 * none of ours. Mostly that is the target itself, and only sometimes `memory` (TARGET_PATH_MAX bytes). *ret_length is the path's in bytes. */
const char *target_path(const char *target, char *memory, size_t *ret_length);

/* The query of a target, NUL-terminated and valid: what stands behind the "?"; NULL if there is none. */
const char *target_query(const char *target);

/* One argument of a query, decoded; `value` is NULL if it has no "=". Neither is NUL-terminated. */
struct target_argument {
        const char *name, *value;
        size_t name_length, value_length;
};

/* Takes the next argument from *query and moves that on, to NULL behind the last one. `memory` has at least as many bytes as the query: what is encoded
 * there is decoded into it. Returns false if there is none. */
bool target_next_argument(const char **query, char *memory, struct target_argument *ret);

#endif
