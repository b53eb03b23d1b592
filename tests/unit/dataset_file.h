/* A folder with a file for a dataset. */
#ifndef RESTMARK_TESTS_DATASET_FILE_H
#define RESTMARK_TESTS_DATASET_FILE_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/dataset.h"
#include "unit.h"

static char folder[] = "/tmp/restmark-dataset-XXXXXX";
static char path[128]; /* of a file in the folder */

static inline int make_folder(void **state) {
        (void)state;
        if (!mkdtemp(folder))
                return -1;
        (void)snprintf(path, sizeof path, "%s/data", folder);
        return 0;
}

static inline int remove_folder(void **state) {
        (void)state;
        return rmdir(folder);
}

static inline int remove_file(void **state) {
        (void)state;
        return unlink(path) == 0 || errno == ENOENT ? 0 : -1;
}

static inline void write_file(const void *bytes, size_t length) {
        FILE *file = fopen(path, "we");

        assert_non_null(file);
        assert_int_equal(fwrite(bytes, 1, length, file), length);
        assert_int_equal(fclose(file), 0);
}

static inline void assert_equal_datasets(const struct dataset *a, const struct dataset *b) {
        assert_int_equal(a->n_records, b->n_records);
        assert_int_equal(a->json_length, b->json_length);
        assert_memory_equal(a->json, b->json, a->json_length);
        for (size_t i = 0; i < a->n_records; i++) {
                assert_int_equal(a->encoded[i].length, b->encoded[i].length);
                assert_memory_equal(a->encoded[i].bytes, b->encoded[i].bytes, a->encoded[i].length);
        }
}

#define WITH_FILE(test) cmocka_unit_test_teardown(test, remove_file)

#endif
