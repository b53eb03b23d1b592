// The body of POST /validate.
#pragma once

#include <string>
#include <vector>

#include "record.hpp"

// Parses and checks a body, a record or, with count >= 0, an array of so many, by a parser that each thread has one of. The records' texts are
// valid until its next call, and while body is. Throws Refusal.
std::vector<Record> parse_body(std::string &body, std::int64_t count);
