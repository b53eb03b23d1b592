#include "mhd/begun.h"

#include <assert.h>

enum { MAX = 8 };

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

bool begun_take(int fd, struct begun *ret) {
        for (size_t i = 0; i < n_all; i++)
                if (all[i].fd == fd) {
                        *ret = all[i];
                        all[i] = all[--n_all];
                        return true;
                }
        return false;
}
