/* Struct mode allocates nothing per call: counted where the linker sends malloc and its kin (--wrap). That catches the calls
 * of everything that is linked statically, which is all of restmark; msgpack-c's parser is instantiated in it, and struct
 * mode calls no shared library but libc. Works under the sanitizers as well: the wrappers call whatever malloc there is. */
#include <stdlib.h>

#include "data/dataset.h"
#include "unit.h"
#include "work/work.h"

static size_t allocations;

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t size);

void *__wrap_malloc(size_t size) {
        allocations++;
        return __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size) {
        allocations++;
        return __real_calloc(n, size);
}

void *__wrap_realloc(void *old, size_t size) {
        allocations++;
        return __real_realloc(old, size);
}

static size_t allocations_of_digest(struct work *w, const struct dataset *d, enum workload which, size_t count, uint32_t times) {
        struct work_response r;
        struct work_params p;
        size_t before;

        work_params_init(&p, which, d);
        p.count = count;
        p.digest_times = times;
        p.seed = WORK_SEED_MAX;
        before = allocations;
        assert_int_equal(work_run(w, which, &p, &r, NULL), 0);
        if (r.body_kind == WORK_BODY_OWNED)
                free((char *)(uintptr_t)r.body);
        return allocations - before;
}

static size_t allocations_of(struct work *w, const struct dataset *d, enum workload which, size_t count) {
        return allocations_of_digest(w, d, which, count, 0);
}

static void struct_mode_allocates_nothing(void **state) {
        struct dataset *d = NULL;
        struct work *w = NULL;

        (void)state;
        assert_int_equal(dataset_new(NULL, 0, CODEC_STRUCT, &d, NULL), 0);
        assert_true(allocations > 0); /* the counter counts */
        assert_int_equal(work_new(d, CODEC_STRUCT, &w, NULL), 0);
        for (int round = 0; round < 3; round++) {
                assert_int_equal(allocations_of(w, d, WORKLOAD_WELCOME, 0), 0);
                assert_int_equal(allocations_of(w, d, WORKLOAD_PARSE_MSGPACK, 1000), 0);
                assert_int_equal(allocations_of(w, d, WORKLOAD_PARSE_MSGPACK, 17), 0);
                assert_int_equal(allocations_of(w, d, WORKLOAD_ENCODE_JSON, 1000), 0);
                assert_int_equal(allocations_of(w, d, WORKLOAD_ENCODE_JSON, 17), 0);
                assert_int_equal(allocations_of_digest(w, d, WORKLOAD_PARSE_MSGPACK, 1000, 8), 0);
                assert_int_equal(allocations_of_digest(w, d, WORKLOAD_ENCODE_JSON, 1000, 8), 0);
                assert_int_equal(allocations_of(w, d, WORKLOAD_TRANSFER_DATA, 1000), 0);
                assert_int_equal(allocations_of(w, d, WORKLOAD_MILLION_LOOP, 0), 0);
                /* The body that the caller gets to keep, and nothing else. */
                assert_int_equal(allocations_of(w, d, WORKLOAD_TRANSFER_DATA, 17), 1);
        }
        work_free(w);
        dataset_free(d);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(struct_mode_allocates_nothing),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
