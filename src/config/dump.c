#include <string.h>

#include "config/config.h"
#include "config/ini.h"
#include "config/saved.h"

static const char *word_of(enum option_kind kind, int value) {
        const struct option_word *word = option_words(kind);

        while (word->name && word->value != value)
                word++;
        return word->name;
}

static void each_of_list(enum option_id id, const struct listen_list *list, config_text take, void *context) {
        char text[LISTEN_TEXT_MAX];

        if (list->n == 0)
                take(context, id, "");
        for (size_t i = 0; i < list->n; i++)
                take(context, id, listen_format(&list->at[i], text));
}

void config_each(const struct config *config, config_text take, void *context) {
        for (enum option_id id = 0; id < OPTION_COUNT; id++) {
                const struct option_row *row = &option_table[id];
                const void *field = (const char *)config + row->offset;
                char text[40];

                if (row->kind == OPTION_KIND_LISTEN)
                        each_of_list(id, field, take, context);
                else if (row->kind == OPTION_KIND_TEXT)
                        take(context, id, *(char *const *)field);
                else if (option_words(row->kind))
                        take(context, id, word_of(row->kind, *(const int *)field));
                else {
                        option_format_number(row, *(const uint64_t *)field, text, sizeof text);
                        take(context, id, text);
                }
        }
}

static void new_section(int id, FILE *to) {
        if (id == 0 || strcmp(option_table[id].section, option_table[id - 1].section) != 0)
                (void)fprintf(to, "%s[%s]\n", id == 0 ? "" : "\n", option_table[id].section);
}

struct dump {
        FILE *to;
        int section_of; /* the option whose section was begun last; -1: none yet */
};

static void dump_one(void *context, enum option_id id, const char *text) {
        struct dump *dump = context;

        for (; dump->section_of < (int)id; dump->section_of++)
                new_section(dump->section_of + 1, dump->to);
        ini_write(option_table[id].key, text, dump->to);
}

void config_dump(const struct config *config, FILE *to) {
        struct dump dump = { .to = to, .section_of = -1 };

        config_each(config, dump_one, &dump);
}

/* `text` as comment lines of at most 80 columns. */
static void write_comment(const char *text, FILE *to) {
        enum { WIDTH = 78 };

        while (*text) {
                size_t length = strlen(text);

                if (length > WIDTH) {
                        length = WIDTH;
                        while (length > 0 && text[length] != ' ')
                                length--;
                }
                (void)fprintf(to, "; %.*s\n", (int)length, text);
                text += length;
                while (*text == ' ')
                        text++;
        }
}

static void write_bounds(const struct option_row *row, FILE *to) {
        char low[40], high[40], line[160];

        if (row->max == 0) {
                (void)fprintf(to, "; (%s)\n", row->unit);
                return;
        }
        option_format_number(row, row->min, low, sizeof low);
        option_format_number(row, row->max, high, sizeof high);
        (void)snprintf(line, sizeof line, "(%s, %s to %s)", row->unit, low, high);
        write_comment(line, to);
}

void config_write_default(FILE *to) {
        write_comment("The configuration of restmarkd: every option with its default. Made from src/config/options.def by "
                      "`restmarkd --write-config FILE`; see restmarkd.ini(5). Lines that begin with ; or # are comments.",
                      to);
        (void)fputc('\n', to);
        for (int id = 0; id < OPTION_COUNT; id++) {
                const struct option_row *row = &option_table[id];

                new_section(id, to);
                (void)fputc('\n', to);
                write_comment(row->help, to);
                write_bounds(row, to);
                (void)fprintf(to, ";%s =%s%s\n", row->key, *row->default_text ? " " : "", row->default_text);
        }
        (void)fputc('\n', to);
        write_comment("Your own settings may stand in files of their own, with their [section] lines: then an upgrade of the package has nothing to ask "
                      "about this one. They are read here, in the order of their names, and what a later file says replaces what stands before.",
                      to);
        (void)fputs("include = conf.d/*.ini\n", to);
}
