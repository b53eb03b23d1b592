#include "mhd/begun.h"

#include <errno.h>

#include "base/fd.h"
#include "base/pages.h"

static struct begun *by_descriptor; /* pages that nobody writes cost nothing */
static size_t n_descriptors;

int begun_prepare(void) {
        size_t n = fd_table_size();

        if (by_descriptor)
                return 0;
        by_descriptor = pages_new(n * sizeof *by_descriptor);
        if (!by_descriptor)
                return -ENOMEM;
        n_descriptors = n;
        return 0;
}

void begun_forget_all(void) {
        pages_free(by_descriptor, n_descriptors * sizeof *by_descriptor);
        by_descriptor = NULL;
        n_descriptors = 0;
}

int begun_note(int fd, const struct begun *begun) {
        if ((size_t)fd >= n_descriptors)
                return -EMFILE;
        by_descriptor[fd] = *begun;
        return 0;
}

bool begun_take(int fd, struct begun *ret) {
        if ((size_t)fd >= n_descriptors || !by_descriptor[fd].body)
                return false;
        *ret = by_descriptor[fd];
        by_descriptor[fd].body = NULL;
        return true;
}
