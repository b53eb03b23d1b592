#include "base/small_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/fd.h"
#include "base/number.h"

int small_file_read(const char *path, char *text, size_t size) {
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -errno : fd_read_up_to(fd, text, size);

        (void)fd_close(fd);
        if (n == (ssize_t)size)
                n = -EFBIG;
        text[n > 0 ? n : 0] = '\0';
        return n < 0 ? (int)n : 0;
}

const char *small_file_line(const char *text, const char *name) {
        size_t length = strlen(name);

        for (const char *line = text, *end; line; line = end ? end + 1 : NULL) {
                if (strncmp(line, name, length) == 0)
                        return line + length;
                end = strchr(line, '\n');
        }
        return NULL;
}

int small_file_find_number(const char *text, const char *name, uint64_t *ret) {
        const char *rest = small_file_line(text, name);

        if (!rest)
                return -EBADMSG;
        rest += strspn(rest, " \t");
        return number_parse(rest, strspn(rest, "0123456789"), ret) == 0 ? 0 : -EBADMSG;
}

int small_file_number(const char *path, const char *name, uint64_t *ret) {
        char text[SMALL_FILE_MAX];
        int r = small_file_read(path, text, sizeof text);

        return r < 0 ? r : small_file_find_number(text, name, ret);
}
