#include "config/option.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <syslog.h>

#include "base/log.h"
#include "base/number.h"
#include "config/config.h"

const struct option_row option_table[OPTION_COUNT] = {
#define OPTION(section_, key_, field, kind_, default_, min_, max_, unit_, reload_, help_) \
        [OPTION_##field] = { .section = #section_,                                        \
                             .key = #key_,                                                \
                             .kind = OPTION_KIND_##kind_,                                 \
                             .default_text = default_,                                    \
                             .min = min_,                                                 \
                             .max = max_,                                                 \
                             .unit = unit_,                                               \
                             .reload = OPTION_RELOAD_##reload_,                           \
                             .help = help_,                                               \
                             .offset = offsetof(struct config, field) },
#include "config/options.def"
#undef OPTION
};

const struct option_word *option_words(enum option_kind kind) {
        /* The order of enum codec: the values are checked to agree in main.c, which sees both rooms. */
        static const struct option_word codecs[] = { { "struct", 0 }, { "tree", 1 }, { NULL, 0 } };
        static const struct option_word balances[] = { { "reuseport", BALANCE_REUSEPORT }, { "shared", BALANCE_SHARED },
                                                       { "cpu", BALANCE_CPU }, { NULL, 0 } };
        static const struct option_word levels[] = { { "error", LOG_ERR },   { "warning", LOG_WARNING }, { "notice", LOG_NOTICE },
                                                     { "info", LOG_INFO },   { "debug", LOG_DEBUG },     { NULL, 0 } };
        static const struct option_word targets[] = { { "auto", LOG_TARGET_AUTO },
                                                      { "stderr", LOG_TARGET_STDERR },
                                                      { "journal", LOG_TARGET_JOURNAL },
                                                      { NULL, 0 } };
        static const struct option_word switches[] = { { "no", 0 }, { "yes", 1 }, { NULL, 0 } };

        switch (kind) {
        case OPTION_KIND_BALANCE:
                return balances;
        case OPTION_KIND_CODEC:
                return codecs;
        case OPTION_KIND_LEVEL:
                return levels;
        case OPTION_KIND_TARGET:
                return targets;
        case OPTION_KIND_SWITCH:
                return switches;
        default:
                return NULL;
        }
}

/* Edit distance of two short words (insert, delete, replace cost 1 each); texts over the limit count as far apart. */
static size_t distance(const char *a, const char *b) {
        enum { LIMIT = 40 };
        size_t n = strlen(a), m = strlen(b), row[LIMIT + 1];

        if (n > LIMIT || m > LIMIT)
                return LIMIT;
        for (size_t j = 0; j <= m; j++)
                row[j] = j;
        for (size_t i = 1; i <= n; i++) {
                size_t diagonal = row[0];

                row[0] = i;
                for (size_t j = 1; j <= m; j++) {
                        size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
                        size_t edited = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;

                        diagonal = row[j];
                        row[j] = replaced < edited ? replaced : edited;
                }
        }
        return row[m];
}

/* Near enough that it may be a slip of the keyboard: at most a third of the word. */
static bool is_near(const char *given, const char *known) {
        return distance(given, known) <= 1 + strlen(known) / 4;
}

int option_section_check(const char *section, struct error *e) {
        const char *near = NULL;

        for (size_t i = 0; i < OPTION_COUNT; i++) {
                if (strcmp(option_table[i].section, section) == 0)
                        return 0;
                if (!near && is_near(section, option_table[i].section))
                        near = option_table[i].section;
        }
        if (near)
                return error_set(e, -ENOENT, "unknown section [%s]; did you mean [%s]?", section, near);
        return error_set(e, -ENOENT,
                         "unknown section [%s]; there are [server], [limits], [workers], [workloads], [database], [cache], [admin] and [log]", section);
}

int option_find(const char *section, const char *key, struct error *e) {
        const struct option_row *near = NULL, *elsewhere = NULL;

        for (int i = 0; i < OPTION_COUNT; i++) {
                const struct option_row *row = &option_table[i];
                bool here = strcmp(row->section, section) == 0;

                if (strcmp(row->key, key) == 0) {
                        if (here)
                                return i;
                        elsewhere = row;
                } else if (here && is_near(key, row->key) && (!near || distance(key, row->key) < distance(key, near->key)))
                        near = row;
        }
        if (option_section_check(section, e) < 0)
                return -ENOENT;
        if (elsewhere)
                return error_set(e, -ENOENT, "unknown key \"%s\" in [%s]; it belongs in [%s]", key, section, elsewhere->section);
        if (near)
                return error_set(e, -ENOENT, "unknown key \"%s\" in [%s]; did you mean \"%s\"?", key, section, near->key);
        return error_set(e, -ENOENT, "unknown key \"%s\" in [%s]; `restmarkd -T` prints all there are", key, section);
}

struct suffix {
        const char *name;
        uint64_t factor;
};

static const struct suffix size_suffixes[] = { { "G", 1u << 30 }, { "M", 1u << 20 }, { "K", 1u << 10 }, { "", 1 }, { NULL, 0 } };
static const struct suffix time_suffixes[] = { { "min", 60000 }, { "ms", 1 }, { "s", 1000 }, { "", 1000 }, { NULL, 0 } };
static const struct suffix no_suffixes[] = { { "", 1 }, { NULL, 0 } };

static const struct suffix *suffixes(enum option_kind kind) {
        return kind == OPTION_KIND_SIZE ? size_suffixes : kind == OPTION_KIND_TIME ? time_suffixes : no_suffixes;
}

static const char *expected(enum option_kind kind) {
        switch (kind) {
        case OPTION_KIND_SIZE:
                return "a whole number of bytes, or of K, M or G, such as 64K";
        case OPTION_KIND_TIME:
                return "a whole number with ms, s or min, such as 500ms or 30s";
        case OPTION_KIND_COUNT_AUTO:
                return "a whole number or auto";
        default:
                return "a whole number";
        }
}

int option_parse_number(const struct option_row *row, const char *text, uint64_t *ret, struct error *e) {
        size_t digits = strspn(text, "0123456789");
        const struct suffix *suffix = suffixes(row->kind);
        char low[40], high[40];
        uint64_t value = 0;
        int r;

        if (row->kind == OPTION_KIND_COUNT_AUTO && strcmp(text, "auto") == 0) {
                *ret = 0;
                return 0;
        }
        while (suffix->name && strcmp(suffix->name, text + digits) != 0)
                suffix++;
        r = number_parse(text, digits, &value);
        if (!suffix->name || r == -EINVAL)
                return error_set(e, -EINVAL, "\"%s\" is not %s", text, expected(row->kind));
        if (r == -ERANGE || __builtin_mul_overflow(value, suffix->factor, &value) || value < row->min || value > row->max) {
                option_format_number(row, row->min, low, sizeof low);
                option_format_number(row, row->max, high, sizeof high);
                return error_set(e, -ERANGE, "%s is out of range: it must be from %s to %s", text, low, high);
        }
        *ret = value;
        return 0;
}

void option_format_number(const struct option_row *row, uint64_t value, char *text, size_t size) {
        const struct suffix *best = NULL;

        if (row->kind == OPTION_KIND_COUNT_AUTO && value == 0) {
                (void)snprintf(text, size, "auto");
                return;
        }
        /* The largest unit that leaves a whole number, and for times always one, as a bare number would be seconds. */
        for (const struct suffix *s = suffixes(row->kind); s->name; s++)
                if (value % s->factor == 0 && (!best || s->factor > best->factor) && !(row->kind == OPTION_KIND_TIME && !*s->name) &&
                    (value > 0 || s->factor == 1))
                        best = s;
        (void)snprintf(text, size, "%llu%s", (unsigned long long)(value / best->factor), best->name);
}

int option_parse_word(const struct option_row *row, const char *text, int *ret, struct error *e) {
        for (const struct option_word *word = option_words(row->kind); word->name; word++)
                if (strcmp(word->name, text) == 0) {
                        *ret = word->value;
                        return 0;
                }
        return error_set(e, -EINVAL, "\"%s\" is not one of %s", text, row->unit);
}
