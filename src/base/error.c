#include "base/error.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

int error_set(struct error *e, int code, const char *format, ...) {
        va_list arguments;

        if (!e)
                return code;
        va_start(arguments, format);
        (void)vsnprintf(e->text, sizeof e->text, format, arguments);
        va_end(arguments);
        return code;
}

int error_set_errno(struct error *e, int errnum, const char *format, ...) {
        va_list arguments;
        size_t length;

        if (!e)
                return -errnum;
        va_start(arguments, format);
        (void)vsnprintf(e->text, sizeof e->text, format, arguments);
        va_end(arguments);
        length = strlen(e->text);
        (void)snprintf(e->text + length, sizeof e->text - length, ": %s", strerror(errnum));
        return -errnum;
}

int error_prefix(struct error *e, int code, const char *format, ...) {
        char cause[sizeof e->text];
        va_list arguments;
        size_t length;

        if (!e)
                return code;
        memcpy(cause, e->text, sizeof cause);
        va_start(arguments, format);
        (void)vsnprintf(e->text, sizeof e->text, format, arguments);
        va_end(arguments);
        length = strlen(e->text);
        (void)snprintf(e->text + length, sizeof e->text - length, ": %s", cause);
        return code;
}
