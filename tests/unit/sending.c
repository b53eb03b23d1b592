#include "unit.h"

#include <errno.h>

#include "worker/sending.h"

static void whoever_has_put_the_pages_together_sends_them(void **state) {
        struct sending s = { .n_tries = 0 };

        (void)state;
        assert_true(sending_may_begin(&s, 0));
        assert_true(s.is_settled);
}

/* Small pages are sent, too. */
static void what_cannot_be_had_is_not_waited_for(void **state) {
        static const int errors[] = { ENOMEM, EINVAL, EBUSY, ENOSYS };

        (void)state;
        for (size_t i = 0; i < ELEMENTS(errors); i++) {
                struct sending s = { .n_tries = 0 };

                assert_true(sending_may_begin(&s, -errors[i]));
                assert_true(s.is_settled);
        }
}

static void another_who_is_about_it_is_waited_for_but_not_for_ever(void **state) {
        struct sending s = { .n_tries = 0 };
        unsigned int n = 0;

        (void)state;
        assert_false(sending_may_begin(&s, -EAGAIN));
        assert_false(s.is_settled);
        assert_true(sending_may_begin(&s, 0));
        s = (struct sending){ .n_tries = 0 };
        while (!sending_may_begin(&s, -EAGAIN))
                assert_in_range(++n, 1, 100);
        assert_true(s.is_settled);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(whoever_has_put_the_pages_together_sends_them),
                cmocka_unit_test(what_cannot_be_had_is_not_waited_for),
                cmocka_unit_test(another_who_is_about_it_is_waited_for_but_not_for_ever),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
