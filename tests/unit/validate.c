#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "both_codecs.h"
#include "data/dataset.h"
#include "unit.h"
#include "work/work.h"

struct fixture {
        struct dataset *dataset;
        struct work *work;
};

static int make(void **state, enum codec codec) {
        struct fixture *f = calloc(1, sizeof *f);

        if (!f || dataset_new(NULL, 3, codec, &f->dataset, NULL) < 0 || work_new(f->dataset, codec, &f->work, NULL) < 0)
                return -1;
        *state = f;
        return 0;
}

static int drop(void **state) {
        struct fixture *f = *state;

        f->work = work_free(f->work);
        f->dataset = dataset_free(f->dataset);
        free(f);
        return 0;
}

/* `count` NULL: none is given. */
static int validate_text(const struct fixture *f, const char *json, const char *count, struct work_response *ret, struct error *e) {
        struct work_params p;
        char *body = strdup(json);
        int r;

        assert_non_null(body);
        work_params_init(&p, WORKLOAD_VALIDATE, f->dataset);
        if (count)
                assert_int_equal(work_params_set(&p, "count", 5, count, strlen(count), e), 0);
        p.body = body;
        p.body_length = strlen(json);
        r = work_run(f->work, WORKLOAD_VALIDATE, &p, ret, e);
        memset(body, '#', strlen(json)); /* the answer does not borrow from it */
        free(body);
        return r;
}

static void assert_answer(const struct fixture *f, const char *json, const char *count, const char *expected) {
        struct work_response r;
        struct error e;

        if (validate_text(f, json, count, &r, &e) < 0)
                fail_msg("%s: %s", json, e.text);
        assert_int_equal(r.body_kind, WORK_BODY_OWNED);
        assert_string_equal(r.content_type, "application/json");
        assert_int_equal(r.body_length, strlen(expected));
        assert_memory_equal(r.body, expected, r.body_length);
        free((void *)r.body);
}

static void assert_refused(const struct fixture *f, const char *json, const char *count, int result, const char *says) {
        struct work_response r;
        struct error e;

        assert_int_equal(validate_text(f, json, count, &r, &e), result);
        if (!strstr(e.text, says))
                fail_msg("%s: %s", json, e.text);
}

static const char *const fields[] = { "id", "name", "description", "type", "count", "created_at" };
static const char *const good[] = { "1", "\"n\"", "\"\"", "\"U\"", "2", "3.5" };

/* A good record, but for one field; a value NULL leaves it out. */
static const char *record_with(char *text, const char *field, const char *value) {
        size_t n = 0;

        text[n++] = '{';
        for (size_t i = 0; i < ELEMENTS(fields); i++) {
                const char *v = strcmp(field, fields[i]) == 0 ? value : good[i];

                if (v)
                        n += (size_t)sprintf(text + n, "%s\"%s\":%s", n > 1 ? "," : "", fields[i], v);
        }
        strcpy(text + n, "}");
        return text;
}

/* "xxx…" of so many characters, each of them `character`. */
static const char *quoted(char *text, const char *character, size_t n) {
        strcpy(text, "\"");
        while (n-- > 0)
                strcat(text, character);
        return strcat(text, "\"");
}

static void records_come_back_as_the_encoder_writes_them(void **state) {
        static const char one[] = "{\"id\":1,\"name\":\"n\",\"description\":\"\",\"type\":\"U\",\"count\":2,\"created_at\":3.5}";
        char text[1000];

        assert_answer(*state, one, NULL, one);
        assert_answer(*state, "\n{ \"created_at\":3.50,\"type\" : \"\\u0055\",\"name\":\"\\u006E\",\"count\":2,\"id\":1, \"description\":\"\"}\n", NULL, one);
        assert_answer(*state, "[]", "0", "[]");
        (void)snprintf(text, sizeof text, "[%s]", one);
        assert_answer(*state, text, "1", text);
        (void)snprintf(text, sizeof text, "[%s,%s,%s,%s]", one, one, one, one); /* more than the dataset has */
        assert_answer(*state, text, "4", text);
}

static void the_bounds_are_inside(void **state) {
        static const char *const inside[][2] = {
                { "id", "-9223372036854775808" }, { "id", "9223372036854775807" }, { "type", "\"G\"" }, { "type", "\"S\"" },
                { "count", "0" }, { "count", "1000000" }, { "created_at", "0.0" }, { "created_at", "4102444800.0" }, { "name", "\"\\u0000\"" },
        };
        static const char *const outside[][2] = {
                { "type", "\"\"" }, { "type", "\"u\"" }, { "type", "\"UU\"" }, { "count", "-1" }, { "count", "1000001" }, { "created_at", "-1" },
                { "created_at", "4102444800.5" }, { "created_at", "1e300" }, { "name", "\"\"" }, { "id", NULL }, { "name", NULL }, { "description", NULL },
                { "type", NULL }, { "count", NULL }, { "created_at", NULL }, { "id", "null" }, { "name", "null" }, { "description", "5" }, { "type", "false" },
                { "count", "\"2\"" }, { "created_at", "[]" },
        };
        char text[8000], value[8000];

        for (size_t i = 0; i < ELEMENTS(inside); i++) {
                const char *json = record_with(text, inside[i][0], inside[i][1]);

                assert_answer(*state, json, NULL, json);
        }
        for (size_t i = 0; i < ELEMENTS(outside); i++) {
                (void)snprintf(value, sizeof value, "field \"%s\": ", outside[i][0]);
                assert_refused(*state, record_with(text, outside[i][0], outside[i][1]), NULL, -EDOM, value);
        }
}

static void lengths_are_counted_in_characters(void **state) {
        static const char *const kinds[] = { "x", "\u00e9", "\u20ac", "\U0001f600" };
        static const struct {
                const char *field;
                size_t max;
        } limits[] = { { "name", 100 }, { "description", 1000 } };
        char text[8000], value[8000];

        for (size_t i = 0; i < ELEMENTS(kinds); i++)
                for (size_t k = 0; k < ELEMENTS(limits); k++) {
                        const char *json = record_with(text, limits[k].field, quoted(value, kinds[i], limits[k].max));

                        assert_answer(*state, json, NULL, json);
                        assert_refused(*state, record_with(text, limits[k].field, quoted(value, kinds[i], limits[k].max + 1)), NULL, -EDOM, limits[k].field);
                }
}

static void the_record_and_the_field_are_named(void **state) {
        char one[1000], bad[1000], text[3000];
        struct work_params p;
        struct error e;

        record_with(one, "", NULL);
        record_with(bad, "count", "-7");
        (void)snprintf(text, sizeof text, "[%s,%s]", one, bad);
        assert_refused(*state, text, "2", -EDOM, "record 1: field \"count\": is -7; it may be from 0 to 1000000");
        assert_refused(*state, text, "3", -EDOM, "it has 2 records, expected 3");
        assert_refused(*state, text, NULL, -EDOM, "it is an array, expected an object");
        assert_refused(*state, one, "1", -EDOM, "it is an object, expected an array");
        assert_refused(*state, "{\"colour\":1}", NULL, -EDOM, "unknown field \"colour\"");
        assert_refused(*state, "{\"id\":1", NULL, -EILSEQ, "it is no JSON");
        assert_refused(*state, "\xff", NULL, -EILSEQ, "it is not UTF-8");
        assert_refused(*state, "", NULL, -EILSEQ, "The request has no body");
        work_params_init(&p, WORKLOAD_VALIDATE, ((struct fixture *)*state)->dataset);
        assert_int_equal(work_params_set(&p, "count", 5, "1001", 4, &e), -EINVAL); /* whatever the dataset has */
        assert_int_equal(work_params_set(&p, "digest", 6, "1", 1, &e), -EINVAL);
        assert_int_equal(work_params_set(&p, "count", 5, "1000", 4, &e), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                BOTH(records_come_back_as_the_encoder_writes_them),
                BOTH(the_bounds_are_inside),
                BOTH(lengths_are_counted_in_characters),
                BOTH(the_record_and_the_field_are_named),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
