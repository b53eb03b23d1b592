#include "codec/json_reader.h"

#include <stdint.h>

#include "codec/double_text.h"
#include "codec/json_string.h"

/* ---- strings ---- */

/* Four hexadecimal digits. Returns -1 if there are none. */
static int32_t take_unit(struct json_reader *r) {
        int32_t unit = 0;

        if (r->end - r->at < 4)
                return -1;
        for (int i = 0; i < 4; i++) {
                unsigned char c = (unsigned char)*r->at++, letter = c | 0x20;

                if (c >= '0' && c <= '9')
                        unit = unit << 4 | (c - '0');
                else if (letter >= 'a' && letter <= 'f')
                        unit = unit << 4 | (letter - 'a' + 10);
                else
                        return -1;
        }
        return unit;
}

/* Never longer than the escape. */
static char *put_utf8(char *out, uint32_t point) {
        if (point < 0x80)
                *out++ = (char)point;
        else if (point < 0x800) {
                *out++ = (char)(0xc0 | point >> 6);
                *out++ = (char)(0x80 | (point & 0x3f));
        } else {
                if (point < 0x10000)
                        *out++ = (char)(0xe0 | point >> 12);
                else {
                        *out++ = (char)(0xf0 | point >> 18);
                        *out++ = (char)(0x80 | (point >> 12 & 0x3f));
                }
                *out++ = (char)(0x80 | (point >> 6 & 0x3f));
                *out++ = (char)(0x80 | (point & 0x3f));
        }
        return out;
}

/* Behind "\u". Half a pair of surrogates is no character, and has no UTF-8. */
static int take_point(struct json_reader *r, uint32_t *ret) {
        int32_t unit = take_unit(r), low;

        if (unit < 0)
                return json_miss(r, "four hexadecimal digits");
        if (unit < 0xd800 || unit > 0xdfff) {
                *ret = (uint32_t)unit;
                return 0;
        }
        if (unit > 0xdbff || r->end - r->at < 2 || r->at[0] != '\\' || r->at[1] != 'u')
                return json_miss(r, "a pair of surrogates");
        r->at += 2;
        low = take_unit(r);
        if (low < 0xdc00 || low > 0xdfff)
                return json_miss(r, "a pair of surrogates");
        *ret = 0x10000 + (((uint32_t)unit & 0x3ff) << 10 | ((uint32_t)low & 0x3ff));
        return 0;
}

/* Behind a backslash. */
static int take_escape(struct json_reader *r, char **out) {
        static const char escaped[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
        const char *found = r->at < r->end && *r->at ? strchr(escaped, *r->at) : NULL;
        uint32_t point;
        int result;

        if (found) {
                r->at++;
                *(*out)++ = meant[found - escaped];
                return 0;
        }
        if (r->at == r->end || *r->at != 'u')
                return json_miss(r, "an escape");
        r->at++;
        result = take_point(r, &point);
        if (result == 0)
                *out = put_utf8(*out, point);
        return result;
}

/* Up to a quote, a backslash, a control character or the end. */
static inline const char *plain_end(const char *at, const char *end) {
        while (end - at >= 8 && !json_escape_in8(json_load8(at)))
                at += 8;
        while (at < end && (unsigned char)*at >= 0x20 && *at != '"' && *at != '\\')
                at++;
        return at;
}

int json_take_string(struct json_reader *r, struct record_value *ret) {
        const char *begin = r->at;
        char *text, *out;

        r->at = plain_end(begin, r->end);
        if (r->at < r->end && *r->at == '"') {
                *ret = (struct record_value){ .bytes = begin, .tag = RECORD_TAG(RECORD_KIND_STRING, r->at - begin) };
                r->at++;
                return 0;
        }
        text = out = r->strings + (begin - r->begin);
        for (;;) {
                size_t n = (size_t)(r->at - begin);
                int result;

                memmove(out, begin, n); /* the two are the same memory, if the caller wants it so */
                out += n;
                if (r->at == r->end || (unsigned char)*r->at < 0x20)
                        return json_miss(r, "the end of a string");
                if (*r->at++ == '"')
                        break;
                result = take_escape(r, &out);
                if (result < 0)
                        return result;
                begin = r->at;
                r->at = plain_end(begin, r->end);
        }
        *ret = (struct record_value){ .bytes = text, .tag = RECORD_TAG(RECORD_KIND_STRING, out - text) };
        return 0;
}

/* ---- other values ---- */

static inline bool is_digit(const struct json_reader *r) {
        return r->at < r->end && *r->at >= '0' && *r->at <= '9';
}

/* At least one digit. */
static inline bool skip_digits(struct json_reader *r) {
        const char *begin = r->at;

        while (is_digit(r))
                r->at++;
        return r->at > begin;
}

/* Behind the integer part. Returns 1 if there is something. */
static int skip_fraction(struct json_reader *r) {
        int found = 0;

        if (r->at < r->end && *r->at == '.') {
                r->at++;
                found = 1;
                if (!skip_digits(r))
                        return json_miss(r, "a digit");
        }
        if (r->at < r->end && (*r->at | 0x20) == 'e') {
                r->at++;
                found = 1;
                if (r->at < r->end && (*r->at == '+' || *r->at == '-'))
                        r->at++;
                if (!skip_digits(r))
                        return json_miss(r, "a digit");
        }
        return found;
}

/* Digits that are more than 64 bits hold become the greatest number. */
static uint64_t integer_of(const char *at, const char *end) {
        uint64_t value = 0;

        for (; at < end; at++)
                if (__builtin_mul_overflow(value, UINT64_C(10), &value) || __builtin_add_overflow(value, (uint64_t)(*at - '0'), &value))
                        return UINT64_MAX;
        return value;
}

static int take_number(struct json_reader *r, bool as_real, struct record_value *ret) {
        const char *begin = r->at, *digits;
        bool negative = *begin == '-';
        uint64_t value;
        int found;

        r->at += negative;
        digits = r->at;
        if (!skip_digits(r))
                return json_miss(r, "a digit");
        if (*digits == '0' && r->at - digits > 1) {
                r->at = digits + 1;
                return json_miss(r, "the end of a number that begins with 0");
        }
        found = skip_fraction(r);
        if (found < 0)
                return found;
        if (found || as_real) {
                *ret = (struct record_value){ .real = double_from_text(begin, (size_t)(r->at - begin)), .tag = RECORD_TAG(RECORD_KIND_FLOAT, 0) };
                return 0;
        }
        value = integer_of(digits, r->at);
        if (value > (uint64_t)INT64_MAX + negative)
                *ret = (struct record_value){ .huge = value, .tag = RECORD_TAG(RECORD_KIND_HUGE, 0) };
        else /* negated as unsigned: INT64_MIN has no positive twin */
                *ret = (struct record_value){ .integer = (int64_t)(negative ? -value : value), .tag = RECORD_TAG(RECORD_KIND_INTEGER, 0) };
        return 0;
}

static int take_word(struct json_reader *r, const char *word, enum record_kind kind, struct record_value *ret) {
        const size_t n = strlen(word);

        if ((size_t)(r->end - r->at) < n || memcmp(r->at, word, n) != 0)
                return json_miss(r, "a value");
        r->at += n;
        *ret = (struct record_value){ .tag = RECORD_TAG(kind, 0) };
        return 0;
}

int json_take_value(struct json_reader *r, bool as_real, struct record_value *ret) {
        json_skip_space(r);
        if (r->at == r->end)
                return json_miss(r, "a value");
        switch (*r->at) {
        case '"':
                r->at++;
                return json_take_string(r, ret);
        case '[':
                return take_word(r, "[", RECORD_KIND_ARRAY, ret);
        case '{':
                return take_word(r, "{", RECORD_KIND_MAP, ret);
        case 't':
                return take_word(r, "true", RECORD_KIND_BOOLEAN, ret);
        case 'f':
                return take_word(r, "false", RECORD_KIND_BOOLEAN, ret);
        case 'n':
                return take_word(r, "null", RECORD_KIND_NIL, ret);
        default:
                return *r->at == '-' || is_digit(r) ? take_number(r, as_real, ret) : json_miss(r, "a value");
        }
}
