/* Which bytes may stand where in a request (RFC 9110, RFC 9112, RFC 3986). Inside the gate room only. */
#ifndef RESTMARK_GATE_BYTES_H
#define RESTMARK_GATE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

enum byte_class {
        BYTE_TOKEN = 1 << 0,  /* method, field name */
        BYTE_TARGET = 1 << 1, /* path and query, but for "%"; with visible characters that RFC 3986 wants encoded and clients send as they are */
        BYTE_NAME = 1 << 2,   /* registered name of a host, but for "%" */
        BYTE_VALUE = 1 << 3,  /* field value with the white space in it; bytes above 0x7f are text of some kind */
        BYTE_HEX = 1 << 4,
        BYTE_DIGIT = 1 << 5,
        BYTE_LETTER = 1 << 6,
};

extern const uint8_t byte_classes[256];

static inline bool byte_is(char byte, unsigned int classes) {
        return (byte_classes[(unsigned char)byte] & classes) != 0;
}

/* The number of bytes from the begin that are of the class. */
static inline size_t bytes_span(const char *bytes, size_t length, unsigned int classes) {
        size_t n = 0;

        while (n < length && byte_is(bytes[n], classes))
                n++;
        return n;
}

/* The same of BYTE_VALUE, eight bytes at a time as long as there is neither a control character among them nor a tab. */
static inline size_t bytes_value_span(const char *bytes, size_t length) {
        const uint64_t ones = 0x0101010101010101;
        size_t n = 0;

        for (uint64_t word, delete; n + sizeof word <= length; n += sizeof word) {
                memcpy(&word, bytes + n, sizeof word);
                delete = word ^ ones * 0x7f;
                if ((((word - ones * 0x20) & ~word) | ((delete - ones) & ~delete)) & ones * 0x80) /* some byte is below 0x20, or 0x7f */
                        break;
        }
        return n + bytes_span(bytes + n, length - n, BYTE_VALUE);
}

/* The value of a hexadecimal digit. */
static inline unsigned int byte_hex(char byte) {
        return byte <= '9' ? (unsigned int)(byte - '0') : ((unsigned int)byte | 0x20) - 'a' + 10;
}

/* "%" and two hexadecimal digits. */
static inline bool bytes_are_encoded(const char *bytes, size_t length) {
        return length >= 3 && bytes[0] == '%' && byte_is(bytes[1], BYTE_HEX) && byte_is(bytes[2], BYTE_HEX);
}

/* Four letters in lower case, to be compared at once; of what is no letter no more than that it is none of what is compared. */
static inline uint32_t bytes_four(const char *letters) {
        uint32_t word;

        memcpy(&word, letters, sizeof word);
        return word | 0x20202020;
}

/* Whether they are this text, in any case of its letters. */
static inline bool bytes_are(const char *bytes, size_t length, const char *text, size_t text_length) {
        return length == text_length && strncasecmp(bytes, text, length) == 0;
}

#endif
