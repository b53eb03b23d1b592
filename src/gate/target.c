#include "gate/target.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>

#include "base/number.h"
#include "gate/bytes.h"

/* The number of bytes from the begin that are of the class, or percent-encoded. */
static size_t encoded_span(const char *text, size_t length, unsigned int classes) {
        size_t n = 0;

        for (;;) {
                n += bytes_span(text + n, length - n, classes);
                if (!bytes_are_encoded(text + n, length - n))
                        return n;
                n += 3;
        }
}

/* What stands between brackets: an IPv6 address, or one of a later version (RFC 3986, 3.2.2). */
static bool is_ip_literal(const char *text, size_t length) {
        char copy[INET6_ADDRSTRLEN];
        struct in6_addr address;
        size_t n;

        if (length > 0 && (*text | 0x20) == 'v') {
                n = 1 + bytes_span(text + 1, length - 1, BYTE_HEX);
                if (n == 1 || n + 1 >= length || text[n] != '.')
                        return false;
                while (++n < length && (text[n] == ':' || byte_is(text[n], BYTE_NAME)))
                        ;
                return n == length;
        }
        if (length >= sizeof copy || memchr(text, '\0', length))
                return false;
        memcpy(copy, text, length);
        copy[length] = '\0';
        return inet_pton(AF_INET6, copy, &address) == 1;
}

/* ":" and a number, or nothing, or nothing at all. */
static bool is_port(const char *text, size_t length) {
        uint64_t port = 0;

        if (length == 0)
                return true;
        return *text == ':' && (length == 1 || (number_parse(text + 1, length - 1, &port) == 0 && port <= UINT16_MAX));
}

bool target_is_host(const char *host, size_t length, bool may_be_empty) {
        size_t n;

        if (length == 0)
                return may_be_empty;
        if (*host == '[') {
                const char *end = memchr(host, ']', length);

                if (!end || !is_ip_literal(host + 1, (size_t)(end - host) - 1))
                        return false;
                n = (size_t)(end - host) + 1;
        } else {
                n = encoded_span(host, length, BYTE_NAME);
                if (n == 0)
                        return false;
        }
        return is_port(host + n, length - n);
}

/* Of an absolute URI with an authority: where that begins, 0 if it is no such URI. */
static size_t scheme_length(const char *target, size_t length) {
        size_t n = 0;

        if (length == 0 || !byte_is(*target, BYTE_LETTER))
                return 0;
        while (n < length && (byte_is(target[n], BYTE_LETTER | BYTE_DIGIT) || target[n] == '+' || target[n] == '-' || target[n] == '.'))
                n++;
        return length - n >= 3 && memcmp(target + n, "://", 3) == 0 ? n + 3 : 0;
}

static bool is_absolute(const char *target, size_t length) {
        size_t begin = scheme_length(target, length), n;
        bool is_http = bytes_are(target, begin, "http://", 7) || bytes_are(target, begin, "https://", 8);

        if (begin == 0)
                return false;
        for (n = begin; n < length && target[n] != '/' && target[n] != '?'; n++)
                ;
        return target_is_host(target + begin, n - begin, !is_http) && n + encoded_span(target + n, length - n, BYTE_TARGET) == length;
}

bool target_is_valid(const char *method, const char *target, size_t length) {
        if (length == 0)
                return false;
        /* The first byte before the call: each request comes by here, and none of them is CONNECT. */
        if (*method == 'C' && strncmp(method, "CONNECT ", 8) == 0) {
                const char *colon = memrchr(target, ':', length);

                return colon && colon + 1 < target + length && !memchr(colon, ']', (size_t)(target + length - colon)) &&
                       target_is_host(target, length, false);
        }
        if (*target == '/')
                return 1 + encoded_span(target + 1, length - 1, BYTE_TARGET) == length;
        if (*target == '*')
                return length == 1;
        return is_absolute(target, length);
}

size_t target_arguments(const char *target, size_t length) {
        const char *c = memchr(target, '?', length), *end = target + length;
        size_t n = 0;

        if (!c)
                return 0;
        for (n = 1; ++c < end;)
                n += *c == '&';
        return n;
}

const char *target_path(const char *target, char *memory, size_t *ret_length) {
        size_t n = 0;

        *ret_length = 1;
        if (*target != '/' && *target != '*') {
                target = strstr(target, "://");
                target = target ? target + 3 + strcspn(target + 3, "/?") : "";
                if (*target != '/')
                        return "/";
        }
        while (target[n] && target[n] != '%' && target[n] != '?')
                n++;
        *ret_length = n;
        if (target[n] != '%')
                return target;
        *ret_length = 0;
        for (n = 0; *target && *target != '?'; n++) {
                bool encoded = *target == '%';

                memory[n] = encoded ? (char)(byte_hex(target[1]) << 4 | byte_hex(target[2])) : *target;
                target += encoded ? 3 : 1;
                if (memory[n] == '\0' || (encoded && memory[n] == '/') || n + 1 == TARGET_PATH_MAX)
                        return "";
        }
        memory[n] = '\0';
        *ret_length = n;
        return memory;
}

const char *target_query(const char *target) {
        const char *mark = strchr(target, '?');

        return mark ? mark + 1 : NULL;
}

/* Decodes what there is to decode, "+" being a space; returns where the text is then. */
static const char *decode(const char *text, size_t length, char *memory, size_t *ret_length) {
        size_t n = 0;

        *ret_length = length;
        if (!memchr(text, '%', length) && !memchr(text, '+', length))
                return text;
        for (size_t i = 0; i < length; n++) {
                bool encoded = text[i] == '%';

                memory[n] = encoded ? (char)(byte_hex(text[i + 1]) << 4 | byte_hex(text[i + 2])) : text[i] == '+' ? ' ' : text[i];
                i += encoded ? 3 : 1;
        }
        *ret_length = n;
        return memory;
}

bool target_next_argument(const char **query, char *memory, struct target_argument *ret) {
        const char *begin = *query, *end, *equals;

        if (!begin || !*begin)
                return false;
        end = begin + strcspn(begin, "&");
        equals = memchr(begin, '=', (size_t)(end - begin));
        ret->name = decode(begin, (size_t)((equals ? equals : end) - begin), memory, &ret->name_length);
        ret->value = NULL;
        ret->value_length = 0;
        if (equals)
                ret->value = decode(equals + 1, (size_t)(end - equals) - 1, memory + ret->name_length, &ret->value_length);
        *query = *end ? end + 1 : NULL;
        return true;
}
