#include "base/title.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* /proc/PID/cmdline shows the memory where the kernel put argv. Setting another place (PR_SET_MM) needs a capability, so
 * the text goes over argv and, as one word is short, over the environment behind it, which is moved away first. */
static char *area;
static size_t area_size;
/* They live as long as the process; "used" keeps them, which nobody reads again, visible to leak checkers. */
__attribute__((used)) static char **argv_copy, **environ_copy;

/* Pointers and texts in one block, so that it is whole whatever setenv() and unsetenv() do to the pointers. */
static char **copy_strings(char **from, size_t n) {
        size_t size = (n + 1) * sizeof *from;
        char **copy, *text;

        for (size_t i = 0; i < n; i++)
                size += strlen(from[i]) + 1;
        copy = malloc(size);
        if (!copy)
                return NULL;
        text = (char *)(copy + n + 1);
        for (size_t i = 0; i < n; i++) {
                copy[i] = text;
                text = stpcpy(text, from[i]) + 1;
        }
        copy[n] = NULL;
        return copy;
}

static char *end_of_contiguous(char **strings, size_t n, char *end) {
        for (size_t i = 0; i < n && strings[i] == end; i++)
                end = strings[i] + strlen(strings[i]) + 1;
        return end;
}

char **title_init(int argc, char **argv) {
        size_t n_environ = 0;
        char *end;

        while (environ && environ[n_environ])
                n_environ++;
        argv_copy = copy_strings(argv, (size_t)argc);
        if (!argv_copy)
                return NULL;
        environ_copy = copy_strings(environ, n_environ);
        if (!environ_copy || argc == 0)
                return argv_copy; /* titles stay as they are */

        end = end_of_contiguous(argv, (size_t)argc, argv[0]);
        end = end_of_contiguous(environ, n_environ, end);
        area = argv[0];
        area_size = (size_t)(end - argv[0]);
        environ = environ_copy;
        return argv_copy;
}

void title_set(const char *format, ...) {
        va_list arguments;
        int n;

        if (area_size == 0)
                return;
        va_start(arguments, format);
        n = vsnprintf(area, area_size, format, arguments);
        va_end(arguments);
        if (n >= 0 && (size_t)n < area_size)
                memset(area + n, 0, area_size - (size_t)n);
}
