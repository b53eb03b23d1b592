/* What every unit test includes: cmocka with the headers that it wants before it. */
#ifndef RESTMARK_TESTS_UNIT_H
#define RESTMARK_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

/* A string literal as bytes and length, NUL characters inside included. */
#define BYTES(literal) (literal), sizeof(literal) - 1

#endif
