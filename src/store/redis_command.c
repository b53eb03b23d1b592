#include "store/redis_command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
        HEAD_MAX = 48, /* "*1000001\r\n$4\r\nMGET\r\n" */
        KEY_MAX = 48,  /* "$14\r\nrecord:1000000\r\n" */
};

struct redis_command {
        size_t keys_max, n_keys; /* that are written; the others are when they are asked for */
        size_t *ends;            /* behind which byte of `bytes` each key ends */
        char *bytes;             /* HEAD_MAX, then the keys */
};

struct redis_command *redis_command_new(size_t keys_max) {
        struct redis_command *c = calloc(1, sizeof *c);

        if (!c)
                return NULL;
        c->keys_max = keys_max;
        c->ends = malloc((keys_max + 1) * sizeof *c->ends);
        c->bytes = malloc(HEAD_MAX + keys_max * KEY_MAX); /* pages are taken as they are written */
        if (!c->ends || !c->bytes)
                return redis_command_free(c);
        c->ends[0] = HEAD_MAX;
        return c;
}

struct redis_command *redis_command_free(struct redis_command *c) {
        if (!c)
                return NULL;
        free(c->ends);
        free(c->bytes);
        free(c);
        return NULL;
}

static void write_key(struct redis_command *c) {
        char key[32];
        int length = snprintf(key, sizeof key, "record:%zu", c->n_keys);

        c->ends[c->n_keys + 1] = c->ends[c->n_keys] + (size_t)sprintf(c->bytes + c->ends[c->n_keys], "$%d\r\n%s\r\n", length, key);
        c->n_keys++;
}

const char *redis_command_mget(struct redis_command *c, size_t n, size_t *ret_length) {
        char head[HEAD_MAX];
        size_t length = (size_t)snprintf(head, sizeof head, "*%zu\r\n$4\r\nMGET\r\n", n + 1);

        while (c->n_keys < n)
                write_key(c);
        memcpy(c->bytes + HEAD_MAX - length, head, length);
        *ret_length = length + c->ends[n] - HEAD_MAX;
        return c->bytes + HEAD_MAX - length;
}
