#include "config/ini.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ini.h>

struct reading {
        FILE *file;
        ini_section on_section;
        ini_value on_value;
        void *context;
        unsigned int line;
        int result; /* the first error; reading stops there */
        struct error *error;
};

static int fail(struct reading *r, int code) {
        if (r->result == 0)
                r->result = code;
        return code;
}

/* inih passes over a section without keys, and over anything behind its bracket; so sections are looked at here. */
static int look_at_section(struct reading *r, const char *line) {
        const char *end = strchr(line, ']'), *rest;
        char name[128];

        if (!end)
                return fail(r, error_set(r->error, -EINVAL, "the \"]\" of the section is missing"));
        (void)snprintf(name, sizeof name, "%.*s", (int)(end - line - 1), line + 1);
        rest = end + 1 + strspn(end + 1, " \t\r\n");
        if (*rest && *rest != ';' && *rest != '#')
                return fail(r, error_set(r->error, -EINVAL, "there is more behind [%s]: put it on a line of its own", name));
        return fail(r, r->on_section(r->context, name, r->error));
}

/* inih asks for a line at a time here, which is what makes line numbers, NUL bytes and overlong lines visible: by itself it
 * cuts a line that is too long in two and takes the rest for a line of its own. `size` is its line buffer. */
static char *next_line(char *out, int size, void *stream) {
        struct reading *r = stream;
        int length = 0, c;

        if (r->result != 0)
                return NULL;
        r->line++;
        while ((c = getc(r->file)) != EOF && c != '\n') {
                if (c == '\0') {
                        fail(r, error_set(r->error, -EINVAL, "a NUL byte: this is not a text file"));
                        return NULL;
                }
                /* inih takes an indented line for more of the value before; here it is a line like any other. */
                if (length == 0 && (c == ' ' || c == '\t' || c == '\r'))
                        continue;
                if (length >= size - 2) {
                        fail(r, error_set(r->error, -E2BIG, "the line is longer than %d bytes; a longer value can be given with -o", size - 2));
                        return NULL;
                }
                out[length++] = (char)c;
        }
        if (ferror(r->file)) {
                fail(r, error_set_errno(r->error, EIO, "cannot read on"));
                return NULL;
        }
        if (c == EOF && length == 0)
                return NULL;
        out[length++] = '\n';
        out[length] = '\0';
        if (out[0] == '[' && look_at_section(r, out) < 0)
                return NULL;
        return out;
}

/* inih's convention: 1 is success, 0 an error. */
static int take_value(void *user, const char *section, const char *key, const char *value) {
        struct reading *r = user;

        if (r->result != 0)
                return 0;
        if (!*section)
                return fail(r, error_set(r->error, -EINVAL, "\"%s\" stands before any [section]", key)) == 0;
        if (!*key)
                return fail(r, error_set(r->error, -EINVAL, "there is no key before the \"=\"")) == 0;
        return fail(r, r->on_value(r->context, section, key, value, r->line, r->error)) == 0;
}

static int open_regular(const char *path, FILE **ret, struct error *e) {
        /* Without O_NONBLOCK, opening a FIFO would wait for its writer. */
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        struct stat st;
        int r = 0;

        if (fd < 0)
                return error_set_errno(e, errno, "%s: cannot open the configuration", path);
        if (fstat(fd, &st) < 0)
                r = error_set_errno(e, errno, "%s: cannot examine the configuration", path);
        else if (S_ISDIR(st.st_mode))
                r = error_set(e, -EISDIR, "%s: is a directory, not a configuration file", path);
        else if (!S_ISREG(st.st_mode))
                r = error_set(e, -EINVAL, "%s: is not a regular file", path);
        else if (st.st_size == 0)
                r = error_set(e, -ENODATA,
                              "%s: is empty, as if a write had not finished; for the built-in defaults start without -c, or "
                              "put a comment line into the file",
                              path);
        else if (!(*ret = fdopen(fd, "r")))
                r = error_set_errno(e, errno, "%s: cannot read the configuration", path);
        if (r < 0)
                (void)close(fd);
        return r;
}

int ini_read(const char *path, ini_section on_section, ini_value on_value, void *context, struct error *e) {
        struct error cause = { "" };
        struct reading reading = { .on_section = on_section, .on_value = on_value, .context = context, .error = &cause };
        int first_bad_line, r;

        r = open_regular(path, &reading.file, e);
        if (r < 0)
                return r;
        first_bad_line = ini_parse_stream(next_line, &reading, take_value, &reading);
        (void)fclose(reading.file);
        if (reading.result != 0)
                return error_set(e, reading.result, "%s:%u: %s", path, reading.line, cause.text);
        if (first_bad_line > 0)
                return error_set(e, -EINVAL, "%s:%d: neither \"[section]\", nor \"key = value\", nor a comment (; or #)", path,
                                 first_bad_line);
        if (first_bad_line < 0)
                return error_set(e, -ENOMEM, "%s: no memory to read it", path);
        return 0;
}
