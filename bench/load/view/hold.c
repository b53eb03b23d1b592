#include "view/hold.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int say_ready(void *context, struct error *e) {
        (void)context;
        if (puts("ready") < 0 || fflush(stdout) != 0)
                return error_set(e, -EIO, "cannot write to standard output");
        return 0;
}

/* What the line says does not matter. */
static int take_word(void *context, struct error *e) {
        char bytes[256];
        ssize_t n = read(STDIN_FILENO, bytes, sizeof bytes);

        (void)context;
        if (n < 0)
                return errno == EINTR || errno == EAGAIN ? 0 : error_set_errno(e, errno, "--hold: cannot read standard input");
        if (n == 0)
                return error_set(e, -EINTR, "--hold: standard input has ended without a line: nothing was sent");
        return memchr(bytes, '\n', (size_t)n) ? 1 : 0;
}

const struct load_gate hold_gate = { .ready = say_ready, .take = take_word, .fd = STDIN_FILENO };
