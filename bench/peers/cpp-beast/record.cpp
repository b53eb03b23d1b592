#include "record.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <msgpack.hpp>

namespace {

constexpr std::array<std::string_view, 6> NAMES = {"id", "name", "description", "type", "count", "created_at"};

// What msgpack::parse() calls for each part of one map. A false ends the parsing.
class RecordVisitor : public msgpack::null_visitor {
  public:
    explicit RecordVisitor(Record &record) : record_(record) {}

    bool is_complete() const { return depth_ == 0 && seen_ == (1U << NAMES.size()) - 1; }

    bool start_map(std::uint32_t size) { return depth_++ == 0 && size == NAMES.size(); }
    bool end_map() { return depth_-- == 1; }
    bool start_array(std::uint32_t) { return false; }
    bool start_map_key() {
        is_key_ = true;
        return true;
    }
    bool end_map_key() {
        is_key_ = false;
        return true;
    }

    bool visit_str(const char *text, std::uint32_t size) {
        const std::string_view view(text, size);
        if (is_key_)
            return take_key(view);
        switch (field_) {
        case 1: record_.name = view; return true;
        case 2: record_.description = view; return true;
        case 3: record_.type = view; return true;
        default: return false;
        }
    }
    bool visit_positive_integer(std::uint64_t value) {
        return value <= std::uint64_t{std::numeric_limits<std::int64_t>::max()} && visit_negative_integer(static_cast<std::int64_t>(value));
    }
    bool visit_negative_integer(std::int64_t value) {
        if (is_key_ || (field_ != 0 && field_ != 4))
            return false;
        (field_ == 0 ? record_.id : record_.count) = value;
        return true;
    }
    bool visit_float32(float value) { return visit_float64(value); }
    bool visit_float64(double value) {
        record_.created_at = value;
        return !is_key_ && field_ == 5 && std::isfinite(value);
    }
    bool visit_nil() { return false; }
    bool visit_boolean(bool) { return false; }
    bool visit_bin(const char *, std::uint32_t) { return false; }
    bool visit_ext(const char *, std::uint32_t) { return false; }
    // Otherwise msgpack would throw what says nothing of the record.
    void parse_error(std::size_t, std::size_t) {}
    void insufficient_bytes(std::size_t, std::size_t) {}

  private:
    // Fields come in their order as a rule: the next one is looked at first.
    bool take_key(std::string_view name) {
        for (std::size_t i = 0; i < NAMES.size(); i++) {
            const std::size_t candidate = (next_ + i) % NAMES.size();
            if (NAMES[candidate] == name) {
                field_ = candidate;
                next_ = candidate + 1;
                const unsigned bit = 1U << candidate;
                const bool is_new = (seen_ & bit) == 0;
                seen_ |= bit;
                return is_new;
            }
        }
        return false;
    }

    Record &record_;
    std::size_t field_ = 0;
    std::size_t next_ = 0;
    unsigned seen_ = 0;
    int depth_ = 0;
    bool is_key_ = false;
};

class BinVisitor : public msgpack::null_visitor {
  public:
    explicit BinVisitor(std::vector<std::string_view> &out) : out_(out) {}
    bool start_array(std::uint32_t) { return depth_++ == 0; }
    bool end_array() { return true; }
    bool start_map(std::uint32_t) { return false; }
    bool visit_bin(const char *data, std::uint32_t size) {
        out_.emplace_back(data, size);
        return depth_ == 1;
    }
    bool visit_str(const char *, std::uint32_t) { return false; }
    bool visit_positive_integer(std::uint64_t) { return false; }
    bool visit_negative_integer(std::int64_t) { return false; }
    bool visit_float32(float) { return false; }
    bool visit_float64(double) { return false; }
    bool visit_nil() { return false; }
    bool visit_boolean(bool) { return false; }
    bool visit_ext(const char *, std::uint32_t) { return false; }
    void parse_error(std::size_t, std::size_t) {}
    void insufficient_bytes(std::size_t, std::size_t) {}
    bool is_array() const { return depth_ == 1; }

  private:
    std::vector<std::string_view> &out_;
    int depth_ = 0;
};

// Which bytes of a text are escaped in JSON.
constexpr std::array<bool, 256> make_escaped() {
    std::array<bool, 256> escaped{};
    for (int i = 0; i < 0x20; i++)
        escaped[i] = true;
    escaped['"'] = escaped['\\'] = true;
    return escaped;
}
constexpr std::array<bool, 256> ESCAPED = make_escaped();

void append_escape(std::string &out, unsigned char byte) {
    constexpr std::string_view SHORT = "\"\\\b\f\n\r\t";
    constexpr std::string_view LETTERS = "\"\\bfnrt";
    constexpr std::string_view HEX = "0123456789abcdef";
    out += '\\';
    if (const auto at = SHORT.find(static_cast<char>(byte)); at != SHORT.npos) {
        out += LETTERS[at];
    } else {
        out += "u00";
        out += HEX[byte >> 4];
        out += HEX[byte & 15];
    }
}

void append(std::string &out, std::string_view text) {
    out += '"';
    std::size_t begin = 0;
    for (std::size_t i = 0; i < text.size(); i++) {
        const auto byte = static_cast<unsigned char>(text[i]);
        if (ESCAPED[byte]) {
            out.append(text, begin, i - begin);
            append_escape(out, byte);
            begin = i + 1;
        }
    }
    out.append(text, begin);
    out += '"';
}

void append(std::string &out, std::int64_t value) {
    std::array<char, 24> text;
    const auto result = std::to_chars(text.data(), text.data() + text.size(), value);
    out.append(text.data(), result.ptr);
}

// The shortest digits, laid out as docs/SPEC.md demands: an exponent from 1e16 on and below 1e-4, else a point.
void append(std::string &out, double value) {
    std::array<char, 32> text;
    const double size = std::abs(value);
    const bool is_plain = size == 0 || (size >= 1e-4 && size < 1e16);
    const auto format = is_plain ? std::chars_format::fixed : std::chars_format::scientific;
    const auto result = std::to_chars(text.data(), text.data() + text.size(), value, format);
    const std::string_view digits(text.data(), result.ptr - text.data());
    out += digits;
    if (is_plain && digits.find('.') == digits.npos)
        out += ".0";
}

void append(std::string &out, const Record &record) {
    out += "{\"id\":";
    append(out, record.id);
    out += ",\"name\":";
    append(out, record.name);
    out += ",\"description\":";
    append(out, record.description);
    out += ",\"type\":";
    append(out, record.type);
    out += ",\"count\":";
    append(out, record.count);
    out += ",\"created_at\":";
    append(out, record.created_at);
    out += '}';
}

} // namespace

void decode(std::span<const std::string_view> encoded, std::vector<Record> &records) {
    records.resize(encoded.size());
    for (std::size_t i = 0; i < encoded.size(); i++) {
        RecordVisitor visitor(records[i]);
        std::size_t end = 0;
        if (!msgpack::parse(encoded[i].data(), encoded[i].size(), end, visitor) || !visitor.is_complete() || end != encoded[i].size())
            throw CodecError("record " + std::to_string(i) + ": it must be a map of exactly id, name, description, type, count, created_at");
    }
}

std::vector<std::string_view> split(std::string_view file) {
    std::vector<std::string_view> elements;
    BinVisitor visitor(elements);
    std::size_t end = 0;
    if (!msgpack::parse(file.data(), file.size(), end, visitor) || !visitor.is_array() || end != file.size())
        throw CodecError("it must be a MessagePack array of bin elements, and nothing else");
    return elements;
}

void encode(const Record &record, std::string &out) {
    out.clear();
    append(out, record);
}

void encode(std::span<const Record> records, std::string &out) {
    out.clear();
    out += '[';
    for (const Record &record : records) {
        if (out.size() > 1)
            out += ',';
        append(out, record);
    }
    out += ']';
}
