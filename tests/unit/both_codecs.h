/* Tests that run once with each codec: a file that includes this defines make() and drop() and lists its tests as BOTH(test). */
#ifndef RESTMARK_TESTS_BOTH_CODECS_H
#define RESTMARK_TESTS_BOTH_CODECS_H

#include "codec/record.h"

/* Sets up what the tests of one codec need, as `*state`; returns 0 or -1. */
static int make(void **state, enum codec codec);
static int drop(void **state);

static int make_struct(void **state) {
        return make(state, CODEC_STRUCT);
}

static int make_tree(void **state) {
        return make(state, CODEC_TREE);
}

#define BOTH(test)                                                                \
        cmocka_unit_test_setup_teardown(test, make_struct, drop),                 \
                {                                                                 \
#test " (tree)", test, make_tree, drop, NULL                      \
                }

#endif
