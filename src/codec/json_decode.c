#include "codec/json_decode.h"

#include <stdint.h>

#include "base/quote.h"
#include "codec/double_text.h"
#include "codec/json_string.h"
#include "codec/record_builder.h"

struct reader {
        const char *begin, *at, *end;
        char *strings;        /* as long as the text: an escaped string goes where it would be in it */
        const char *expected; /* what was missed, after JSON_NO_JSON */
        struct record_report report; /* after RECORD_REFUSED */
};

static int miss(struct reader *r, const char *expected) {
        r->expected = expected;
        return JSON_NO_JSON;
}

static inline void skip_space(struct reader *r) {
        while (r->at < r->end && (*r->at == ' ' || *r->at == '\n' || *r->at == '\r' || *r->at == '\t'))
                r->at++;
}

static inline bool take(struct reader *r, char byte) {
        skip_space(r);
        if (r->at == r->end || *r->at != byte)
                return false;
        r->at++;
        return true;
}

/* ---- strings ---- */

/* Four hexadecimal digits. Returns -1 if there are none. */
static int32_t take_unit(struct reader *r) {
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
static int take_point(struct reader *r, uint32_t *ret) {
        int32_t unit = take_unit(r), low;

        if (unit < 0)
                return miss(r, "four hexadecimal digits");
        if (unit < 0xd800 || unit > 0xdfff) {
                *ret = (uint32_t)unit;
                return 0;
        }
        if (unit > 0xdbff || r->end - r->at < 2 || r->at[0] != '\\' || r->at[1] != 'u')
                return miss(r, "a pair of surrogates");
        r->at += 2;
        low = take_unit(r);
        if (low < 0xdc00 || low > 0xdfff)
                return miss(r, "a pair of surrogates");
        *ret = 0x10000 + (((uint32_t)unit & 0x3ff) << 10 | ((uint32_t)low & 0x3ff));
        return 0;
}

/* Behind a backslash. */
static int take_escape(struct reader *r, char **out) {
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
                return miss(r, "an escape");
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

/* Behind the first quote, up to behind the last. */
static int take_string(struct reader *r, struct record_value *ret) {
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
                        return miss(r, "the end of a string");
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

static inline bool is_digit(const struct reader *r) {
        return r->at < r->end && *r->at >= '0' && *r->at <= '9';
}

/* At least one digit. */
static inline bool skip_digits(struct reader *r) {
        const char *begin = r->at;

        while (is_digit(r))
                r->at++;
        return r->at > begin;
}

/* Behind the integer part. Returns 1 if there is something. */
static int skip_fraction(struct reader *r) {
        int found = 0;

        if (r->at < r->end && *r->at == '.') {
                r->at++;
                found = 1;
                if (!skip_digits(r))
                        return miss(r, "a digit");
        }
        if (r->at < r->end && (*r->at | 0x20) == 'e') {
                r->at++;
                found = 1;
                if (r->at < r->end && (*r->at == '+' || *r->at == '-'))
                        r->at++;
                if (!skip_digits(r))
                        return miss(r, "a digit");
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

static int take_number(struct reader *r, bool as_real, struct record_value *ret) {
        const char *begin = r->at, *digits;
        bool negative = *begin == '-';
        uint64_t value;
        int found;

        r->at += negative;
        digits = r->at;
        if (!skip_digits(r))
                return miss(r, "a digit");
        if (*digits == '0' && r->at - digits > 1) {
                r->at = digits + 1;
                return miss(r, "the end of a number that begins with 0");
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

static int take_word(struct reader *r, const char *word, enum record_kind kind, struct record_value *ret) {
        const size_t n = strlen(word);

        if ((size_t)(r->end - r->at) < n || memcmp(r->at, word, n) != 0)
                return miss(r, "a value");
        r->at += n;
        *ret = (struct record_value){ .tag = RECORD_TAG(kind, 0) };
        return 0;
}

/* Of an array or an object, which no field is, only the begin is looked at: the record is refused for it. */
static int take_value(struct reader *r, bool as_real, struct record_value *ret) {
        skip_space(r);
        if (r->at == r->end)
                return miss(r, "a value");
        switch (*r->at) {
        case '"':
                r->at++;
                return take_string(r, ret);
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
                return *r->at == '-' || is_digit(r) ? take_number(r, as_real, ret) : miss(r, "a value");
        }
}

/* ---- records ---- */

static int refuse_kind(struct reader *r, struct record_value value) {
        r->report = (struct record_report){ .flaw = RECORD_FLAW_NOT_A_MAP, .field = RECORD_FIELD_NONE, .value = value };
        return RECORD_REFUSED;
}

static int take_item(struct reader *r, struct record_builder *b) {
        struct record_value key, value;
        int result;

        if (!take(r, '"'))
                return miss(r, "the name of a field");
        result = take_string(r, &key);
        if (result < 0)
                return result;
        if (!take(r, ':'))
                return miss(r, "a colon");
        /* The one name of its length stands for the one real number. */
        result = take_value(r, key.tag == RECORD_TAG(RECORD_KIND_STRING, sizeof "created_at" - 1), &value);
        return result < 0 ? result : record_builder_item(b, key, value);
}

static int take_record(struct reader *r, struct record *record) {
        struct record_builder b = record_builder_begin(record, &r->report);
        struct record_value value;
        int result;

        if (!take(r, '{')) {
                result = take_value(r, false, &value);
                return result < 0 ? result : refuse_kind(r, value);
        }
        if (!take(r, '}')) {
                do {
                        result = take_item(r, &b);
                        if (result < 0)
                                return result;
                } while (take(r, ','));
                if (!take(r, '}'))
                        return miss(r, "a comma or the end of the object");
        }
        return record_builder_finish(&b);
}

/* ---- sentences ---- */

static int describe(const struct record_report *report, struct error *e) {
        static const char *const kinds[] = {
                [RECORD_KIND_NIL] = "null",          [RECORD_KIND_BOOLEAN] = "a boolean", [RECORD_KIND_INTEGER] = "an integer",
                [RECORD_KIND_HUGE] = "an integer",   [RECORD_KIND_FLOAT] = "a number with a fraction or an exponent",
                [RECORD_KIND_STRING] = "a string",   [RECORD_KIND_ARRAY] = "an array",    [RECORD_KIND_MAP] = "an object",
        };
        const char *field = record_report_field(report), *kind = kinds[record_tag_kind(report->value.tag)], *expected = "a string";
        char quoted[QUOTE_MAX];

        if (report->field == RECORD_ID || report->field == RECORD_COUNT)
                expected = "an integer";
        else if (report->field == RECORD_CREATED_AT)
                expected = "a number";
        switch (report->flaw) {
        case RECORD_FLAW_NOT_A_MAP:
                return error_set(e, JSON_NO_RECORD, "it is %s, expected an object", kind);
        case RECORD_FLAW_UNKNOWN:
                return error_set(e, JSON_NO_RECORD, "unknown field \"%s\"", quote_bytes(quoted, report->value.bytes, (uint32_t)report->value.tag));
        case RECORD_FLAW_REPEATED:
                return error_set(e, JSON_NO_RECORD, "field \"%s\": appears twice", field);
        case RECORD_FLAW_MISSING:
                return error_set(e, JSON_NO_RECORD, "field \"%s\": is missing", field);
        case RECORD_FLAW_RANGE:
                return error_set(e, JSON_NO_RECORD, "field \"%s\": does not fit into a signed integer of 64 bits", field);
        case RECORD_FLAW_NOT_FINITE:
                return error_set(e, JSON_NO_RECORD, "field \"%s\": is beyond what a double holds", field);
        default:
                return error_set(e, JSON_NO_RECORD, "field \"%s\": is %s, expected %s", field, kind, expected);
        }
}

static int explain(const struct reader *r, int result, struct error *e) {
        if (result == RECORD_REFUSED)
                return describe(&r->report, e);
        return error_set(e, JSON_NO_JSON, "it is no JSON: %s is expected at byte %zu of %zu", r->expected, (size_t)(r->at - r->begin),
                         (size_t)(r->end - r->begin));
}

static int begin(struct reader *r, const char *json, size_t length, char *strings, struct error *e) {
        *r = (struct reader){ .begin = json, .at = json, .end = json + length, .strings = strings };
        return utf8_valid(json, length) ? 0 : error_set(e, JSON_NO_JSON, "it is not UTF-8");
}

static int end(struct reader *r) {
        skip_space(r);
        return r->at == r->end ? 0 : miss(r, "the end");
}

int json_record_decode(const char *json, size_t length, char *strings, struct record *ret, struct error *e) {
        struct reader r;
        int result = begin(&r, json, length, strings, e);

        if (result < 0)
                return result;
        result = take_record(&r, ret);
        if (result == 0)
                result = end(&r);
        return result < 0 ? explain(&r, result, e) : 0;
}

/* Behind the bracket. */
static int take_records(struct reader *r, size_t n, struct record *records, struct error *e) {
        size_t i = 0;
        int result;

        if (take(r, ']'))
                return n == 0 ? 0 : error_set(e, JSON_NO_RECORD, "it has no records, expected %zu", n);
        do {
                if (i == n)
                        return error_set(e, JSON_NO_RECORD, "it has more records than %zu", n);
                result = take_record(r, &records[i]);
                if (result < 0)
                        return error_prefix(e, explain(r, result, e), "record %zu", i);
                i++;
        } while (take(r, ','));
        if (!take(r, ']'))
                return explain(r, miss(r, "a comma or the end of the array"), e);
        return i == n ? 0 : error_set(e, JSON_NO_RECORD, "it has %zu record%s, expected %zu", i, i == 1 ? "" : "s", n);
}

int json_records_decode(const char *json, size_t length, char *strings, size_t n, struct record *records, struct error *e) {
        struct reader r;
        int result = begin(&r, json, length, strings, e);

        if (result < 0)
                return result;
        if (!take(&r, '[')) {
                struct record_value value;

                result = take_value(&r, false, &value);
                if (result < 0)
                        return explain(&r, result, e);
                return error_set(e, JSON_NO_RECORD, "it is %s, expected an array of %zu records",
                                 record_tag_kind(value.tag) == RECORD_KIND_MAP ? "an object" : "a single value", n);
        }
        result = take_records(&r, n, records, e);
        if (result == 0 && end(&r) < 0)
                return explain(&r, JSON_NO_JSON, e);
        return result;
}
