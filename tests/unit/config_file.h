/* A configuration file to be read. */
#ifndef RESTMARK_TESTS_CONFIG_FILE_H
#define RESTMARK_TESTS_CONFIG_FILE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "config/config.h"
#include "unit.h"

static char path[] = "/tmp/restmark-config-XXXXXX";

static inline void write_file(const char *text, size_t length) {
        FILE *file = fopen(path, "w");

        assert_non_null(file);
        assert_int_equal(fwrite(text, 1, length, file), length);
        assert_int_equal(fclose(file), 0);
}

static inline struct config *load(const char *text) {
        struct error e = { "" };
        struct config *config = NULL;

        write_file(text, strlen(text));
        if (config_load(path, NULL, 0, &config, &e) < 0)
                fail_msg("%s", e.text);
        return config;
}

static inline int make_file(void **state) {
        int fd = mkstemp(path);

        (void)state;
        return fd < 0 ? -1 : close(fd);
}

static inline int remove_file(void **state) {
        (void)state;
        return unlink(path);
}

#endif
