/* The command line of restmarkd. */
#ifndef RESTMARK_ARGUMENTS_H
#define RESTMARK_ARGUMENTS_H

#include <stddef.h>

enum task { TASK_RUN, TASK_SELF_TEST, TASK_TEST, TASK_DUMP, TASK_WRITE_DATASET, TASK_WRITE_CONFIG, TASK_SHOW };

struct arguments {
        enum task task;
        const char *config_path; /* NULL: none */
        const char *output;      /* of the write tasks */
        const char **overrides;
        size_t n_overrides;
};

/* Reads argv into *arguments, which begins as { .task = TASK_RUN } with room for argc overrides; all texts are argv's. Prints help, version and
 * what is wrong by itself. Returns 0 (EX_OK) or an exit code of sysexits.h; with TASK_SHOW there is nothing left to do. */
int arguments_parse(int argc, char **argv, struct arguments *arguments);

#endif
