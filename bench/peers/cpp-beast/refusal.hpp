#pragma once

#include <stdexcept>
#include <string>

// A request that has to be refused with this status; the message says why.
struct Refusal : std::runtime_error {
    Refusal(unsigned status, const std::string &message) : std::runtime_error(message), status(status) {}
    unsigned status;
};
