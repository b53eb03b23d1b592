#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>

void buf_number(struct buf *b, uint64_t number) {
        char digits[20], *end = digits + sizeof digits, *begin = end;

        do
                *--begin = (char)('0' + number % 10);
        while (number /= 10);
        buf_append(b, begin, (size_t)(end - begin));
}

void buf_printf(struct buf *b, const char *format, ...) {
        va_list arguments;
        int n;

        va_start(arguments, format);
        n = vsnprintf(b->data + b->length, buf_room(b), format, arguments);
        va_end(arguments);
        /* vsnprintf needs one byte more than the text for its NUL; what it wrote past `length` does not count. */
        if (n < 0 || (size_t)n >= buf_room(b))
                b->overflow = true;
        else
                b->length += (size_t)n;
}
