#include "act/control_syntax.h"

#include <errno.h>
#include <string.h>

#include "base/number.h"

const char *control_match(const char *line, const char *name) {
        size_t length = strlen(name);

        if (strncmp(line, name, length) != 0 || (line[length] != ' ' && line[length] != '\0'))
                return NULL;
        line += length;
        /* A space with nothing behind it stays, so that it is refused as what it is. */
        return line[0] == ' ' && line[1] != '\0' ? line + 1 : line;
}

static size_t word_length(const char *text) {
        return strcspn(text, " ");
}

static bool is_word(const char *text, const char *word, size_t length) {
        return word_length(text) == length && memcmp(text, word, length) == 0;
}

/* Goes on to the next word, over exactly one space. */
static const char *next_word(const char *text) {
        text += word_length(text);
        return text[0] == ' ' && text[1] != '\0' ? text + 1 : text;
}

static bool take_number(const struct control_syntax *syntax, const char **text, struct control_arguments *a) {
        if (number_parse(*text, word_length(*text), &a->number) < 0 || a->number < syntax->min || a->number > syntax->max)
                return false;
        a->has_number = true;
        *text = next_word(*text);
        return true;
}

/* One element that may be left out: "[word]" or "[word N]". */
static bool take_optional(const struct control_syntax *syntax, const char *element, const char **text, struct control_arguments *a) {
        size_t length = strcspn(element + 1, " ]");

        if (!is_word(*text, element + 1, length))
                return true;
        *text = next_word(*text);
        if (element[1 + length] == ' ')
                return take_number(syntax, text, a);
        if (length == sizeof "json" - 1 && memcmp(element + 1, "json", length) == 0)
                a->json = true;
        else
                a->now = true;
        return true;
}

static int refuse(const char *name, const struct control_syntax *syntax, struct error *e) {
        const char *number = !syntax->text ? NULL : strpbrk(syntax->text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");

        if (!syntax->text)
                return error_set(e, -EINVAL, "%s takes no arguments", name);
        if (!number || syntax->max == UINT64_MAX)
                return error_set(e, -EINVAL, "write: %s %s", name, syntax->text);
        return error_set(e, -EINVAL, "write: %s %s, with a whole number from %llu to %llu", name, syntax->text,
                         (unsigned long long)syntax->min, (unsigned long long)syntax->max);
}

int control_parse(const char *name, const struct control_syntax *syntax, const char *text, struct control_arguments *ret, struct error *e) {
        struct control_arguments a = { 0 };

        for (const char *element = syntax->text; element && *element;) {
                bool optional = *element == '[';

                if (!(optional ? take_optional(syntax, element, &text, &a) : take_number(syntax, &text, &a)))
                        return refuse(name, syntax, e);
                element += optional ? strcspn(element, "]") + 1 : word_length(element);
                element += *element == ' ';
        }
        if (*text)
                return refuse(name, syntax, e);
        *ret = a;
        return 0;
}
