/* Foreign bytes made fit for an error's sentence: a client's or a file's bytes may be control characters, invalid UTF-8,
 * or a megabyte. */
#ifndef RESTMARK_BASE_QUOTE_H
#define RESTMARK_BASE_QUOTE_H

#include <stddef.h>

enum {
        QUOTE_SHOWN = 40,                     /* bytes of the original that are shown */
        QUOTE_MAX = QUOTE_SHOWN * 4 + 3 + 1, /* each may become \xNN; "..." and NUL follow */
};

/* Writes at most QUOTE_SHOWN of the `length` bytes to `out` (QUOTE_MAX bytes), everything but printable ASCII as \xNN,
 * with "..." where it was cut, NUL-terminated. Returns `out`. */
static inline const char *quote_bytes(char *out, const char *bytes, size_t length) {
        static const char hex[] = "0123456789abcdef";
        char *p = out;

        for (size_t i = 0; i < length && i < QUOTE_SHOWN; i++) {
                unsigned char c = (unsigned char)bytes[i];

                if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\') {
                        *p++ = (char)c;
                        continue;
                }
                *p++ = '\\';
                *p++ = 'x';
                *p++ = hex[c >> 4];
                *p++ = hex[c & 15];
        }
        if (length > QUOTE_SHOWN)
                for (int i = 0; i < 3; i++)
                        *p++ = '.';
        *p = '\0';
        return out;
}

#endif
