#include "codec/json_string.h"

/* The letter after the backslash; 0: no escape, 'u': by number. */
static inline char escape_of(unsigned char c) {
        switch (c) {
        case '"':
        case '\\':
                return (char)c;
        case '\b':
                return 'b';
        case '\f':
                return 'f';
        case '\n':
                return 'n';
        case '\r':
                return 'r';
        case '\t':
                return 't';
        default:
                return c < 0x20 ? 'u' : 0;
        }
}

size_t json_string_length(const char *bytes, size_t length) {
        size_t escaped = length, i = 0;

        for (; i + 8 <= length; i += 8) {
                if (__builtin_expect(!json_escape_in8(json_load8(bytes + i)), 1))
                        continue;
                for (size_t j = i; j < i + 8; j++) {
                        char letter = escape_of((unsigned char)bytes[j]);

                        escaped += letter == 'u' ? JSON_ESCAPE_MAX - 1 : letter ? 1 : 0;
                }
        }
        for (; i < length; i++) {
                char letter = escape_of((unsigned char)bytes[i]);

                escaped += letter == 'u' ? JSON_ESCAPE_MAX - 1 : letter ? 1 : 0;
        }
        return escaped;
}

char *json_string_escape(char *out, const char *bytes, size_t length) {
        static const char hex[] = "0123456789abcdef";

        for (size_t i = 0; i < length; i++) {
                unsigned char c = (unsigned char)bytes[i];
                char letter = escape_of(c);

                if (!letter) {
                        *out++ = (char)c;
                        continue;
                }
                *out++ = '\\';
                *out++ = letter;
                if (letter != 'u')
                        continue;
                *out++ = '0';
                *out++ = '0';
                *out++ = hex[c >> 4];
                *out++ = hex[c & 15];
        }
        return out;
}
