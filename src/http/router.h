/* Finds the route of a path among many, in a time that depends on the path and not on how many there are. Routes are patterns such as
 * "/users/{id}/items": segments that are fixed, or stand for any of 1 … 32 characters out of A-Z a-z 0-9 _ -. Where a fixed one fits, one
 * that stands for any is not tried. Pure. */
#ifndef RESTMARK_HTTP_ROUTER_H
#define RESTMARK_HTTP_ROUTER_H

#include <stddef.h>
#include <stdint.h>

enum {
        ROUTER_ARGUMENTS_MAX = 2, /* segments of a pattern that stand for any */
        ROUTER_ARGUMENT_BYTES = 32,
};

/* What stands in the path for a segment of the pattern; empty if the pattern has no such segment. */
struct router_argument {
        uint16_t at, length; /* bytes of the path */
};

struct router;

/* For at most `n_segments_max` segments of all patterns together. Returns NULL for want of memory. */
struct router *router_new(size_t n_segments_max);
struct router *router_free(struct router *r); /* NULL-safe; returns NULL */

/* Both texts are borrowed and must live longer. Returns 0; -EEXIST if there is such a pattern; -EINVAL for one that is none or has too many
 * arguments; -ENOSPC. */
int router_add(struct router *r, const char *pattern, const void *route);

/* The route of a path of `length` bytes, percent-decoded and without a query; NULL if there is none. `arguments` are set for a route whose pattern
 * has some, and else left alone. */
const void *router_find(const struct router *r, const char *path, size_t length, struct router_argument arguments[static ROUTER_ARGUMENTS_MAX]);

#endif
