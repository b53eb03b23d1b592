/* The line that a control client sends: a command and its arguments, separated by single spaces. Pure. */
#ifndef RESTMARK_ACT_CONTROL_SYNTAX_H
#define RESTMARK_ACT_CONTROL_SYNTAX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct control_arguments {
        bool json, now;   /* these words were there */
        bool has_number;  /* false only if the syntax lets it be left out */
        uint64_t number;
};

/* What may follow a command's name. `text` is both what people read and what is parsed by: elements separated by spaces, where
 * "[json]" and "[now]" are words that may be left out, a capital word ("N", "SLOT") is a number from `min` to `max`, and "[since N]"
 * a word with its number, which may both be left out. Elements stand in this order. NULL: there are no arguments. */
struct control_syntax {
        const char *text;
        uint64_t min, max;
};

/* The rest of `line` if its first word is `name`: what follows the space, or "" for nothing; else NULL. */
const char *control_match(const char *line, const char *name);

/* Reads `text` by `syntax`. Returns 0, or -EINVAL with a sentence that says how to write `name`; *ret is then undefined. */
int control_parse(const char *name, const struct control_syntax *syntax, const char *text, struct control_arguments *ret, struct error *e);

#endif
