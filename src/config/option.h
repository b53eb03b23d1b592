/* The option table of options.def as data, and the text of single values. */
#ifndef RESTMARK_CONFIG_OPTION_H
#define RESTMARK_CONFIG_OPTION_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum option_id {
#define OPTION(section, key, field, ...) OPTION_##field,
#include "config/options.def"
#undef OPTION
        OPTION_COUNT
};

enum option_kind {
        OPTION_KIND_COUNT,
        OPTION_KIND_COUNT_AUTO,
        OPTION_KIND_SIZE,
        OPTION_KIND_TIME,
        OPTION_KIND_TEXT,
        OPTION_KIND_LISTEN,
        OPTION_KIND_BALANCE,
        OPTION_KIND_CODEC,
        OPTION_KIND_LEVEL,
        OPTION_KIND_TARGET,
        OPTION_KIND_SWITCH,
};

enum option_reload { OPTION_RELOAD_LIVE, OPTION_RELOAD_RESPAWN, OPTION_RELOAD_RESTART };

struct option_row {
        const char *section, *key;
        enum option_kind kind;
        const char *default_text;
        uint64_t min, max;
        const char *unit;
        enum option_reload reload;
        const char *help;
        size_t offset; /* of the field in struct config */
};

extern const struct option_row option_table[OPTION_COUNT];

struct option_word {
        const char *name;
        int value;
};

/* The words of BALANCE, CODEC, LEVEL, TARGET and SWITCH, ended by a NULL name; NULL for other kinds. */
const struct option_word *option_words(enum option_kind kind);

/* Finds section and key. Returns the index in option_table, or -ENOENT with a sentence that may suggest what was meant. */
int option_find(const char *section, const char *key, struct error *e);

/* Whether any option is in this section; else -ENOENT with a sentence. */
int option_section_check(const char *section, struct error *e);

/* Reads and bounds a value of a numeric kind or a word. Returns 0, or -EINVAL / -ERANGE with a sentence. */
int option_parse_number(const struct option_row *row, const char *text, uint64_t *ret, struct error *e);
int option_parse_word(const struct option_row *row, const char *text, int *ret, struct error *e);

/* The text that option_parse_number reads back as `value`, into `text` of `size` bytes. */
void option_format_number(const struct option_row *row, uint64_t value, char *text, size_t size);

#endif
