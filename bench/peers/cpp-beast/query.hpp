// The query parameters of the routes, as docs/SPEC.md demands them: known names, each at most once, decimal digits, in range.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

// A parameter that a route knows: what it may be, both ends included, and what it is if it is not given.
struct Parameter {
    std::string_view name;
    std::int64_t least;
    std::int64_t most;
    std::int64_t value;
    bool is_given = false;
};

// Sets the values that a raw query gives. Throws Refusal.
void read_query(std::string_view query, std::span<Parameter> known);

// The value of decimal digits; -1 for a text that is none, or has too large a value.
std::int64_t from_digits(std::string_view text);
