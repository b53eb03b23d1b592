#include "digest.hpp"

#include <array>
#include <bit>
#include <type_traits>

namespace {

static_assert(std::endian::native == std::endian::little, "numbers are hashed as they lie in memory");

constexpr std::array<std::uint32_t, 256> make_table() {
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t byte = 0; byte < table.size(); byte++) {
        std::uint32_t crc = byte;
        for (int bit = 0; bit < 8; bit++)
            crc = (crc & 1) != 0 ? (crc >> 1) ^ 0xedb88320U : crc >> 1;
        table[byte] = crc;
    }
    return table;
}
constexpr auto TABLE = make_table();

// zlib's crc32.
std::uint32_t updated(std::uint32_t crc, std::string_view bytes) {
    crc = ~crc;
    for (const char byte : bytes)
        crc = TABLE[(crc ^ static_cast<unsigned char>(byte)) & 0xff] ^ (crc >> 8);
    return ~crc;
}

template <typename Number> std::uint32_t updated_by(std::uint32_t crc, Number number) {
    static_assert(std::is_arithmetic_v<Number>);
    return updated(crc, std::string_view(reinterpret_cast<const char *>(&number), sizeof number));
}

std::int64_t wrapping_sum(std::int64_t a, std::int64_t b) {
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}

} // namespace

std::uint32_t of_decoded(Digest asked, std::span<const Record> records) {
    auto crc = static_cast<std::uint32_t>(asked.seed);
    for (int i = 0; i < asked.repetitions; i++) {
        for (const Record &record : records) {
            crc = updated_by(updated_by(updated_by(crc, record.id), record.count), record.created_at);
            for (const std::string_view text : {record.name, record.description, record.type})
                crc = updated_by(updated(crc, text), '\0');
        }
    }
    return crc;
}

std::uint32_t of_encoded(Digest asked, std::span<const Record> records) {
    std::vector<Record> copies;
    for (int i = 0; i < asked.repetitions; i++) {
        copies.assign(records.begin(), records.end());
        for (Record &copy : copies) {
            copy.id = wrapping_sum(copy.id, asked.seed);
            copy.count = wrapping_sum(copy.count, asked.seed);
            copy.created_at += static_cast<double>(asked.seed * 39) / (1 << 22);
        }
    }
    std::string json;
    encode(copies, json);
    auto crc = static_cast<std::uint32_t>(asked.seed);
    for (int i = 0; i < asked.repetitions; i++)
        crc = updated(crc, json);
    return crc;
}
