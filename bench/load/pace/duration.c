#include "pace/duration.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { YEAR_S = 365 * 86400 };

int duration_parse(const char *text, uint64_t bare_ns, uint64_t *ret_ns) {
        static const struct {
                const char *name;
                double ns;
        } units[] = { { "us", 1e3 }, { "ms", 1e6 }, { "s", 1e9 }, { "min", 60e9 } };
        size_t digits = strspn(text, "0123456789."); /* strtod() also reads signs, exponents, names and hexadecimal */
        double ns = digits > 0 && text[digits] == '\0' ? (double)bare_ns : 0;
        char *end;
        double number = strtod(text, &end);

        for (size_t i = 0; i < sizeof units / sizeof *units; i++)
                if (strcmp(text + digits, units[i].name) == 0)
                        ns = units[i].ns;
        if (digits == 0 || ns == 0 || end != text + digits)
                return -EINVAL;
        if (number * ns > YEAR_S * 1e9)
                return -ERANGE;
        *ret_ns = (uint64_t)llround(number * ns);
        return 0;
}
