#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "codec/msgpack_array.h"
#include "data/dataset.h"

enum { STAGE_BYTES = 64 * 1024 };

/* Bytes on their way to a file; a record larger than the stage goes around it. */
struct stage {
        int fd;
        struct buf pending;
        char memory[STAGE_BYTES];
};

static int write_all(int fd, const char *bytes, size_t length) {
        while (length > 0) {
                ssize_t n = write(fd, bytes, length);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                bytes += n;
                length -= (size_t)n;
        }
        return 0;
}

static int stage_flush(struct stage *s) {
        int r = write_all(s->fd, s->pending.data, s->pending.length);

        s->pending.length = 0;
        return r;
}

static int stage_append(struct stage *s, const void *bytes, size_t length) {
        int r;

        if (length > buf_room(&s->pending)) {
                r = stage_flush(s);
                if (r < 0)
                        return r;
        }
        if (length > s->pending.capacity)
                return write_all(s->fd, bytes, length);
        buf_append(&s->pending, bytes, length);
        return 0;
}

static int write_records(const struct dataset *d, int fd) {
        char memory[MSGPACK_HEADER_MAX];
        struct buf header = buf_over(memory, sizeof memory);
        struct stage *s;
        int r;

        s = malloc(sizeof *s);
        if (!s)
                return -ENOMEM;
        s->fd = fd;
        s->pending = buf_over(s->memory, sizeof s->memory);
        msgpack_array_header(&header, d->n_records);
        r = stage_append(s, header.data, header.length);
        for (size_t i = 0; r == 0 && i < d->n_records; i++) {
                header.length = 0;
                msgpack_bin_header(&header, d->encoded[i].length);
                r = stage_append(s, header.data, header.length);
                if (r == 0)
                        r = stage_append(s, d->encoded[i].bytes, d->encoded[i].length);
        }
        if (r == 0)
                r = stage_flush(s);
        free(s);
        return r;
}

/* Where the file will be: behind a symbolic link, its target, since renaming onto the link would replace the link. Returns
 * 0, or a negative errno when something is there that is not a regular file: a device must not be replaced. */
static int resolve_target(const char *path, char *ret_target, struct error *e) {
        struct stat st;

        if (stat(path, &st) < 0) {
                if (errno != ENOENT)
                        return error_set_errno(e, errno, "cannot write");
                if (strlen(path) >= PATH_MAX)
                        return error_set_errno(e, ENAMETOOLONG, "cannot write");
                strcpy(ret_target, path);
                return 0;
        }
        if (S_ISDIR(st.st_mode))
                return error_set(e, -EISDIR, "is a directory, name a file in it");
        if (!S_ISREG(st.st_mode))
                return error_set(e, -EINVAL, "is not a regular file and will not be replaced; \"-\" writes to standard output");
        if (!realpath(path, ret_target))
                return error_set_errno(e, errno, "cannot write");
        return 0;
}

static int write_file(const struct dataset *d, const char *path, struct error *e) {
        char target[PATH_MAX], temporary[PATH_MAX + 32];
        int fd, r;

        r = resolve_target(path, target, e);
        if (r < 0)
                return r;
        (void)snprintf(temporary, sizeof temporary, "%s.tmp-%ld", target, (long)getpid());
        fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
        if (fd < 0)
                return error_set_errno(e, errno, "cannot create %s", temporary);
        r = write_records(d, fd);
        if (r == 0 && fsync(fd) < 0)
                r = -errno;
        if (close(fd) < 0 && r == 0)
                r = -errno;
        if (r == 0 && rename(temporary, target) < 0)
                r = -errno;
        if (r < 0) {
                (void)unlink(temporary); /* the reason is being reported already */
                return error_set_errno(e, -r, "cannot write");
        }
        return 0;
}

int dataset_write(const struct dataset *d, const char *path, struct error *e) {
        int r;

        if (strcmp(path, "-") == 0) {
                r = write_records(d, STDOUT_FILENO);
                return r < 0 ? error_set_errno(e, -r, "standard output: cannot write the dataset") : 0;
        }
        r = write_file(d, path, e);
        return r < 0 ? error_prefix(e, r, "%s", path) : 0;
}
