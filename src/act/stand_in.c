#include "act/stand_in.h"

#include <fcntl.h>
#include <stdlib.h>

#include "base/fd.h"

/* What workers of another program have in place of their generation. One that dies before it is replaced comes back from the new program,
 * which serves as they did. */
struct stand_in {
        struct generation generation;
        struct generation *of;
};

static void free_stand_in(struct generation *generation) {
        struct stand_in *stand_in = (struct stand_in *)(void *)generation; /* its first member */

        (void)fd_close(generation->access_log_fd);
        (void)generation_unref(stand_in->of);
        free(stand_in);
}

/* The descriptor is its own, as `of` may be opened again any time. */
static void take_access_log(struct stand_in *stand_in) {
        int *fd = &stand_in->generation.access_log_fd, from = stand_in->of->access_log_fd;

        *fd = from < 0 ? -1 : fcntl(from, F_DUPFD_CLOEXEC, 0);
}

static int reopen_stand_in(struct generation *generation, struct error *e) {
        struct stand_in *stand_in = (struct stand_in *)(void *)generation;
        int r = stand_in->of->reopen(stand_in->of, e);

        if (r <= 0)
                return r;
        (void)fd_close(generation->access_log_fd);
        take_access_log(stand_in);
        return 1;
}

struct generation *stand_in_new(struct generation *of, unsigned int number) {
        struct stand_in *stand_in = malloc(sizeof *stand_in);

        if (!stand_in)
                return NULL;
        stand_in->generation = *of;
        stand_in->generation.number = number;
        stand_in->generation.references = 1;
        stand_in->generation.reopen = reopen_stand_in;
        stand_in->generation.free = free_stand_in;
        stand_in->of = generation_ref(of);
        take_access_log(stand_in);
        return &stand_in->generation;
}
