/* Doubles as the shortest decimal text that reads back as the same double, laid out as Python's repr() does: fixed
 * notation for 1e-4 <= |x| < 1e16 (and 0), always with a point or an exponent ("5.0"), else scientific ("1e+16"). */
#ifndef RESTMARK_CODEC_DOUBLE_TEXT_H
#define RESTMARK_CODEC_DOUBLE_TEXT_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { DOUBLE_TEXT_MAX = 32 }; /* the longest is 24: "-1.2345678901234567e-308" */

/* Writes the text of the finite `value` to `out` (at least DOUBLE_TEXT_MAX bytes, no NUL is added) and returns its
 * length in bytes; 0 if `value` is not finite, for which JSON has no text. */
size_t double_text(double value, char *out);

/* The reverse: the double nearest to a number in JSON's form. Infinite if it is too large for one, 0 or a subnormal if it is too small;
 * what is either and has more than a thousand characters is infinite. */
double double_from_text(const char *text, size_t length);

#ifdef __cplusplus
}
#endif

#endif
