#include "http/router.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* A prefix of patterns, up to a slash or the end. Node 0 is the root, before the first slash. */
struct node {
        const void *route; /* of the pattern that ends here; NULL: none does */
        uint16_t any;      /* the node behind a segment that stands for any; 0: there is none */
};

/* From a node by a fixed segment to another. */
struct edge {
        const char *name; /* not NUL-terminated; NULL: the place is empty */
        uint16_t length, from, to;
};

struct router {
        size_t n_nodes, n_nodes_max;
        struct node *nodes;
        const void *root;   /* the route of "/", which is asked for most */
        struct edge *edges; /* a hash table: whatever does not lie in its place comes behind it, before the next empty one */
        uint32_t mask;      /* one less than its places */
};

enum { PLACES_PER_SEGMENT = 4, NODES_MAX = UINT16_MAX };

/* Names of a kind differ in their ends and their lengths. Four bytes each, which overlap in short ones. */
static inline uint32_t hash(unsigned int from, const char *name, size_t length) {
        uint32_t head = 0, tail = 0, h;

        if (length >= sizeof head) {
                memcpy(&head, name, sizeof head);
                memcpy(&tail, name + length - sizeof tail, sizeof tail);
        } else
                for (size_t i = 0; i < length; i++)
                        head = head << 8 | (unsigned char)name[i];
        h = (head ^ (uint32_t)length) * UINT32_C(0x9e3779b1) + (tail ^ from) * UINT32_C(0x85ebca77);
        return h ^ h >> 15;
}

struct router *router_new(size_t n_segments_max) {
        size_t places = 1;
        struct router *r;

        if (n_segments_max >= NODES_MAX)
                return NULL;
        while (places < PLACES_PER_SEGMENT * n_segments_max)
                places *= 2;
        r = calloc(1, sizeof *r);
        if (!r)
                return NULL;
        r->n_nodes = 1;
        r->n_nodes_max = n_segments_max + 1;
        r->nodes = calloc(r->n_nodes_max, sizeof *r->nodes);
        r->edges = calloc(places, sizeof *r->edges);
        r->mask = (uint32_t)places - 1;
        return r->nodes && r->edges ? r : router_free(r);
}

struct router *router_free(struct router *r) {
        if (!r)
                return NULL;
        free(r->nodes);
        free(r->edges);
        free(r);
        return NULL;
}

/* The edge, or the empty place where it would be. */
static inline struct edge *find_edge(const struct router *r, unsigned int from, const char *name, size_t length) {
        uint32_t place = hash(from, name, length) & r->mask;

        for (;; place = (place + 1) & r->mask) {
                struct edge *edge = &r->edges[place];

                if (!edge->name || (edge->length == length && edge->from == from && memcmp(edge->name, name, length) == 0))
                        return edge;
        }
}

static inline const char *segment_end(const char *begin, const char *end) {
        const char *slash = memchr(begin, '/', (size_t)(end - begin));

        return slash ? slash : end;
}

static int new_node(struct router *r, uint16_t *ret) {
        if (r->n_nodes == r->n_nodes_max)
                return -ENOSPC;
        *ret = (uint16_t)r->n_nodes++;
        return 0;
}

static int add_segment(struct router *r, unsigned int *node, const char *name, size_t length) {
        struct edge *edge;
        int result;

        if (*name == '{') {
                if (r->nodes[*node].any == 0 && (result = new_node(r, &r->nodes[*node].any)) < 0)
                        return result;
                *node = r->nodes[*node].any;
                return 0;
        }
        edge = find_edge(r, *node, name, length);
        if (!edge->name) {
                uint16_t to;

                result = new_node(r, &to);
                if (result < 0)
                        return result;
                *edge = (struct edge){ .name = name, .length = (uint16_t)length, .from = (uint16_t)*node, .to = to };
        }
        *node = edge->to;
        return 0;
}

/* "/" alone ends at the node behind an empty segment. */
int router_add(struct router *r, const char *pattern, const void *route) {
        const char *at = pattern, *end = pattern + strlen(pattern);
        unsigned int node = 0, n_arguments = 0;

        if (*pattern != '/' || end - pattern > UINT16_MAX)
                return -EINVAL;
        while (at < end) {
                const char *begin = at + 1;
                int result;

                at = segment_end(begin, end);
                if (*begin == '{' && (at[-1] != '}' || ++n_arguments > ROUTER_ARGUMENTS_MAX))
                        return -EINVAL;
                result = add_segment(r, &node, begin, (size_t)(at - begin));
                if (result < 0)
                        return result;
        }
        if (r->nodes[node].route)
                return -EEXIST;
        r->nodes[node].route = route;
        if (end - pattern == 1)
                r->root = route;
        return 0;
}

static bool is_argument(const char *segment, size_t length) {
        if (length == 0 || length > ROUTER_ARGUMENT_BYTES)
                return false;
        for (size_t i = 0; i < length; i++) {
                unsigned char c = (unsigned char)segment[i], letter = c | 0x20;

                if (!((letter >= 'a' && letter <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-'))
                        return false;
        }
        return true;
}

const void *router_find(const struct router *r, const char *path, size_t length, struct router_argument arguments[static ROUTER_ARGUMENTS_MAX]) {
        const char *at = path, *end = path + length;
        unsigned int node = 0, n_arguments = 0;

        if (length == 0 || *path != '/')
                return NULL;
        if (length == 1)
                return r->root;
        while (at < end) {
                const char *begin = at + 1;
                const struct edge *edge;
                size_t n;

                at = segment_end(begin, end);
                n = (size_t)(at - begin);
                edge = find_edge(r, node, begin, n);
                if (edge->name) {
                        node = edge->to;
                        continue;
                }
                node = r->nodes[node].any;
                if (node == 0 || !is_argument(begin, n))
                        return NULL;
                arguments[n_arguments++] = (struct router_argument){ .at = (uint16_t)(begin - path), .length = (uint16_t)n };
        }
        return r->nodes[node].route;
}
