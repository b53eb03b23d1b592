// restmark's workloads by Boost.Beast: W threads, each with an event loop of its own; connections are handed to them in turn.
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility> // before Asio, which Boost 1.74 forgets

#include <boost/asio.hpp>
#include <boost/beast.hpp>

#include "app.hpp"

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using tcp = asio::ip::tcp;
using boost::system::error_code;

constexpr std::uint64_t MAX_BODY_BYTES = 1 << 20;
constexpr auto LINGER = std::chrono::seconds(2);

// One connection: requests are read, answered and forgotten one after another. It lives as long as an operation of its is under way.
class Session : public std::enable_shared_from_this<Session> {
  public:
    Session(tcp::socket socket, App &app) : stream_(std::move(socket)), app_(app), timer_(stream_.get_executor()) {}

    void read() {
        parser_.emplace();
        parser_->body_limit(MAX_BODY_BYTES);
        parser_->get().body() = std::move(body_); // its memory
        parser_->get().body().clear();
        http::async_read(stream_, buffer_, *parser_, [self = shared_from_this()](error_code error, std::size_t) { self->on_read(error); });
    }

  private:
    void on_read(error_code error) {
        if (error == http::error::body_limit) {
            refuse_body();
            return;
        }
        if (error)
            return; // the client has left, or does not speak HTTP
        auto &request = parser_->get();
        const auto verb = request.method();
        is_head_ = verb == http::verb::head;
        const Method method = verb == http::verb::get || is_head_ ? Method::get : verb == http::verb::post ? Method::post : Method::other;
        const std::string_view target(request.target().data(), request.target().size());
        const auto question = std::min(target.find('?'), target.size());
        app_.answer({method, target.substr(0, question), target.substr(std::min(question + 1, target.size())), request.body()}, answer_);
        if (answer_.wait.count() > 0)
            wait();
        else
            write(request.keep_alive());
    }

    // A client that leaves meanwhile makes the socket readable at its end.
    void wait() {
        timer_.expires_after(answer_.wait);
        timer_.async_wait([self = shared_from_this()](error_code error) {
            self->stream_.socket().cancel();
            if (!error)
                self->write(self->parser_->get().keep_alive());
        });
        stream_.socket().async_wait(tcp::socket::wait_read, [self = shared_from_this()](error_code error) {
            if (!error && self->stream_.socket().available() == 0)
                self->timer_.cancel();
        });
    }

    // The answer to a body that is too large. What comes of it still is read for a while, so that the client gets the answer.
    void refuse_body() {
        answer_ = {};
        answer_.status = 413;
        answer_.type = "text/plain; charset=utf-8";
        answer_.body = "a body has at most 1048576 bytes\n";
        write(false);
    }

    void write(bool keep_alive) {
        const std::string_view body = answer_.view.empty() ? std::string_view(answer_.body) : answer_.view;
        response_.emplace();
        response_->result(answer_.status);
        response_->set(http::field::content_type, boost::string_view(answer_.type.data(), answer_.type.size()));
        if (!answer_.allowed.empty())
            response_->set(http::field::allow, boost::string_view(answer_.allowed.data(), answer_.allowed.size()));
        response_->keep_alive(keep_alive);
        response_->body() = {body.data(), body.size()};
        response_->prepare_payload();
        if (is_head_)
            response_->body() = {}; // its length has been said
        http::async_write(stream_, *response_, [self = shared_from_this(), keep_alive](error_code error, std::size_t) {
            if (error)
                return;
            self->body_ = std::move(self->parser_->get().body());
            if (keep_alive)
                self->read();
            else
                self->linger();
        });
    }

    void linger() {
        error_code ignored; // the client may have left already
        stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
        stream_.expires_after(LINGER);
        forget();
    }

    void forget() {
        stream_.async_read_some(asio::buffer(rest_), [self = shared_from_this()](error_code error, std::size_t) {
            if (!error)
                self->forget();
        });
    }

    beast::tcp_stream stream_;
    App &app_;
    asio::steady_timer timer_;
    beast::flat_buffer buffer_;
    std::optional<http::request_parser<http::string_body>> parser_;
    std::optional<http::response<http::span_body<const char>>> response_;
    Answer answer_;
    bool is_head_ = false;
    std::string body_;
    std::array<char, 4096> rest_;
};

// A thread's event loop and routes.
struct Worker {
    explicit Worker(const Dataset &data) : app(data) {}
    asio::io_context context{1};
    asio::executor_work_guard<asio::io_context::executor_type> guard{context.get_executor()};
    App app;
};

void accept(tcp::acceptor &acceptor, std::deque<Worker> &workers, std::size_t next) {
    Worker &worker = workers[next];
    acceptor.async_accept(worker.context, [&, next](error_code error, tcp::socket socket) {
        if (!error) {
            socket.set_option(tcp::no_delay(true));
            auto session = std::make_shared<Session>(std::move(socket), worker.app);
            asio::post(worker.context, [session] { session->read(); });
        } else if (error == asio::error::operation_aborted) {
            return;
        }
        accept(acceptor, workers, (next + 1) % workers.size());
    });
}

void serve(const std::string &host, unsigned short port, std::size_t threads, const Dataset &data) {
    std::deque<Worker> workers;
    while (workers.size() < threads)
        workers.emplace_back(data);
    tcp::acceptor acceptor(workers.front().context, tcp::endpoint(asio::ip::make_address(host), port));
    accept(acceptor, workers, 0);

    asio::signal_set signals(workers.front().context, SIGTERM, SIGINT);
    signals.async_wait([&](error_code, int) {
        for (Worker &worker : workers)
            worker.context.stop();
    });
    std::vector<std::jthread> others;
    for (std::size_t i = 1; i < threads; i++)
        others.emplace_back([&worker = workers[i]] { worker.context.run(); });
    workers.front().context.run();
}

} // namespace

int main(int argc, char **argv) {
    if (argc != 5) {
        std::fprintf(stderr, "usage: %s HOST PORT THREADS DATASET\n", argv[0]);
        return EXIT_FAILURE;
    }
    try {
        const Dataset data = load_dataset(argv[4]);
        serve(argv[1], static_cast<unsigned short>(std::stoul(argv[2])), std::stoul(argv[3]), data);
    } catch (const std::exception &error) {
        std::fprintf(stderr, "%s\n", error.what());
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
