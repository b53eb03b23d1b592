#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "unit.h"

#include "base/start_pages.h"

/* Whether the first page of a mapping is resident in this process, as its page table has it. */
static bool is_mapped(const void *at) {
        FILE *file = fopen("/proc/self/pagemap", "re");
        uint64_t entry = 0;

        assert_non_null(file);
        assert_int_equal(fseek(file, (long)((uintptr_t)at / (size_t)getpagesize() * sizeof entry), SEEK_SET), 0);
        assert_int_equal(fread(&entry, sizeof entry, 1, file), 1);
        (void)fclose(file);
        return entry >> 63;
}

/* A page of a file, mapped as text and constants are. */
static char *map_page(FILE *file, int protection) {
        char *page;

        assert_int_equal(fputs("hello", file) >= 0 && fflush(file) == 0, 1);
        page = mmap(NULL, (size_t)getpagesize(), protection, MAP_PRIVATE, fileno(file), 0);
        assert_ptr_not_equal(page, MAP_FAILED);
        assert_int_equal(*page, 'h');
        assert_true(is_mapped(page));
        return page;
}

static void constants_come_back_when_they_are_needed(void **state) {
        FILE *file = tmpfile();
        char *page = map_page(file, PROT_READ);

        (void)state;
        assert_true(start_pages_give_back() > 0);
        assert_false(is_mapped(page));
        assert_string_equal(page, "hello");
        (void)munmap(page, (size_t)getpagesize());
        (void)fclose(file);
}

/* Relocated data that is protected afterwards. */
static void what_was_written_stays(void **state) {
        FILE *file = tmpfile();
        char *page = map_page(file, PROT_READ | PROT_WRITE);

        (void)state;
        *page = 'j';
        assert_int_equal(mprotect(page, (size_t)getpagesize(), PROT_READ), 0);
        (void)start_pages_give_back();
        assert_true(is_mapped(page));
        assert_string_equal(page, "jello");
        (void)munmap(page, (size_t)getpagesize());
        (void)fclose(file);
}

static void *wait_there(void *pipe_end) {
        char byte;

        return (void *)(intptr_t)read(*(int *)pipe_end, &byte, 1); /* NOLINT: a number */
}

static void beside_a_thread_nothing_is_given_back(void **state) {
        int ends[2];
        pthread_t thread;

        (void)state;
        assert_true(start_pages_is_alone());
        assert_int_equal(pipe(ends), 0);
        assert_int_equal(pthread_create(&thread, NULL, wait_there, &ends[0]), 0);
        assert_false(start_pages_is_alone());
        (void)close(ends[1]);
        assert_int_equal(pthread_join(thread, NULL), 0);
        while (!start_pages_is_alone()) /* the kernel forgets it a moment after it has ended */
                sched_yield();
        (void)close(ends[0]);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(constants_come_back_when_they_are_needed),
                cmocka_unit_test(what_was_written_stays),
                cmocka_unit_test(beside_a_thread_nothing_is_given_back),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
