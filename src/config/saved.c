#include "config/saved.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/number.h"
#include "config/raw.h"

enum { SAVED_MAX = 16 << 20 }; /* bytes, far above what arguments and files bring about */

static const char magic[] = "restmark-config 1\n", last[] = "end\n";

/* ---- writing ---- */

struct saving {
        const struct config *config;
        FILE *to;
};

static void write_text(const char *text, FILE *to) {
        (void)fprintf(to, "%zu:%s,", strlen(text), text);
}

static void save_one(void *context, enum option_id id, const char *text) {
        const struct saving *saving = context;
        const char *origin = saving->config->origin[id];

        write_text(option_table[id].section, saving->to);
        write_text(option_table[id].key, saving->to);
        write_text(origin ? origin : "", saving->to);
        write_text(text, saving->to);
        (void)fputc('\n', saving->to);
}

void config_save(const struct config *config, FILE *to) {
        struct saving saving = { .config = config, .to = to };

        (void)fputs(magic, to);
        config_each(config, save_one, &saving);
        (void)fputs(last, to);
}

/* ---- reading: an option that it does not have, as another version has written it, has its default ---- */

/* Moves *at behind a text, and ends that, in place, with a NUL. Returns NULL if there is none that is whole. */
static char *take_text(char **at, const char *end) {
        char *colon = memchr(*at, ':', (size_t)(end - *at)), *text;
        uint64_t length;

        if (!colon || number_parse(*at, (size_t)(colon - *at), &length) < 0 || length >= (uint64_t)(end - colon - 1))
                return NULL;
        text = colon + 1;
        if (text[length] != ',' || memchr(text, '\0', length))
                return NULL;
        text[length] = '\0';
        *at = text + length + 1;
        return text;
}

/* One line. */
static int take_option(struct raw_config *raw, char **at, const char *end, struct error *e) {
        char *texts[4]; /* section, key, origin, value */
        int id;

        for (size_t i = 0; i < 4; i++) {
                texts[i] = take_text(at, end);
                if (!texts[i])
                        return error_set(e, -EINVAL, "it is cut off or damaged");
        }
        if (*at == end || *(*at)++ != '\n')
                return error_set(e, -EINVAL, "it is cut off or damaged");
        id = option_find(texts[0], texts[1], e);
        return id < 0 ? id : raw_add(raw, id, texts[3], *texts[2] ? texts[2] : NULL, e);
}

static int take_options(char *text, size_t size, struct config **ret, struct error *e) {
        struct raw_config raw = { .n_files = 0 };
        const size_t before = sizeof magic - 1, behind = sizeof last - 1;
        char *at, *end;
        int r = 0;

        if (size < before || memcmp(text, magic, before) != 0)
                return error_set(e, -EPROTO, "it is none, or of another version");
        if (size < before + behind || memcmp(text + size - behind, last, behind) != 0)
                return error_set(e, -EINVAL, "it is cut off");
        at = text + before;
        end = text + size - behind;
        while (r == 0 && at < end)
                r = take_option(&raw, &at, end, e);
        if (r == 0)
                r = raw_build(&raw, ret, e);
        raw_release(&raw);
        return r;
}

int config_load_saved(int fd, struct config **ret, struct error *e) {
        struct stat st;
        char *text;
        int r;

        if (fstat(fd, &st) < 0 || st.st_size < 0 || st.st_size > SAVED_MAX)
                return error_set(e, -EINVAL, "descriptor %d is no saved configuration", fd);
        text = malloc((size_t)st.st_size + 1);
        if (!text)
                return error_set_errno(e, ENOMEM, "cannot keep the configuration");
        if (pread(fd, text, (size_t)st.st_size, 0) == (ssize_t)st.st_size)
                r = take_options(text, (size_t)st.st_size, ret, e);
        else
                r = error_set(e, -EIO, "it cannot be read");
        free(text);
        return r < 0 ? error_prefix(e, r, "the saved configuration") : 0;
}
