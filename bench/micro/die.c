#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "micro.h"

void micro_die(const char *format, ...) {
        va_list arguments;

        (void)fprintf(stderr, "restmark-micro: ");
        va_start(arguments, format);
        (void)vfprintf(stderr, format, arguments);
        va_end(arguments);
        (void)fputc('\n', stderr);
        exit(EX_SOFTWARE);
}
