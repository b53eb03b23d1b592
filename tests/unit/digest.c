/* Digests against an implementation of its own: all numbers below were computed by docs/SPEC.md's reference (Python's zlib,
 * struct and json) from the records that stand beside them, both codecs against the same. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "both_codecs.h"
#include "codec/json_record.h"
#include "codec/msgpack_record.h"
#include "codec/tree.h"
#include "data/dataset.h"
#include "unit.h"
#include "work/work.h"

#define TEXT(literal) { .bytes = (literal), .length = sizeof(literal) - 1 }

/* In Python: [{"id": 2**63-1, "name": "", "description": "Ω≈ç \"日本\"\n", "type": "😀", "count": 2**63-1-2147483646, "created_at": -0.0},
 *             {"id": -2**63, "name": "a\0b", "description": "/<>&", "type": "", "count": -1, "created_at": 1e300}] */
static const struct record odd[] = {
        { INT64_MAX, TEXT(""), TEXT("\xce\xa9\xe2\x89\x88\xc3\xa7 \"\xe6\x97\xa5\xe6\x9c\xac\"\n"), TEXT("\xf0\x9f\x98\x80"),
          INT64_MAX - 2147483646, -0.0 },
        { INT64_MIN, TEXT("a\0b"), TEXT("/<>&"), TEXT(""), -1, 1e300 },
};

struct fixture {
        struct dataset *built_in;
        struct dataset odd;
        struct encoded_record encoded[ELEMENTS(odd)];
        char bytes[512], json[512];
        enum codec codec;
};

static int make_odd(struct fixture *f) {
        struct buf bytes = buf_over(f->bytes, sizeof f->bytes), json = buf_over(f->json, sizeof f->json);

        for (size_t i = 0; i < ELEMENTS(odd); i++) {
                size_t begin = bytes.length;

                if (msgpack_record_encode(&bytes, &odd[i]) < 0)
                        return -1;
                f->encoded[i] = (struct encoded_record){ (const uint8_t *)f->bytes + begin, (uint32_t)(bytes.length - begin) };
        }
        if (json_records_encode(&json, odd, ELEMENTS(odd)) < 0)
                return -1;
        f->odd = (struct dataset){ .n_records = ELEMENTS(odd), .encoded = f->encoded, .records = odd, .json = f->json,
                                   .json_length = json.length };
        return f->codec == CODEC_TREE ? tree_new(odd, ELEMENTS(odd), &f->odd.tree, NULL) : 0;
}

static int make(void **state, enum codec codec) {
        struct fixture *f = calloc(1, sizeof *f);

        if (!f)
                return -1;
        f->codec = codec;
        *state = f;
        return dataset_new(NULL, 0, codec, &f->built_in, NULL) < 0 || make_odd(f) < 0 ? -1 : 0;
}

static int drop(void **state) {
        struct fixture *f = *state;

        tree_free(f->odd.tree);
        dataset_free(f->built_in);
        free(f);
        return 0;
}

static void set(struct work_params *p, const char *key, uint64_t value) {
        char text[32];

        (void)snprintf(text, sizeof text, "%" PRIu64, value);
        assert_int_equal(work_params_set(p, key, strlen(key), text, strlen(text), NULL), 0);
}

static void assert_text(const struct work_response *r, uint64_t expected) {
        char text[32];

        (void)snprintf(text, sizeof text, "%" PRIu64, expected);
        assert_int_equal(r->body_kind, WORK_BODY_INLINE);
        assert_string_equal(r->content_type, "text/plain; charset=utf-8");
        assert_int_equal(r->body_length, strlen(text));
        assert_memory_equal(r->body, text, r->body_length);
}

static void assert_digest(struct work *w, const struct dataset *d, enum workload which, size_t count, unsigned times, uint32_t seed,
                          uint32_t expected) {
        struct work_response r;
        struct work_params p;

        work_params_init(&p, which, d);
        set(&p, "digest", times);
        set(&p, "count", count);
        set(&p, "seed", seed);
        assert_int_equal(work_run(w, which, &p, &r, NULL), 0);
        assert_text(&r, expected);
}

struct vector {
        size_t count;
        unsigned times;
        uint32_t seed;
        uint32_t parse, encode;
};

static const struct vector built_in_vectors[] = {
        { 0, 1, 0, 0, 223132457 },
        { 0, 2, 12345, 12345, 3169915185 },
        { 0, 8, 2147483647, 2147483647, 2101786096 },
        { 1, 1, 0, 1403654367, 3150048791 },
        { 1, 2, 2147483647, 73028534, 2461863915 },
        { 3, 1, 12345, 2500478985, 1226929269 },
        { 3, 2, 12345, 1695130334, 1068035937 },
        { 3, 3, 12345, 3402891997, 1464268745 },
        { 3, 4, 12345, 3031025507, 893403457 },
        { 3, 5, 12345, 71241603, 474597183 },
        { 3, 6, 12345, 1919794703, 3755442899 },
        { 3, 7, 12345, 1507799304, 2790078100 },
        { 3, 8, 12345, 1040712799, 3878897106 },
        { 1000, 1, 0, 3211102024, 3486814146 },
        { 1000, 2, 12345, 2322534167, 2417437460 },
        { 1000, 8, 2147483647, 1833974645, 1979680815 },
};

static const struct vector odd_vectors[] = {
        { 2, 1, 0, 3908691923, 3183222853 },
        { 2, 1, 1, 563611286, 2823937904 },
        { 2, 1, 2147483647, 3741204734, 892726246 },
        { 2, 3, 0, 4259243283, 92973958 },
        { 2, 3, 1, 4288429749, 2838236528 },
        { 2, 3, 2147483647, 1228346303, 1908248141 },
};

static void check(const struct fixture *f, const struct dataset *d, const struct vector *vectors, size_t n) {
        struct work *w = NULL;

        assert_int_equal(work_new(d, f->codec, &w, NULL), 0);
        for (size_t i = 0; i < 2 * n; i++) {
                const struct vector *v = &vectors[i < n ? i : 2 * n - 1 - i]; /* and back: from many records to few */

                assert_digest(w, d, WORKLOAD_PARSE_MSGPACK, v->count, v->times, v->seed, v->parse);
                assert_digest(w, d, WORKLOAD_ENCODE_JSON, v->count, v->times, v->seed, v->encode);
        }
        work_free(w);
}

static void of_the_built_in_records(void **state) {
        const struct fixture *f = *state;

        check(f, f->built_in, built_in_vectors, ELEMENTS(built_in_vectors));
}

/* Sums that go round, texts that are empty, have zero bytes or are not ASCII, and JSON that is longer than that of the records. */
static void of_odd_records(void **state) {
        const struct fixture *f = *state;

        check(f, &f->odd, odd_vectors, ELEMENTS(odd_vectors));
}

/* What a digest has shifted is not seen by the next request. */
static void leaves_nothing_behind(void **state) {
        const struct fixture *f = *state;
        struct work *w = NULL;
        struct work_response r;
        struct work_params p;

        assert_int_equal(work_new(f->built_in, f->codec, &w, NULL), 0);
        assert_digest(w, f->built_in, WORKLOAD_ENCODE_JSON, 1000, 2, 12345, 2417437460);
        work_params_init(&p, WORKLOAD_ENCODE_JSON, f->built_in);
        assert_int_equal(work_run(w, WORKLOAD_ENCODE_JSON, &p, &r, NULL), 0);
        assert_text(&r, 133622);
        work_params_init(&p, WORKLOAD_PARSE_MSGPACK, f->built_in);
        assert_int_equal(work_run(w, WORKLOAD_PARSE_MSGPACK, &p, &r, NULL), 0);
        assert_text(&r, 1000);
        assert_digest(w, f->built_in, WORKLOAD_PARSE_MSGPACK, 1000, 2, 12345, 2322534167);
        work_free(w);
}

/* The digest is of what was decoded now, not of what the dataset's records hold. */
static void decodes_the_bytes_of_the_moment(void **state) {
        struct fixture *f = *state;
        struct work *w = NULL;
        struct work_response r;
        struct work_params p;
        struct error e;

        assert_int_equal(work_new(&f->odd, f->codec, &w, NULL), 0);
        assert_digest(w, &f->odd, WORKLOAD_PARSE_MSGPACK, 2, 1, 0, 3908691923);
        f->encoded[1] = f->encoded[0];
        assert_digest(w, &f->odd, WORKLOAD_PARSE_MSGPACK, 2, 1, 0, 3391085832);
        f->encoded[1].length--;
        work_params_init(&p, WORKLOAD_PARSE_MSGPACK, &f->odd);
        set(&p, "digest", 1);
        assert_int_equal(work_run(w, WORKLOAD_PARSE_MSGPACK, &p, &r, &e), -EBADMSG);
        assert_ptr_equal(strstr(e.text, "record 1: "), e.text);
        work_free(w);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                BOTH(of_the_built_in_records),
                BOTH(of_odd_records),
                BOTH(leaves_nothing_behind),
                BOTH(decodes_the_bytes_of_the_moment),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
