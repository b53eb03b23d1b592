#include "codec/json_decode.h"

#include "base/quote.h"
#include "codec/json_reader.h"

static int refuse_kind(struct json_reader *r, struct record_value value) {
        r->report = (struct record_report){ .flaw = RECORD_FLAW_NOT_A_MAP, .field = RECORD_FIELD_NONE, .value = value };
        return RECORD_REFUSED;
}

static int take_item(struct json_reader *r, struct record_builder *b) {
        struct record_value key, value;
        int result;

        if (!json_take(r, '"'))
                return json_miss(r, "the name of a field");
        result = json_take_string(r, &key);
        if (result < 0)
                return result;
        if (!json_take(r, ':'))
                return json_miss(r, "a colon");
        /* The one name of its length stands for the one real number. */
        result = json_take_value(r, key.tag == RECORD_TAG(RECORD_KIND_STRING, sizeof "created_at" - 1), &value);
        return result < 0 ? result : record_builder_item(b, key, value);
}

static int take_record(struct json_reader *r, struct record *record) {
        struct record_builder b = record_builder_begin(record, &r->report);
        struct record_value value;
        int result;

        if (!json_take(r, '{')) {
                result = json_take_value(r, false, &value);
                return result < 0 ? result : refuse_kind(r, value);
        }
        if (!json_take(r, '}')) {
                do {
                        result = take_item(r, &b);
                        if (result < 0)
                                return result;
                } while (json_take(r, ','));
                if (!json_take(r, '}'))
                        return json_miss(r, "a comma or the end of the object");
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

static int explain(const struct json_reader *r, int result, struct error *e) {
        if (result == RECORD_REFUSED)
                return describe(&r->report, e);
        return error_set(e, JSON_NO_JSON, "it is no JSON: %s is expected at byte %zu of %zu", r->expected, (size_t)(r->at - r->begin),
                         (size_t)(r->end - r->begin));
}

static int begin(struct json_reader *r, const char *json, size_t length, char *strings, struct error *e) {
        *r = (struct json_reader){ .begin = json, .at = json, .end = json + length, .strings = strings };
        return utf8_valid(json, length) ? 0 : error_set(e, JSON_NO_JSON, "it is not UTF-8");
}

static int end(struct json_reader *r) {
        json_skip_space(r);
        return r->at == r->end ? 0 : json_miss(r, "the end");
}

int json_record_decode(const char *json, size_t length, char *strings, struct record *ret, struct error *e) {
        struct json_reader r;
        int result = begin(&r, json, length, strings, e);

        if (result < 0)
                return result;
        result = take_record(&r, ret);
        if (result == 0)
                result = end(&r);
        return result < 0 ? explain(&r, result, e) : 0;
}

/* Behind the bracket. */
static int take_records(struct json_reader *r, size_t n, struct record *records, struct error *e) {
        size_t i = 0;
        int result;

        if (json_take(r, ']'))
                return n == 0 ? 0 : error_set(e, JSON_NO_RECORD, "it has no records, expected %zu", n);
        do {
                if (i == n)
                        return error_set(e, JSON_NO_RECORD, "it has more records than %zu", n);
                result = take_record(r, &records[i]);
                if (result < 0)
                        return error_prefix(e, explain(r, result, e), "record %zu", i);
                i++;
        } while (json_take(r, ','));
        if (!json_take(r, ']'))
                return explain(r, json_miss(r, "a comma or the end of the array"), e);
        return i == n ? 0 : error_set(e, JSON_NO_RECORD, "it has %zu record%s, expected %zu", i, i == 1 ? "" : "s", n);
}

int json_records_decode(const char *json, size_t length, char *strings, size_t n, struct record *records, struct error *e) {
        struct json_reader r;
        int result = begin(&r, json, length, strings, e);

        if (result < 0)
                return result;
        if (!json_take(&r, '[')) {
                struct record_value value;

                result = json_take_value(&r, false, &value);
                if (result < 0)
                        return explain(&r, result, e);
                return error_set(e, JSON_NO_RECORD, "it is %s, expected an array of %zu records",
                                 record_tag_kind(value.tag) == RECORD_KIND_MAP ? "an object" : "a single value", n);
        }
        result = take_records(&r, n, records, e);
        if (result == 0 && end(&r) < 0)
                return explain(&r, JSON_MISSED, e);
        return result;
}
