/* The command line of restmarkctl. */
#ifndef RESTMARK_CTL_OPTIONS_H
#define RESTMARK_CTL_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum {
        OPTIONS_LINE_MAX = 64, /* bytes of the line that is sent, with its end and the final NUL */
        OPTIONS_REPLY_MS = 5000, /* for commands that the master answers at once, whatever its workers do */
};

enum options_task { OPTIONS_ASK, OPTIONS_FOLLOW, OPTIONS_STOP, OPTIONS_TOP, OPTIONS_HELP, OPTIONS_VERSION };

struct options {
        enum options_task task;
        const char *command; /* its name */
        char line[OPTIONS_LINE_MAX];
        const char *socket;       /* NULL: the default */
        bool json;                /* the reply is JSON as it comes … */
        bool wrap_json;           /* … or is to be made JSON here */
        bool takes_time;          /* the reply comes at the end of what the command does */
        uint64_t timeout_ms;      /* 0: as long as it takes */
        bool batch;               /* top */
        uint64_t samples;         /* top: 0: until it is told to quit */
        uint64_t delay_ms;        /* top, and events -f */
};

/* Reads the command line. Returns 0, or -EINVAL with a sentence; getopt's own messages are not printed. */
int options_parse(int argc, char **argv, struct options *ret, struct error *e);

extern const char options_usage[];

#endif
