#include "view/hold.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/number.h"

static const char instant_word[] = "at ";

/* What has come of the line so far. */
struct hold_line {
        char bytes[256];
        size_t length;
};

static struct hold_line hold_line;

static int say_ready(void *context, struct error *e) {
        (void)context;
        if (puts("ready") < 0 || fflush(stdout) != 0)
                return error_set(e, -EIO, "cannot write to standard output");
        return 0;
}

/* "at NANOSECONDS" is when to begin, of CLOCK_REALTIME; any other line means at once. */
static int read_line(const char *line, size_t length, uint64_t *ret_start_ns, struct error *e) {
        size_t prefix = sizeof instant_word - 1;

        if (length < prefix || memcmp(line, instant_word, prefix) != 0)
                return 1;
        if (number_parse(line + prefix, length - prefix, ret_start_ns) < 0)
                return error_set(e, -EINVAL, "--hold: behind \"at\" stands the instant to begin at, in nanoseconds since 1970, and nothing else");
        return 1;
}

static int take_word(void *context, uint64_t *ret_start_ns, struct error *e) {
        struct hold_line *line = context;
        ssize_t n = read(STDIN_FILENO, line->bytes + line->length, sizeof line->bytes - line->length);
        const char *end;

        if (n < 0)
                return errno == EINTR || errno == EAGAIN ? 0 : error_set_errno(e, errno, "--hold: cannot read standard input");
        if (n == 0)
                return error_set(e, -EINTR, "--hold: standard input has ended without a line: nothing was sent");
        line->length += (size_t)n;
        end = memchr(line->bytes, '\n', line->length);
        if (end)
                return read_line(line->bytes, (size_t)(end - line->bytes), ret_start_ns, e);
        if (line->length == sizeof line->bytes)
                return error_set(e, -EINVAL, "--hold: the line on standard input is longer than %zu bytes", sizeof line->bytes);
        return 0;
}

const struct load_gate hold_gate = { .ready = say_ready, .take = take_word, .context = &hold_line, .fd = STDIN_FILENO };
