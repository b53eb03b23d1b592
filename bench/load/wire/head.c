#include "wire/head.h"

#include <string.h>
#include <strings.h>

#include "base/number.h"

/* RFC 9110's tchar. */
static bool is_token(unsigned char c) {
        return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c != 0 && strchr("!#$%&'*+-.^_`|~", c));
}

/* Visible characters, spaces, tabs and bytes above ASCII. */
static bool is_text(const char *bytes, size_t n) {
        for (size_t i = 0; i < n; i++) {
                unsigned char c = (unsigned char)bytes[i];

                if ((c < ' ' && c != '\t') || c == 0x7f)
                        return false;
        }
        return true;
}

enum response_fault head_status_line(const char *line, size_t n, struct response_head *head) {
        static const char version[] = "HTTP/1.";
        uint64_t status;

        /* The space behind the status is there even if no reason follows it. */
        if (n < 13 || memcmp(line, version, sizeof version - 1) != 0 || (line[7] != '0' && line[7] != '1') || line[8] != ' ' ||
            line[12] != ' ' || number_parse(line + 9, 3, &status) < 0 || status < 100 || status > 599 || !is_text(line + 13, n - 13))
                return RESPONSE_BAD_STATUS_LINE;
        *head = (struct response_head){ .status = (uint16_t)status, .old = line[7] == '0', .closes = line[7] == '0' };
        return RESPONSE_GOOD;
}

struct field {
        const char *name, *value;
        size_t name_length, value_length;
};

static bool split(const char *line, size_t n, struct field *ret) {
        const char *colon = memchr(line, ':', n);
        struct field f = { .name = line };

        if (!colon || colon == line)
                return false;
        f.name_length = (size_t)(colon - line);
        for (size_t i = 0; i < f.name_length; i++)
                if (!is_token((unsigned char)line[i]))
                        return false;
        f.value = colon + 1;
        f.value_length = n - f.name_length - 1;
        while (f.value_length > 0 && (*f.value == ' ' || *f.value == '\t')) {
                f.value++;
                f.value_length--;
        }
        while (f.value_length > 0 && (f.value[f.value_length - 1] == ' ' || f.value[f.value_length - 1] == '\t'))
                f.value_length--;
        *ret = f;
        return is_text(f.value, f.value_length);
}

static bool is_word(const char *text, size_t n, const char *word) {
        return n == strlen(word) && strncasecmp(text, word, n) == 0;
}

/* The options of a Connection field: close and keep-alive; others are none of ours. */
static void take_connection(const struct field *f, struct response_head *head) {
        const char *at = f->value, *end = f->value + f->value_length;

        while (at < end) {
                const char *comma = memchr(at, ',', (size_t)(end - at)), *stop = comma ? comma : end, *next = comma ? comma + 1 : end;

                while (at < stop && (*at == ' ' || *at == '\t'))
                        at++;
                while (at < stop && (stop[-1] == ' ' || stop[-1] == '\t'))
                        stop--;
                if (is_word(at, (size_t)(stop - at), "close"))
                        head->closes = true;
                else if (head->old && is_word(at, (size_t)(stop - at), "keep-alive"))
                        head->closes = false;
                at = next;
        }
}

enum response_fault head_field(const char *line, size_t n, struct response_head *head) {
        struct field f;

        if (!split(line, n, &f))
                return RESPONSE_BAD_HEADER;
        switch (f.name_length) {
        case 10:
                if (is_word(f.name, f.name_length, "connection"))
                        take_connection(&f, head);
                return RESPONSE_GOOD;
        case 14:
                if (!is_word(f.name, f.name_length, "content-length"))
                        return RESPONSE_GOOD;
                if (head->has_length || head->chunked || number_parse(f.value, f.value_length, &head->length) < 0)
                        return RESPONSE_BAD_LENGTH;
                head->has_length = true;
                return RESPONSE_GOOD;
        case 17:
                if (!is_word(f.name, f.name_length, "transfer-encoding"))
                        return RESPONSE_GOOD;
                if (head->has_length || head->chunked || head->old || !is_word(f.value, f.value_length, "chunked"))
                        return RESPONSE_BAD_LENGTH;
                head->chunked = true;
                return RESPONSE_GOOD;
        default:
                return RESPONSE_GOOD;
        }
}

enum response_fault head_trailer(const char *line, size_t n) {
        struct field f;

        if (!split(line, n, &f))
                return RESPONSE_BAD_HEADER;
        if (is_word(f.name, f.name_length, "content-length") || is_word(f.name, f.name_length, "transfer-encoding"))
                return RESPONSE_BAD_LENGTH;
        return RESPONSE_GOOD;
}

static int hex_digit(char c) {
        if (c >= '0' && c <= '9')
                return c - '0';
        c = (char)(c | 0x20);
        return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

enum response_fault head_chunk_size(const char *line, size_t n, uint64_t *ret) {
        uint64_t size = 0;
        size_t i = 0;

        for (; i < n && hex_digit(line[i]) >= 0; i++) {
                if (size >> 59) /* lengths that add up to less than 2^63 */
                        return RESPONSE_BAD_CHUNK;
                size = size << 4 | (uint64_t)hex_digit(line[i]);
        }
        if (i == 0)
                return RESPONSE_BAD_CHUNK;
        if (i < n && (line[i] == ' ' || line[i] == '\t' || line[i] == ';')) { /* an extension */
                while (i < n && (line[i] == ' ' || line[i] == '\t'))
                        i++;
                if (i == n || line[i] != ';' || !is_text(line + i, n - i))
                        return RESPONSE_BAD_CHUNK;
                i = n;
        }
        if (i < n)
                return RESPONSE_BAD_CHUNK;
        *ret = size;
        return RESPONSE_GOOD;
}
