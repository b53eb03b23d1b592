// What the server answers, apart from how it reads and writes HTTP.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "record.hpp"

// The dataset's file and what is in it; never changed once it is loaded.
struct Dataset {
    std::string file;
    std::vector<std::string_view> encoded; // views of file
    std::vector<Record> records;           // views of file
    std::string full_json;                 // the one body that may be prepared
};

// Throws std::runtime_error with a message that names the file.
Dataset load_dataset(const std::string &path);

enum class Method { get, post, other };

struct Request {
    Method method;
    std::string_view path;
    std::string_view query;
    std::string &body;
};

// An answer. The text of body is used again by the next one; view, if it is not empty, is sent instead.
struct Answer {
    unsigned status = 200;
    std::string_view type;
    std::string_view allowed; // methods, with status 405
    std::string body;
    std::string_view view;
    std::chrono::milliseconds wait{0};
};

// The routes. One for each thread: memory for decoded records is used again by the next request.
class App {
  public:
    explicit App(const Dataset &data);

    // Sets the answer to a request; refusals are answers.
    void answer(const Request &request, Answer &answer);

  private:
    using Handler = std::function<void(const Request &, Answer &)>;
    struct Route {
        Method method;
        Handler handler;
    };

    void add_five();
    void add_three();
    void add_collections(std::string_view names);
    void send_record(const Request &request, Answer &answer);
    const Route *find(std::string_view path);

    const Dataset &data_;
    std::unordered_map<std::string, Route> routes_; // "*" is a segment of the path that may be anything
    std::vector<Record> decoded_;
    std::string scratch_;
};
