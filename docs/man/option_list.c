/* Prints the OPTIONS part of restmarkd.ini(5) as scdoc text, from src/config/options.def. Not installed;
 * docs/man/restmarkd.ini.5.scd holds its output between two markers, and a test compares them. */
#include <stdio.h>
#include <string.h>

#include "config/option.h"

/* scdoc gives _ and * a meaning. */
static void put_escaped(const char *text) {
        for (; *text; text++) {
                if (strchr("_*\\", *text))
                        (void)putchar('\\');
                (void)putchar(*text);
        }
}

static void put_option(const struct option_row *row) {
        char low[40], high[40];

        (void)printf("*%s* = _", row->key);
        put_escaped(row->unit);
        (void)printf("_\n\t");
        put_escaped(row->help);
        (void)printf("\n\n\tDefault: ");
        put_escaped(*row->default_text ? row->default_text : "not set");
        if (row->max > 0) {
                option_format_number(row, row->min, low, sizeof low);
                option_format_number(row, row->max, high, sizeof high);
                (void)printf(". Range: %s to %s", low, high);
        }
        (void)printf(".\n\n");
}

int main(void) {
        for (int i = 0; i < OPTION_COUNT; i++) {
                if (i == 0 || strcmp(option_table[i].section, option_table[i - 1].section) != 0)
                        (void)printf("## [%s]\n\n", option_table[i].section);
                put_option(&option_table[i]);
        }
        return 0;
}
