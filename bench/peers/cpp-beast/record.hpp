// A record, and its way from MessagePack and to JSON.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

// The texts are views: of the dataset's bytes, which outlive all requests, or of the body that is being answered.
struct Record {
    std::int64_t id = 0;
    std::string_view name;
    std::string_view description;
    std::string_view type;
    std::int64_t count = 0;
    double created_at = 0;
};

struct CodecError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// Decodes each of the MessagePack maps into records, whose memory is used again. Throws CodecError for what is no record.
void decode(std::span<const std::string_view> encoded, std::vector<Record> &records);

// Elements of a MessagePack array of bin elements, as views of file. Throws CodecError.
std::vector<std::string_view> split(std::string_view file);

// Replaces out by the JSON of a record, or of an array of them. The memory of out is used again.
void encode(const Record &record, std::string &out);
void encode(std::span<const Record> records, std::string &out);
