#include "config/ini.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/number.h"

static const char blanks[] = " \t\v\f";
static const char escape_names[] = "\"\\nrt", escaped_bytes[] = "\"\\\n\r\t"; /* between quotes, behind a backslash: what stands for what */

struct reading {
        FILE *file;
        ini_section on_section;
        ini_value on_value;
        void *context;
        unsigned int line;
        char *section; /* NULL before the first */
};

static bool is_blank(char c) {
        return c != '\0' && strchr(blanks, c);
}

/* Cuts blanks off both ends, and returns the beginning. */
static char *trim(char *text) {
        size_t length;

        text += strspn(text, blanks);
        length = strlen(text);
        while (length > 0 && is_blank(text[length - 1]))
                text[--length] = '\0';
        return text;
}

/* Ends `text` where a comment begins: at a ; behind a blank. */
static void cut_comment(char *text) {
        for (char *c = text; *c; c++)
                if (*c == ';' && c > text && is_blank(c[-1])) {
                        *c = '\0';
                        return;
                }
}

/* The byte that an escape stands for; *at is behind the backslash, and moved behind the escape. */
static int unescape(const char **at, char *ret, struct error *e) {
        const char *name = **at ? strchr(escape_names, **at) : NULL;
        int byte;

        if (name) {
                *ret = escaped_bytes[name - escape_names];
                (*at)++;
                return 0;
        }
        byte = **at == 'x' ? number_hex_byte(*at + 1) : -1;
        if (byte <= 0)
                return error_set(e, -EINVAL, "a \\ between quotes begins one of \\\" \\\\ \\n \\r \\t \\xHH (not \\x00): write \\\\ for the character itself");
        *ret = (char)byte;
        *at += 3;
        return 0;
}

/* What stands between the quotes, in place. */
static int unquote(char *text, struct error *e) {
        const char *at = text + 1, *rest;
        char *out = text;
        int r;

        while (*at != '"') {
                if (*at == '\0')
                        return error_set(e, -EINVAL, "the closing \" of the value is missing");
                if (*at != '\\') {
                        *out++ = *at++;
                        continue;
                }
                at++;
                r = unescape(&at, out++, e);
                if (r < 0)
                        return r;
        }
        at++;
        rest = at + strspn(at, blanks);
        if (*rest != '\0' && (*rest != ';' || rest == at))
                return error_set(e, -EINVAL, "there is more behind the closing \" of the value: write a \" between quotes as \\\"");
        *out = '\0';
        return 0;
}

static int take_section(struct reading *r, char *line, struct error *e) {
        char *end = strchr(line, ']'), *rest;

        if (!end)
                return error_set(e, -EINVAL, "the \"]\" of the section is missing");
        *end = '\0';
        rest = end + 1 + strspn(end + 1, blanks);
        if (*rest && *rest != ';' && *rest != '#')
                return error_set(e, -EINVAL, "there is more behind [%s]: put it on a line of its own", line + 1);
        free(r->section);
        r->section = strdup(line + 1);
        if (!r->section)
                return error_set_errno(e, ENOMEM, "cannot read on");
        return r->on_section(r->context, r->section, e);
}

static int take_value(struct reading *r, char *line, struct error *e) {
        size_t length;
        char *key, *value;
        int result;

        length = strcspn(line, "=:");
        value = line + length;
        if (*value == '\0')
                return error_set(e, -EINVAL, "neither \"[section]\", nor \"key = value\", nor a comment (; or #)");
        *value++ = '\0';
        key = trim(line);
        if (!*key)
                return error_set(e, -EINVAL, "there is no key before the \"=\"");
        if (value[strspn(value, blanks)] == '"') {
                value += strspn(value, blanks);
                result = unquote(value, e);
                if (result < 0)
                        return result;
        } else {
                cut_comment(value);
                value = trim(value);
        }
        return r->on_value(r->context, r->section, key, value, r->line, e);
}

/* What only a text of another kind has in it: better said at once than taken for a part of some value. */
static int look_at_bytes(const struct reading *r, const char *line, size_t length, struct error *e) {
        static const char utf16[][2] = { { '\xff', '\xfe' }, { '\xfe', '\xff' } };

        if (r->line == 1 && length >= 2 && (memcmp(line, utf16[0], 2) == 0 || memcmp(line, utf16[1], 2) == 0))
                return error_set(e, -EINVAL, "UTF-16 text, with NUL bytes between its letters: save it as UTF-8 (iconv -f UTF-16 -t UTF-8)");
        if (memchr(line, '\0', length))
                return error_set(e, -EINVAL, "a NUL byte: this is not a text file, or one in UTF-16; save it as UTF-8 text");
        if (memchr(line, '\r', length))
                return error_set(e, -EINVAL, "a carriage return inside the line: end lines with a line feed (tr '\\r' '\\n'); in a value write \"\\r\"");
        return 0;
}

/* One line, without its end, which may be CR LF. */
static int take_line(struct reading *r, char *line, size_t length, struct error *e) {
        static const char mark[] = "\xef\xbb\xbf"; /* a byte order mark, as some editors begin UTF-8 */
        int result;

        if (length > 0 && line[length - 1] == '\n')
                length--;
        if (length > 0 && line[length - 1] == '\r')
                length--;
        line[length] = '\0';
        if (r->line == 1 && strncmp(line, mark, 3) == 0) {
                line += 3;
                length -= 3;
        }
        result = look_at_bytes(r, line, length, e);
        if (result < 0)
                return result;
        line = trim(line);
        if (*line == '\0' || *line == ';' || *line == '#')
                return 0;
        return *line == '[' ? take_section(r, line, e) : take_value(r, line, e);
}

/* The next line into `line` of INI_LINE_MAX + 2 bytes, with its end, and *ret_length, which is 0 at the end of the file. */
static int next_line(struct reading *r, char *line, size_t *ret_length, struct error *e) {
        size_t length = 0;
        int c;

        r->line++;
        while ((c = getc(r->file)) != EOF) {
                if (length == INI_LINE_MAX && c != '\n')
                        return error_set(e, -E2BIG, "the line is longer than %d bytes", INI_LINE_MAX);
                line[length++] = (char)c;
                if (c == '\n' || c == '\0') /* of what is no text, no more than that is read */
                        break;
        }
        if (ferror(r->file))
                return error_set_errno(e, EIO, "cannot read on");
        *ret_length = length;
        return 0;
}

static int read_lines(struct reading *r, struct error *e) {
        char *line = malloc(INI_LINE_MAX + 2);
        size_t length = 1;
        int result = line ? 0 : error_set_errno(e, ENOMEM, "cannot read on");

        while (result == 0 && length > 0) {
                result = next_line(r, line, &length, e);
                if (result == 0 && length > 0)
                        result = take_line(r, line, length, e);
        }
        free(line);
        return result;
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
        struct reading reading = { .on_section = on_section, .on_value = on_value, .context = context };
        int r;

        r = open_regular(path, &reading.file, e);
        if (r < 0)
                return r;
        r = read_lines(&reading, e);
        (void)fclose(reading.file);
        free(reading.section);
        return r < 0 ? error_prefix(e, r, "%s:%u", path, reading.line) : 0;
}

/* ---- writing ---- */

static bool is_control(char c) {
        return (unsigned char)c < 0x20 || c == 0x7f;
}

/* Whether it would be read back as another value without quotes. */
static bool needs_quotes(const char *value) {
        size_t length = strlen(value);

        if (*value == '"' || *value == ';' || is_blank(*value) || (length > 0 && is_blank(value[length - 1])))
                return true;
        for (const char *c = value; *c; c++)
                if (is_control(*c) || (is_blank(*c) && c[1] == ';'))
                        return true;
        return false;
}

static void write_escaped(char c, FILE *to) {
        const char *byte = strchr(escaped_bytes, c);

        if (byte)
                (void)fprintf(to, "\\%c", escape_names[byte - escaped_bytes]);
        else if (is_control(c))
                (void)fprintf(to, "\\x%02x", (unsigned char)c);
        else
                (void)fputc(c, to);
}

void ini_write(const char *key, const char *value, FILE *to) {
        if (!needs_quotes(value)) {
                (void)fprintf(to, "%s = %s\n", key, value);
                return;
        }
        (void)fprintf(to, "%s = \"", key);
        for (const char *c = value; *c; c++)
                write_escaped(*c, to);
        (void)fputs("\"\n", to);
}
