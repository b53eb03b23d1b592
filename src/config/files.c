#include "config/files.h"

#include <errno.h>
#include <glob.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "config/ini.h"
#include "config/option.h"

enum { PATH_BYTES = 4096 };

/* A file that is being read. */
struct visit {
        const char *path;
        struct raw_config *raw;
        const struct visit *from; /* which includes it; NULL: none */
        unsigned int number, depth;
        dev_t device;
        ino_t inode;
};

static int read_file(const char *path, struct raw_config *raw, const struct visit *from, struct error *e);

static int take_section(void *context, const char *section, struct error *e) {
        (void)context;
        return option_section_check(section, e);
}

static bool has_wildcard(const char *pattern) {
        return strpbrk(pattern, "*?[") != NULL;
}

/* A relative pattern begins where the file is that has it; in that folder's own name a * is no wildcard. */
static int find_pattern(const char *file, const char *pattern, char *ret, struct error *e) {
        const char *slash = *pattern == '/' ? NULL : strrchr(file, '/'), *end = slash ? slash + 1 : file;
        const bool escape = has_wildcard(pattern);
        size_t length = 0;

        if (!*pattern)
                return error_set(e, -EINVAL, "include: name a file, or a pattern such as conf.d/*.ini");
        for (const char *c = file; c < end && length < PATH_BYTES - 1; c++) {
                if (escape && strchr("*?[\\", *c))
                        ret[length++] = '\\';
                ret[length++] = *c;
        }
        if (length + strlen(pattern) >= PATH_BYTES)
                return error_set(e, -ENAMETOOLONG, "include: the path is longer than %d bytes", PATH_BYTES - 1);
        strcpy(ret + length, pattern);
        return 0;
}

/* What is not there is no error of a pattern. */
static int is_unreadable(const char *path, int errnum) {
        (void)path;
        return errnum != ENOENT && errnum != ENOTDIR;
}

static int include_matches(const struct visit *visit, const char *pattern, struct error *e) {
        glob_t found;
        int r = glob(pattern, 0, is_unreadable, &found);

        if (r == GLOB_NOMATCH) /* an empty folder of drop-ins is the usual thing */
                return 0;
        if (r == GLOB_ABORTED)
                return error_set_errno(e, errno, "include: cannot look for %s", pattern);
        if (r != 0)
                return error_set_errno(e, ENOMEM, "include: cannot look for %s", pattern);
        for (size_t i = 0; r == 0 && i < found.gl_pathc; i++) /* glob() sorts, by bytes as the locale is never set */
                r = read_file(found.gl_pathv[i], visit->raw, visit, e);
        globfree(&found);
        return r;
}

static int include(const struct visit *visit, const char *pattern, struct error *e) {
        char path[PATH_BYTES];
        int r = find_pattern(visit->path, pattern, path, e);

        if (r < 0)
                return r;
        return has_wildcard(pattern) ? include_matches(visit, path, e) : read_file(path, visit->raw, visit, e);
}

static int take_value(void *context, const char *section, const char *key, const char *value, unsigned int line, struct error *e) {
        const struct visit *visit = context;
        struct raw_config *raw = visit->raw;
        char origin[PATH_BYTES + 16];
        int id;

        if (strcmp(key, "include") == 0)
                return include(visit, value, e);
        if (!section)
                return error_set(e, -EINVAL, "\"%s\" stands before any [section]", key);
        id = option_find(section, key, e);
        if (id < 0)
                return id;
        if (raw->file_of[id] != visit->number) { /* what other files have said is replaced, not added to */
                raw_remove(raw, id);
                raw->file_of[id] = visit->number;
        }
        (void)snprintf(origin, sizeof origin, "%s:%u", visit->path, line);
        return raw_add(raw, id, value, origin, e);
}

/* By what the file is, not by its name: links to it are it. */
static int check_circle(const struct visit *visit, struct error *e) {
        for (const struct visit *v = visit->from; v; v = v->from)
                if (v->device == visit->device && v->inode == visit->inode)
                        return error_set(e, -ELOOP, "include: %s is being read already, and would be read without end: take it out of the pattern", visit->path);
        return 0;
}

static int read_file(const char *path, struct raw_config *raw, const struct visit *from, struct error *e) {
        struct visit visit = { .path = path, .raw = raw, .from = from, .depth = from ? from->depth + 1 : 1 };
        struct stat st;
        int r = 0;

        if (stat(path, &st) == 0) { /* else ini_read() says why not */
                visit.device = st.st_dev;
                visit.inode = st.st_ino;
                r = check_circle(&visit, e);
        }
        if (r < 0)
                return r;
        if (visit.depth > FILES_DEEP)
                return error_set(e, -ELOOP, "include: files include one another more than %d deep", FILES_DEEP);
        if (raw->n_files == FILES_MAX)
                return error_set(e, -E2BIG, "include: more than %d files", FILES_MAX);
        visit.number = ++raw->n_files;
        return ini_read(path, take_section, take_value, &visit, e);
}

int files_read(const char *path, struct raw_config *raw, struct error *e) {
        return read_file(path, raw, NULL, e);
}
