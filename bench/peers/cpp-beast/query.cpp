#include "query.hpp"

#include <algorithm>
#include <charconv>
#include <string>

#include "refusal.hpp"

namespace {

// %41 as A, + as a space. What is no escape stays as it is, and is no name or number.
std::string decoded(std::string_view text) {
    std::string result;
    for (std::size_t i = 0; i < text.size(); i++) {
        unsigned byte = 0;
        const char *digits = text.data() + i + 1;
        if (text[i] == '%' && i + 2 < text.size() && std::from_chars(digits, digits + 2, byte, 16).ptr == digits + 2) {
            result += static_cast<char>(byte);
            i += 2;
        } else {
            result += text[i] == '+' ? ' ' : text[i];
        }
    }
    return result;
}

void take(std::string_view pair, std::span<Parameter> known) {
    const auto equals = std::min(pair.find('='), pair.size());
    const std::string name = decoded(pair.substr(0, equals));
    const auto parameter = std::ranges::find(known, name, &Parameter::name);
    if (parameter == known.end())
        throw Refusal(400, name + " is not a parameter of this path");
    if (parameter->is_given)
        throw Refusal(400, name + " is given more than once");
    const auto value = from_digits(decoded(pair.substr(std::min(equals + 1, pair.size()))));
    if (value < parameter->least || value > parameter->most)
        throw Refusal(400, name + " must be a number from " + std::to_string(parameter->least) + " to " + std::to_string(parameter->most));
    parameter->value = value;
    parameter->is_given = true;
}

} // namespace

void read_query(std::string_view query, std::span<Parameter> known) {
    while (!query.empty()) {
        const auto end = std::min(query.find('&'), query.size());
        if (end > 0)
            take(query.substr(0, end), known);
        query.remove_prefix(std::min(end + 1, query.size()));
    }
}

std::int64_t from_digits(std::string_view text) {
    std::uint64_t value = 0;
    const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool is_number = !text.empty() && result.ec == std::errc() && result.ptr == text.data() + text.size();
    return is_number && value <= INT64_MAX ? static_cast<std::int64_t>(value) : -1;
}
