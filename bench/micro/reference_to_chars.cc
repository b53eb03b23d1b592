/* The C++ library's shortest doubles (Ryu), as <charconv> gives them: no point behind an integer. */
#include <charconv>

#include "micro.h"

size_t reference_to_chars(double value, char *out, size_t size) {
        return static_cast<size_t>(std::to_chars(out, out + size, value).ptr - out);
}
