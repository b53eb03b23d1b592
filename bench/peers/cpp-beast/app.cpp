#include "app.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <simdjson.h>

#include "body.hpp"
#include "digest.hpp"
#include "query.hpp"
#include "refusal.hpp"

namespace {

constexpr std::string_view TEXT = "text/plain; charset=utf-8";
constexpr std::string_view JSON = "application/json";
constexpr std::int64_t MAX_SEED = INT32_MAX;
constexpr std::string_view BEFORE_RECORD =
    "accounts addresses agents articles assets authors batches books branches carts categories channels comments contacts contracts "
    "coupons customers devices events files groups images invoices labels members messages orders payments products";
constexpr std::string_view AFTER_RECORD = "reviews tickets users vendors";

std::int64_t run_loop(std::int64_t n, std::int64_t seed) {
    std::int64_t acc = seed;
    for (std::int64_t i = 0; i < n; i++) {
        acc = acc + i;
        if ((acc & 1) != 0)
            acc = 1'000'000 - acc;
    }
    return acc;
}

// The n-th segment of a path, counted from 0.
std::string_view segment(std::string_view path, int n) {
    for (; n >= 0; n--)
        path.remove_prefix(path.find('/', n > 0 ? 1 : 0) + (n > 0 ? 0 : 1));
    return path.substr(0, path.find('/'));
}

struct RecordQuery {
    std::size_t count;
    Digest digest; // repetitions 0: none is asked for
};

RecordQuery record_query(std::string_view query, std::size_t records) {
    const auto most = static_cast<std::int64_t>(records);
    std::array<Parameter, 3> known{{{"count", 0, most, most}, {"digest", 1, 8, 0}, {"seed", 0, MAX_SEED, 0}}};
    read_query(query, known);
    if (known[2].is_given && !known[1].is_given)
        throw Refusal(400, "seed is a parameter of this path with digest alone");
    return {static_cast<std::size_t>(known[0].value), {static_cast<int>(known[1].value), known[2].value}};
}

void set_text(Answer &answer, std::string_view text) {
    answer.type = TEXT;
    answer.body = text;
}

} // namespace

Dataset load_dataset(const std::string &path) {
    Dataset data;
    std::ifstream in(path, std::ios::binary);
    data.file.assign(std::istreambuf_iterator<char>(in), {});
    if (!in)
        throw std::runtime_error(path + ": can not be read");
    try {
        data.encoded = split(data.file);
        decode(data.encoded, data.records);
    } catch (const CodecError &error) {
        throw std::runtime_error(path + ": " + error.what());
    }
    for (const Record &record : data.records) {
        for (const std::string_view text : {record.name, record.description, record.type}) {
            if (!simdjson::validate_utf8(text.data(), text.size()))
                throw std::runtime_error(path + ": a text is no UTF-8");
        }
    }
    encode(data.records, data.full_json);
    return data;
}

App::App(const Dataset &data) : data_(data) {
    add_five();
    add_three();
}

void App::add_five() {
    const std::size_t records = data_.records.size();
    routes_["/"] = {Method::get, [](const Request &request, Answer &answer) {
                        read_query(request.query, {});
                        set_text(answer, "Welcome!\n");
                    }};
    routes_["/parse-msgpack"] = {Method::get, [this, records](const Request &request, Answer &answer) {
                                     const auto [count, digest] = record_query(request.query, records);
                                     decode(std::span(data_.encoded).first(count), decoded_);
                                     set_text(answer, std::to_string(digest.repetitions > 0 ? of_decoded(digest, decoded_) : decoded_.size()));
                                 }};
    routes_["/encode-json"] = {Method::get, [this, records](const Request &request, Answer &answer) {
                                   const auto [count, digest] = record_query(request.query, records);
                                   const auto part = std::span(data_.records).first(count);
                                   if (digest.repetitions > 0) {
                                       set_text(answer, std::to_string(of_encoded(digest, part)));
                                       return;
                                   }
                                   encode(part, scratch_);
                                   set_text(answer, std::to_string(scratch_.size()));
                               }};
    routes_["/transfer-data"] = {Method::get, [this, records](const Request &request, Answer &answer) {
                                     const auto most = static_cast<std::int64_t>(records);
                                     std::array<Parameter, 1> known{{{"count", 0, most, most}}};
                                     read_query(request.query, known);
                                     answer.type = JSON;
                                     if (known[0].value == most)
                                         answer.view = data_.full_json;
                                     else
                                         encode(std::span(data_.records).first(known[0].value), answer.body);
                                 }};
    routes_["/million-loop"] = {Method::get, [](const Request &request, Answer &answer) {
                                    std::array<Parameter, 2> known{{{"n", 0, 100'000'000, 1'000'000}, {"seed", 0, MAX_SEED, 0}}};
                                    read_query(request.query, known);
                                    set_text(answer, std::to_string(run_loop(known[0].value, known[1].value)));
                                }};
}

void App::add_three() {
    routes_["/validate"] = {Method::post, [](const Request &request, Answer &answer) {
                                std::array<Parameter, 1> known{{{"count", 0, 1000, -1}}};
                                read_query(request.query, known);
                                const auto records = parse_body(request.body, known[0].value);
                                answer.type = JSON;
                                if (known[0].is_given)
                                    encode(records, answer.body);
                                else
                                    encode(records.front(), answer.body);
                            }};
    routes_["/wait"] = {Method::get, [](const Request &request, Answer &answer) {
                            std::array<Parameter, 1> known{{{"ms", 0, 60'000, 100}}};
                            read_query(request.query, known);
                            answer.wait = std::chrono::milliseconds(known[0].value);
                            set_text(answer, std::to_string(known[0].value));
                        }};
    add_collections(BEFORE_RECORD);
    routes_["/record/*"] = {Method::get, [this](const Request &request, Answer &answer) { send_record(request, answer); }};
    add_collections(AFTER_RECORD);
}

void App::send_record(const Request &request, Answer &answer) {
    read_query(request.query, {});
    const std::int64_t id = from_digits(segment(request.path, 1));
    if (id < 0 || static_cast<std::size_t>(id) >= data_.records.size())
        throw Refusal(404, "no such record");
    answer.type = JSON;
    encode(data_.records[id], answer.body);
}

void App::add_collections(std::string_view names) {
    while (!names.empty()) {
        const std::string name(names.substr(0, names.find(' ')));
        names.remove_prefix(std::min(name.size() + 1, names.size()));
        const auto add = [this](const std::string &pattern, auto text) {
            routes_[pattern] = {Method::get, [text](const Request &request, Answer &answer) {
                                    read_query(request.query, {});
                                    set_text(answer, text(request.path));
                                }};
        };
        add("/" + name + "/*", [name](std::string_view path) { return name + ' ' + std::string(segment(path, 1)); });
        add("/" + name + "/*/items", [name](std::string_view path) { return name + ' ' + std::string(segment(path, 1)) + " items"; });
        add("/" + name + "/*/items/*", [name](std::string_view path) {
            return name + ' ' + std::string(segment(path, 1)) + " items " + std::string(segment(path, 3));
        });
    }
}

// Segments after the first are names and parameters in turn: a path is looked up with "*" for each second one.
const App::Route *App::find(std::string_view path) {
    scratch_.clear();
    bool is_parameter = false;
    for (std::string_view rest = path; !rest.empty(); is_parameter = !is_parameter) {
        const std::size_t end = std::min(rest.find('/', 1), rest.size());
        if (rest.front() != '/' || (end == 1 && is_parameter))
            return nullptr;
        scratch_ += is_parameter ? std::string_view("/*") : rest.substr(0, end);
        rest.remove_prefix(end);
    }
    const auto route = routes_.find(scratch_);
    return route == routes_.end() ? nullptr : &route->second;
}

void App::answer(const Request &request, Answer &answer) {
    answer.status = 200;
    answer.allowed = {};
    answer.body.clear();
    answer.view = {};
    answer.wait = std::chrono::milliseconds(0);
    try {
        const Route *route = find(request.path);
        if (route == nullptr)
            throw Refusal(404, "no such path");
        if (route->method != request.method) {
            answer.allowed = route->method == Method::get ? "GET" : "POST";
            throw Refusal(405, "not by this method");
        }
        route->handler(request, answer);
    } catch (const Refusal &refusal) {
        answer.status = refusal.status;
        set_text(answer, std::string(refusal.what()) + '\n');
    }
}
