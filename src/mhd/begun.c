#include "mhd/begun.h"

#include <assert.h>

enum { MAX = 4 };

static _Thread_local struct begun all[MAX];
static _Thread_local size_t n_all;

void begun_forget_all(void) {
        n_all = 0;
}

bool begun_has_room(void) {
        return n_all < MAX;
}

void begun_add(const struct begun *begun) {
        assert(n_all < MAX);
        all[n_all++] = *begun;
}

bool begun_exists(void) {
        return n_all > 0;
}

/* Where it is; n_all: nowhere. */
static size_t find(int fd) {
        size_t i = 0;

        while (i < n_all && all[i].fd != fd)
                i++;
        return i;
}

static void drop(size_t i) {
        all[i] = all[--n_all];
}

bool begun_take(int fd, struct begun *ret) {
        size_t i = find(fd);

        if (i == n_all)
                return false;
        *ret = all[i];
        drop(i);
        return true;
}

void begun_forget(int fd) {
        size_t i = find(fd);

        if (i < n_all)
                drop(i);
}
