/* The file with the master's process number: locked from before anything is bound until the daemon has ended, empty until it serves, and then
 * removed. The lock belongs to the open file, which an upgrade hands over with the rest. */
#ifndef RESTMARK_ACT_PID_FILE_H
#define RESTMARK_ACT_PID_FILE_H

#include "base/error.h"

struct pid_file;

/* Makes it, or takes the one that a dead daemon has left behind, and empties it. Fails, with a sentence, if a daemon that lives has it, or if it is no
 * regular file. */
int pid_file_open(const char *path, struct pid_file **ret, struct error *e);

/* The same in the program of an upgrade: `fd` is the open and locked file, and belongs to *ret on success. */
int pid_file_adopt(const char *path, int fd, struct pid_file **ret, struct error *e);

/* Whether one could be made there. Returns 0, 1 if somebody has it locked, or a negative errno value with a sentence. */
int pid_file_check(const char *path, struct error *e);

/* Writes the number of this process and a line's end. */
int pid_file_write(const struct pid_file *file, struct error *e);

/* -1 of NULL. */
int pid_file_fd(const struct pid_file *file);

/* Removes it, unless another one has taken its place meanwhile. NULL-safe; returns NULL. */
struct pid_file *pid_file_free(struct pid_file *file);

#endif
