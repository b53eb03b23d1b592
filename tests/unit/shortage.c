#include "base/shortage.h"

#include <errno.h>
#include <string.h>

#include "unit.h"

static void an_episode_is_said_once(void **state) {
        struct shortage shortage = { 0 };
        uint64_t now_ms = 5;

        (void)state;
        assert_true(shortage_begins(&shortage, now_ms));
        for (int i = 0; i < 1000; i++)
                assert_false(shortage_begins(&shortage, now_ms += SHORTAGE_PAUSE_MS));
        assert_false(shortage_begins(&shortage, now_ms += SHORTAGE_EPISODE_MS - 1));
        assert_true(shortage_begins(&shortage, now_ms += SHORTAGE_EPISODE_MS));
        assert_false(shortage_begins(&shortage, now_ms));
}

static void what_lasts_is_told_from_what_one_connection_did(void **state) {
        static const int lasting[] = { EMFILE, ENFILE, ENOMEM, ENOBUFS, ENOSYS, EPERM, EINVAL, EBADF };
        static const int passing[] = { EAGAIN, EINTR, ECONNABORTED, EPROTO, ENETDOWN, EHOSTUNREACH };

        (void)state;
        for (size_t i = 0; i < ELEMENTS(lasting); i++)
                assert_true(shortage_is(lasting[i]));
        for (size_t i = 0; i < ELEMENTS(passing); i++)
                assert_false(shortage_is(passing[i]));
}

static void each_want_has_its_remedy(void **state) {
        (void)state;
        assert_non_null(strstr(shortage_remedy(EMFILE), "LimitNOFILE="));
        assert_non_null(strstr(shortage_remedy(ENFILE), "fs.file-max"));
        assert_non_null(strstr(shortage_remedy(ENOMEM), "memory"));
        assert_non_null(strstr(shortage_remedy(EPERM), "filter"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(an_episode_is_said_once),
                cmocka_unit_test(what_lasts_is_told_from_what_one_connection_did),
                cmocka_unit_test(each_want_has_its_remedy),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
