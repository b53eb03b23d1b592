#include "gate/bodies.h"

#include <errno.h>
#include <string.h>

#include "unit.h"

static void take(struct bodies *b, struct body_memory *memory, const char *text, size_t ahead) {
        assert_int_equal(bodies_begin(b), 0);
        assert_int_equal(bodies_append(b, memory, text, strlen(text), 100000), 0);
        bodies_end(b, ahead);
}

static void each_request_gets_its_own(void **state) {
        struct body_memory memory = { .max_bytes = 1 << 20 };
        struct bodies b = { .first = NULL };

        (void)state;
        take(&b, &memory, "one", 1); /* behind a request without one … */
        take(&b, &memory, "two", 2);
        take(&b, &memory, "three", 4); /* … and one more in between */
        assert_null(bodies_current(&b));
        bodies_drop_current(&b, &memory);
        bodies_finish(&b, &memory);
        assert_memory_equal(bodies_current(&b)->bytes, "one", 3);
        bodies_drop_current(&b, &memory);
        assert_null(bodies_current(&b));
        bodies_finish(&b, &memory);
        assert_memory_equal(bodies_current(&b)->bytes, "two", 3);
        bodies_finish(&b, &memory); /* without having been dropped */
        assert_null(bodies_current(&b));
        bodies_finish(&b, &memory);
        assert_int_equal(bodies_current(&b)->length, 5);
        bodies_finish(&b, &memory);
        assert_null(b.first);
        assert_int_equal(memory.used_bytes, 0);
}

static void memory_is_taken_as_bytes_come_and_given_back(void **state) {
        struct body_memory memory = { .max_bytes = 10000 };
        struct bodies a = { .first = NULL }, b = { .first = NULL };
        static const char bytes[6000];

        (void)state;
        assert_int_equal(bodies_begin(&a), 0);
        assert_int_equal(memory.used_bytes, 0); /* however much has been announced */
        assert_int_equal(bodies_append(&a, &memory, bytes, 3000, 6000), 0);
        assert_true(memory.used_bytes >= 3000 && memory.used_bytes <= 6000);
        assert_int_equal(bodies_append(&a, &memory, bytes, 3000, 6000), 0);
        assert_int_equal(memory.used_bytes, 6000); /* no more than it may ever have */
        assert_int_equal(bodies_begin(&b), 0);
        assert_int_equal(bodies_append(&b, &memory, bytes, 3000, 6000), 0);
        assert_int_equal(bodies_append(&b, &memory, bytes, 2000, 6000), -ENOBUFS);
        bodies_end(&a, 0);
        bodies_drop_all(&a, &memory);
        assert_int_equal(bodies_append(&b, &memory, bytes, 2000, 6000), 0);
        assert_int_equal(b.coming->length, 5000);
        bodies_drop_all(&b, &memory); /* in the midst of it */
        assert_int_equal(memory.used_bytes, 0);
        bodies_drop_all(&b, &memory);
}

static void the_last_of_the_memory_is_taken_too(void **state) {
        struct body_memory memory = { .max_bytes = 5000 };
        struct bodies b = { .first = NULL };
        static const char bytes[5001];

        (void)state;
        assert_int_equal(bodies_begin(&b), 0);
        assert_int_equal(bodies_append(&b, &memory, bytes, 4200, 9000), 0); /* of which the double is more than there is */
        assert_int_equal(bodies_append(&b, &memory, bytes, 800, 9000), 0);
        assert_int_equal(memory.used_bytes, 5000);
        assert_int_equal(bodies_append(&b, &memory, bytes, 1, 9000), -ENOBUFS);
        bodies_drop_coming(&b, &memory);
        assert_int_equal(memory.used_bytes, 0);
        bodies_drop_coming(&b, &memory);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_request_gets_its_own),
                cmocka_unit_test(memory_is_taken_as_bytes_come_and_given_back),
                cmocka_unit_test(the_last_of_the_memory_is_taken_too),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
