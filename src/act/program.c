#include "act/program.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

static const char self[] = "/proc/self/exe";

/* Whether `path` names what runs, now. */
static bool is_self(const char *path) {
        struct stat there, here;

        return stat(path, &there) == 0 && stat(self, &here) == 0 && there.st_dev == here.st_dev && there.st_ino == here.st_ino;
}

/* Not from /proc/self/exe, which has followed symbolic links: an upgrade may consist in turning one. */
static bool find_as_started(char *path) {
        const char *started = (const char *)getauxval(AT_EXECFN);
        size_t length = 0;

        if (!started || strncmp(started, "/proc/", 6) == 0 || strncmp(started, "/dev/fd/", 8) == 0)
                return false;
        if (*started != '/') {
                if (!getcwd(path, PROGRAM_PATH_MAX) || *path != '/')
                        return false;
                length = strlen(path);
        }
        if (snprintf(path + length, PROGRAM_PATH_MAX - length, "%s%s", length > 0 ? "/" : "", started) >= (int)(PROGRAM_PATH_MAX - length))
                return false;
        return is_self(path);
}

void program_init(struct program *program, char *const *argv) {
        *program = (struct program){ .fd = open(self, O_PATH | O_CLOEXEC), .argv = argv };
        if (!find_as_started(program->path)) {
                ssize_t n = readlink(self, program->path, sizeof program->path - 1);

                program->path[n > 0 ? n : 0] = '\0';
                if (!is_self(program->path)) /* it is deleted already, or out of sight */
                        program->path[0] = '\0';
        }
}

void program_release(struct program *program) {
        if (program && program->argv)
                program->fd = fd_close(program->fd);
}

int program_execute(const struct program *program, struct error *e) {
        if (!*program->path)
                return error_set(e, -ENOENT, "the path of the program that was started is not known");
        (void)execve(program->path, program->argv, environ);
        return error_set_errno(e, errno, "%s: cannot be executed", program->path);
}

int program_execute_fd(int fd, char *const *argv, struct error *e) {
        char path[32];

        (void)execveat(fd, "", argv, environ, AT_EMPTY_PATH);
        (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd); /* for a filter of system calls that does not know that */
        (void)execve(path, argv, environ);
        return error_set_errno(e, errno, "the old program cannot be executed again");
}
