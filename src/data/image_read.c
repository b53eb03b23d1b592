#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "data/dataset.h"
#include "data/image.h"

void image_deinit(struct image *image) {
        free(image->bytes);
        *image = (struct image){ .length = 0 };
}

/* Only a regular file has an end and never blocks. */
static int check_type(mode_t mode, struct error *e) {
        const char *what;

        switch (mode & S_IFMT) {
        case S_IFREG:
                return 0;
        case S_IFDIR:
                return error_set(e, -EISDIR, "is a directory, expected a dataset file");
        case S_IFIFO:
                what = "a FIFO";
                break;
        case S_IFSOCK:
                what = "a socket";
                break;
        default:
                what = "a device";
        }
        return error_set(e, -EINVAL, "is %s; a dataset must be a regular file, since it is read again at each start", what);
}

static int check_size(off_t size, struct error *e) {
        if (size == 0)
                return error_set(e, -EBADMSG, "is empty; restmarkd --write-dataset FILE writes a good one");
        if ((uintmax_t)size > DATASET_FILE_MAX_BYTES)
                return error_set(e, -EFBIG, "has %ju bytes; a dataset may have %zu (1 GiB)", (uintmax_t)size,
                                 DATASET_FILE_MAX_BYTES);
        return 0;
}

static int read_regular(int fd, struct image *ret, struct error *e) {
        struct image image;
        struct stat st;
        ssize_t n;
        int r;

        if (fstat(fd, &st) < 0)
                return error_set_errno(e, errno, "cannot read its size");
        r = check_type(st.st_mode, e);
        if (r < 0)
                return r;
        r = check_size(st.st_size, e);
        if (r < 0)
                return r;
        image.length = (size_t)st.st_size;
        /* One byte more than there should be: it finds out whether somebody is still writing. */
        image.bytes = malloc(image.length + 1);
        if (!image.bytes)
                return error_set_errno(e, ENOMEM, "cannot hold its %zu bytes", image.length);
        n = fd_read_up_to(fd, image.bytes, image.length + 1);
        if (n < 0 || (size_t)n != image.length) {
                image_deinit(&image);
                if (n < 0)
                        return error_set_errno(e, (int)-n, "cannot read");
                return error_set(e, -EBADMSG, "changed while it was read: had %ju bytes, then %zd", (uintmax_t)st.st_size, n);
        }
        *ret = image;
        return 0;
}

int image_read(const char *path, struct image *ret, struct error *e) {
        struct stat st;
        int fd, r;

        /* Opening a device may do something, opening a FIFO wakes its writer: look before. What is opened is looked at again. */
        if (stat(path, &st) < 0)
                return error_set_errno(e, errno, "cannot open");
        r = check_type(st.st_mode, e);
        if (r < 0)
                return r;
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (fd < 0)
                return error_set_errno(e, errno, "cannot open");
        r = read_regular(fd, ret, e);
        (void)close(fd); /* nothing was written */
        return r;
}
