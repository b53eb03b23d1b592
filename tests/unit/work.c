#include "work/work.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "both_codecs.h"
#include "data/dataset.h"
#include "unit.h"

struct fixture {
        struct dataset *dataset;
        struct work *work;
};

static int make(void **state, enum codec codec) {
        struct fixture *f = calloc(1, sizeof *f);

        if (!f || dataset_new(NULL, 0, codec, &f->dataset, NULL) < 0 || work_new(f->dataset, codec, &f->work, NULL) < 0)
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

static void run(const struct fixture *f, enum workload which, const char *key, const char *value, struct work_response *ret) {
        struct work_params p;

        work_params_init(&p, which, f->dataset);
        if (key)
                assert_int_equal(work_params_set(&p, key, strlen(key), value, strlen(value), NULL), 0);
        assert_int_equal(work_run(f->work, which, &p, ret, NULL), 0);
}

static void assert_body(const struct work_response *r, enum work_body kind, const char *type, const char *body) {
        assert_int_equal(r->body_kind, kind);
        assert_string_equal(r->content_type, type);
        assert_int_equal(r->body_length, strlen(body));
        assert_memory_equal(r->body, body, r->body_length);
}

static const char text_plain[] = "text/plain; charset=utf-8", application_json[] = "application/json";

static void welcomes(void **state) {
        struct work_response r;

        run(*state, WORKLOAD_WELCOME, NULL, NULL, &r);
        assert_body(&r, WORK_BODY_STATIC, text_plain, "Welcome!\n");
}

static void counts_what_it_parses(void **state) {
        struct work_response r;

        run(*state, WORKLOAD_PARSE_MSGPACK, NULL, NULL, &r);
        assert_body(&r, WORK_BODY_INLINE, text_plain, "1000");
        assert_ptr_equal(r.body, r.text);
        run(*state, WORKLOAD_PARSE_MSGPACK, "count", "17", &r);
        assert_body(&r, WORK_BODY_INLINE, text_plain, "17");
        run(*state, WORKLOAD_PARSE_MSGPACK, "count", "0", &r);
        assert_body(&r, WORK_BODY_INLINE, text_plain, "0");
}

static void counts_the_bytes_it_encodes(void **state) {
        struct work_response r;

        run(*state, WORKLOAD_ENCODE_JSON, NULL, NULL, &r);
        assert_body(&r, WORK_BODY_INLINE, text_plain, "133622");
        run(*state, WORKLOAD_ENCODE_JSON, "count", "1000", &r);
        assert_body(&r, WORK_BODY_INLINE, text_plain, "133622");
        run(*state, WORKLOAD_ENCODE_JSON, "count", "1", &r);
        assert_body(&r, WORK_BODY_INLINE, text_plain, "133");
        run(*state, WORKLOAD_ENCODE_JSON, "count", "0", &r);
        assert_body(&r, WORK_BODY_INLINE, text_plain, "2");
}

static void transfers_all_without_a_copy(void **state) {
        const struct fixture *f = *state;
        struct work_response r;

        run(f, WORKLOAD_TRANSFER_DATA, NULL, NULL, &r);
        assert_int_equal(r.body_kind, WORK_BODY_STATIC);
        assert_string_equal(r.content_type, application_json);
        assert_ptr_equal(r.body, f->dataset->json);
        assert_int_equal(r.body_length, 133622);
}

/* For each count: the bytes are the beginning of the whole and a bracket, and /encode-json says how many they are. */
static void transfers_the_first_records(void **state) {
        const struct fixture *f = *state;

        for (unsigned count = 0; count < 1000; count += count < 20 ? 1 : 97) {
                struct work_response transferred, encoded;
                char number[16];

                (void)snprintf(number, sizeof number, "%u", count);
                run(f, WORKLOAD_TRANSFER_DATA, "count", number, &transferred);
                run(f, WORKLOAD_ENCODE_JSON, "count", number, &encoded);
                assert_int_equal(transferred.body_kind, WORK_BODY_OWNED);
                assert_string_equal(transferred.content_type, application_json);
                assert_memory_equal(transferred.body, f->dataset->json, transferred.body_length - 1);
                assert_int_equal(transferred.body[transferred.body_length - 1], ']');
                (void)snprintf(number, sizeof number, "%zu", transferred.body_length);
                assert_body(&encoded, WORK_BODY_INLINE, text_plain, number);
                free((char *)(uintptr_t)transferred.body);
        }
}

static int run_path(const struct fixture *f, enum workload which, const char *path, struct work_response *ret, struct error *e) {
        struct work_params p;

        work_params_init(&p, which, f->dataset);
        p.path = path;
        return work_run(f->work, which, &p, ret, e);
}

/* All of them together, with commas and brackets, are what /transfer-data sends. */
static void encodes_one_record(void **state) {
        const struct fixture *f = *state;
        char *all = malloc(f->dataset->json_length + 1), path[32];
        size_t length = 0;

        assert_non_null(all);
        for (size_t i = 0; i < f->dataset->n_records; i++) {
                struct work_response r;

                (void)snprintf(path, sizeof path, "/record/%zu", i);
                assert_int_equal(run_path(f, WORKLOAD_RECORD, path, &r, NULL), 0);
                assert_int_equal(r.body_kind, WORK_BODY_REUSED);
                assert_string_equal(r.content_type, application_json);
                all[length++] = i ? ',' : '[';
                assert_true(length + r.body_length < f->dataset->json_length);
                memcpy(all + length, r.body, r.body_length);
                length += r.body_length;
        }
        all[length++] = ']';
        assert_int_equal(length, f->dataset->json_length);
        assert_memory_equal(all, f->dataset->json, length);
        free(all);
}

static void there_is_no_record_beyond(void **state) {
        static const char *const paths[] = { "/record/1000", "/record/18446744073709551616", "/record/x", "/record/-1", "/record/1_" };
        struct work_response r;
        struct error e;

        for (size_t i = 0; i < ELEMENTS(paths); i++) {
                assert_int_equal(run_path(*state, WORKLOAD_RECORD, paths[i], &r, &e), -ENOENT);
                assert_non_null(strstr(e.text, "0 to 999"));
        }
        assert_int_equal(run_path(*state, WORKLOAD_RECORD, "/record/0999", &r, NULL), 0);
}

static void siblings_say_what_they_are(void **state) {
        struct work_response r;

        assert_int_equal(run_path(*state, WORKLOAD_SIBLING, "/users/a_1/items/-", &r, NULL), 0);
        assert_body(&r, WORK_BODY_INLINE, text_plain, "users a_1 items -");
        assert_int_equal(run_path(*state, WORKLOAD_SIBLING, "/contracts/01234567890123456789012345678901/items/01234567890123456789012345678901", &r, NULL), 0);
        assert_body(&r, WORK_BODY_INLINE, text_plain, "contracts 01234567890123456789012345678901 items 01234567890123456789012345678901");
}

static void loops(void **state) {
        const struct fixture *f = *state;
        struct work_response r;
        struct work_params p;

        run(f, WORKLOAD_MILLION_LOOP, NULL, NULL, &r);
        assert_body(&r, WORK_BODY_INLINE, text_plain, "249999500000");
        run(f, WORKLOAD_MILLION_LOOP, "seed", "1", &r);
        assert_body(&r, WORK_BODY_INLINE, text_plain, "-250000499999");
        work_params_init(&p, WORKLOAD_MILLION_LOOP, f->dataset);
        assert_int_equal(work_params_set(&p, BYTES("n"), BYTES("10"), NULL), 0);
        assert_int_equal(work_params_set(&p, BYTES("seed"), BYTES("3"), NULL), 0);
        assert_int_equal(work_run(f->work, WORKLOAD_MILLION_LOOP, &p, &r, NULL), 0);
        assert_body(&r, WORK_BODY_INLINE, text_plain, "1000018");
}

/* The bytes are parsed on each request: a dataset that goes bad behind work's back is noticed. */
static void parses_in_full_each_time(void **state) {
        const struct fixture *f = *state;
        enum codec codec = f->dataset->tree ? CODEC_TREE : CODEC_STRUCT;
        struct encoded_record *encoded = calloc(1000, sizeof *encoded);
        struct dataset changed = *f->dataset;
        struct work *work = NULL;
        struct work_response r;
        struct work_params p;
        struct error e;

        assert_non_null(encoded);
        memcpy(encoded, f->dataset->encoded, 1000 * sizeof *encoded);
        changed.encoded = encoded;
        assert_int_equal(work_new(&changed, codec, &work, NULL), 0);
        work_params_init(&p, WORKLOAD_PARSE_MSGPACK, &changed);
        assert_int_equal(work_run(work, WORKLOAD_PARSE_MSGPACK, &p, &r, &e), 0);
        encoded[999].length--;
        assert_int_equal(work_run(work, WORKLOAD_PARSE_MSGPACK, &p, &r, &e), -EBADMSG);
        assert_ptr_equal(strstr(e.text, "record 999: field \"created_at\": the record is cut short"), e.text);
        work_free(work);
        free(encoded);
}

static void has_names(void **state) {
        (void)state;
        assert_string_equal(workload_name(WORKLOAD_WELCOME), "welcome");
        assert_string_equal(workload_name(WORKLOAD_PARSE_MSGPACK), "parse-msgpack");
        assert_string_equal(workload_name(WORKLOAD_ENCODE_JSON), "encode-json");
        assert_string_equal(workload_name(WORKLOAD_TRANSFER_DATA), "transfer-data");
        assert_string_equal(workload_name(WORKLOAD_MILLION_LOOP), "million-loop");
        assert_string_equal(workload_name(WORKLOAD_VALIDATE), "validate");
        assert_string_equal(workload_name(WORKLOAD_WAIT), "wait");
        assert_string_equal(workload_name(WORKLOAD_RECORD), "record");
        assert_string_equal(workload_name(WORKLOAD_SIBLING), "sibling");
}

static void tree_needs_a_tree(void **state) {
        const struct fixture *f = *state;
        struct work *work = NULL;
        struct error e;

        assert_int_equal(work_new(f->dataset, CODEC_TREE, &work, &e), -EINVAL);
        assert_string_equal(e.text, "the dataset was made without json-c objects, which codec = tree needs");
        assert_null(work);
        assert_null(work_free(NULL));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                BOTH(welcomes),
                BOTH(counts_what_it_parses),
                BOTH(counts_the_bytes_it_encodes),
                BOTH(transfers_all_without_a_copy),
                BOTH(transfers_the_first_records),
                BOTH(loops),
                BOTH(encodes_one_record),
                BOTH(there_is_no_record_beyond),
                BOTH(siblings_say_what_they_are),
                BOTH(parses_in_full_each_time),
                cmocka_unit_test(has_names),
                cmocka_unit_test_setup_teardown(tree_needs_a_tree, make_struct, drop),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
