#include "view/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_BYTES_MAX ((size_t)256 << 20) /* beyond any use; devices do not end */

const char *file_name(const char *path) {
        return strcmp(path, "-") == 0 ? "standard input" : path;
}

static int read_all(FILE *file, const char *name, char **ret, size_t *ret_length, struct error *e) {
        size_t capacity = 65536, length = 0, n = 1;
        char *bytes = malloc(capacity);

        while (bytes && n > 0 && length <= FILE_BYTES_MAX) {
                if (length == capacity) {
                        char *more = realloc(bytes, capacity *= 2);

                        if (!more)
                                free(bytes);
                        bytes = more;
                        continue;
                }
                n = fread(bytes + length, 1, capacity - length, file);
                length += n;
        }
        if (bytes && ferror(file)) {
                free(bytes);
                return error_set_errno(e, errno, "cannot read %s", name);
        }
        if (bytes && length > FILE_BYTES_MAX) {
                free(bytes);
                return error_set(e, -EFBIG, "%s has more than 256 MiB", name);
        }
        if (!bytes)
                return error_set(e, -ENOMEM, "no memory for %s", name);
        *ret = bytes;
        *ret_length = length;
        return 0;
}

int file_read(const char *path, char **ret, size_t *ret_length, struct error *e) {
        FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
        int r;

        if (!file)
                return error_set_errno(e, errno, "cannot open %s", path);
        r = read_all(file, file_name(path), ret, ret_length, e);
        if (file != stdin)
                (void)fclose(file);
        return r;
}
