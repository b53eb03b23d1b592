/* The program that runs: where an upgrade finds its successor, and how to come back to it. */
#ifndef RESTMARK_ACT_PROGRAM_H
#define RESTMARK_ACT_PROGRAM_H

#include "base/error.h"

enum { PROGRAM_PATH_MAX = 4096 };

struct program {
        char path[PROGRAM_PATH_MAX]; /* as it was started, from /; "" if that cannot be told */
        int fd;                      /* of the program itself, whatever the path names by now, close-on-exec; -1: there is no /proc */
        char *const *argv;           /* as it was started; borrowed */
};

/* Finds out. The working directory must still be the one of the start. */
void program_init(struct program *program, char *const *argv);

/* NULL-safe. */
void program_release(struct program *program);

/* Executes the file at `program->path` in this process, with the same arguments and environment. Returns a negative errno value with a sentence,
 * or not at all. */
int program_execute(const struct program *program, struct error *e);

/* The same of the program behind `fd`. */
int program_execute_fd(int fd, char *const *argv, struct error *e);

#endif
