// What verification asks for instead of a count or a length: CRC-32 of what was decoded, or encoded. docs/SPEC.md defines it.
// It proves that the work was done, and need not be fast.
#pragma once

#include <cstdint>
#include <span>

#include "record.hpp"

struct Digest {
    int repetitions;
    std::int64_t seed;
};

std::uint32_t of_decoded(Digest asked, std::span<const Record> records);
std::uint32_t of_encoded(Digest asked, std::span<const Record> records);
