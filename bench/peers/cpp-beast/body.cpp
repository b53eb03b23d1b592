#include "body.hpp"

#include <algorithm>
#include <array>
#include <simdjson.h>
#include <utility>

#include "refusal.hpp"

namespace {

namespace ondemand = simdjson::ondemand;

constexpr std::array<std::string_view, 6> NAMES = {"id", "name", "description", "type", "count", "created_at"};

// The value, or a refusal that names the field.
template <typename Value> Value required(simdjson::simdjson_result<Value> result, std::string_view name, const char *what) {
    Value value;
    if (std::move(result).get(value) != simdjson::SUCCESS)
        throw Refusal(422, std::string(name) + " must be " + what);
    return value;
}

void require(bool fits, std::string_view name, const char *what) {
    if (!fits)
        throw Refusal(422, std::string(name) + " must be " + what);
}

// Of code points: bytes that begin one.
std::size_t characters(std::string_view text) {
    return std::ranges::count_if(text, [](char byte) { return (byte & 0xC0) != 0x80; });
}

void read_field(std::size_t field, ondemand::value value, Record &record) {
    const std::string_view name = NAMES[field];
    switch (field) {
    case 0:
        record.id = required(value.get_int64(), name, "an integer of 64 bits, signed");
        break;
    case 1:
        record.name = required(value.get_string(), name, "a string");
        require(!record.name.empty() && characters(record.name) <= 100, name, "of 1 to 100 characters");
        break;
    case 2:
        record.description = required(value.get_string(), name, "a string");
        require(characters(record.description) <= 1000, name, "of at most 1000 characters");
        break;
    case 3:
        record.type = required(value.get_string(), name, "a string");
        require(record.type == "U" || record.type == "G" || record.type == "S", name, "U, G or S");
        break;
    case 4:
        record.count = required(value.get_int64(), name, "an integer");
        require(record.count >= 0 && record.count <= 1'000'000, name, "from 0 to 1000000");
        break;
    default:
        record.created_at = required(value.get_double(), name, "a number");
        require(record.created_at >= 0 && record.created_at <= 4'102'444'800.0, name, "from 0 to 4102444800");
    }
}

template <typename Value> Record read_record(Value &&value) {
    ondemand::object object;
    if (value.get_object().get(object) != simdjson::SUCCESS)
        throw Refusal(422, "an object is due");
    Record record;
    unsigned seen = 0;
    for (auto item : object) {
        const std::string_view name = item.unescaped_key();
        const std::size_t field = std::ranges::find(NAMES, name) - NAMES.begin();
        if (field == NAMES.size())
            throw Refusal(422, std::string(name) + " is no field of a record");
        read_field(field, item.value(), record);
        seen |= 1U << field;
    }
    for (std::size_t field = 0; field < NAMES.size(); field++) {
        if ((seen & 1U << field) == 0)
            throw Refusal(422, std::string(NAMES[field]) + " is missing");
    }
    return record;
}

} // namespace

std::vector<Record> parse_body(std::string &body, std::int64_t count) {
    thread_local ondemand::parser parser;
    body.reserve(body.size() + simdjson::SIMDJSON_PADDING);
    try {
        std::vector<Record> records;
        ondemand::document document = parser.iterate(body.data(), body.size(), body.capacity());
        if (count < 0) {
            records.push_back(read_record(document));
        } else {
            ondemand::array array;
            if (document.get_array().get(array) != simdjson::SUCCESS)
                throw Refusal(422, "an array is due");
            for (auto element : array)
                records.push_back(read_record(element.value()));
            if (static_cast<std::int64_t>(records.size()) != count)
                throw Refusal(422, "there are " + std::to_string(records.size()) + " records, not " + std::to_string(count));
        }
        if (document.current_location().error() != simdjson::OUT_OF_BOUNDS)
            throw Refusal(400, "something follows the JSON");
        return records;
    } catch (const simdjson::simdjson_error &error) {
        throw Refusal(400, std::string("the body is no JSON: ") + error.what());
    }
}
