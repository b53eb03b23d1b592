/* Numbers in text from outside: digits only, no sign, no space, no prefix. */
#ifndef RESTMARK_BASE_NUMBER_H
#define RESTMARK_BASE_NUMBER_H

#include <stddef.h>
#include <stdint.h>

/* Reads all `length` bytes. Returns 0, -EINVAL (empty, or not all digits) or -ERANGE (more than 64 bits). */
int number_parse(const char *text, size_t length, uint64_t *ret);

/* The byte that two hexadecimal digits stand for, small or capital; -1 if these are not. Looks at no character behind a NUL. */
int number_hex_byte(const char *digits);

#endif
