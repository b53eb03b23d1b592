#include "worker.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include <h2o.h>

#include "timers.hpp"

namespace {

constexpr std::size_t MAX_BODY_BYTES = 1 << 20;
constexpr std::uint64_t KEEP_ALIVE_MS = 75'000; // the default of 10 s would close connections between two measurements

// What a thread has. A request's handler finds it by the thread that it runs in.
struct Worker {
    explicit Worker(const Dataset &data) : app(data), loop(h2o_evloop_create()), timers(loop) {}

    App app;
    h2o_loop_t *loop;
    Timers timers;
    h2o_globalconf_t config{};
    h2o_context_t context{};
    h2o_accept_ctx_t accept{};
    Answer answer; // its memory is used again
    std::string body;
};

thread_local Worker *worker = nullptr;

std::string_view view(h2o_iovec_t bytes) { return {bytes.base, bytes.len}; }

Method method_of(std::string_view name) {
    if (name == "GET" || name == "HEAD")
        return Method::get;
    return name == "POST" ? Method::post : Method::other;
}

const char *reason(unsigned status) {
    switch (status) {
    case 200:
        return "OK";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 422:
        return "Unprocessable Content";
    default:
        return "Bad Request";
    }
}

// Sends bytes that live until they are sent.
void send(h2o_req_t *request, h2o_iovec_t body) {
    static h2o_generator_t nothing_follows{};
    const bool is_head = view(request->method) == "HEAD";
    h2o_start_response(request, &nothing_follows);
    h2o_send(request, &body, is_head ? 0 : 1, H2O_SEND_STATE_FINAL);
}

// A request that waits; it lies in the request's memory, which ends with the request.
struct Waiting {
    Timer timer; // the first member: the timer calls back with its address
    h2o_req_t *request;
    h2o_iovec_t body;
};

void send_after(h2o_req_t *request, h2o_iovec_t body, std::chrono::milliseconds wait) {
    auto *waiting = static_cast<Waiting *>(
        h2o_mem_alloc_shared(&request->pool, sizeof(Waiting), [](void *ended) { Timers::give_up(static_cast<Waiting *>(ended)->timer); }));
    waiting->request = request;
    waiting->body = body;
    worker->timers.start(waiting->timer, wait, [](Timer *timer) {
        auto *done = reinterpret_cast<Waiting *>(timer);
        send(done->request, done->body);
    });
}

int on_request(h2o_handler_t *, h2o_req_t *request) {
    const std::string_view target = view(request->path);
    const std::size_t question = std::min(request->query_at, target.size());
    worker->body.assign(request->entity.base, request->entity.len); // simdjson needs room behind it
    Answer &answer = worker->answer;
    worker->app.answer({method_of(view(request->method)), target.substr(0, question), target.substr(std::min(question + 1, target.size())), worker->body}, answer);

    request->res.status = static_cast<int>(answer.status);
    request->res.reason = reason(answer.status);
    h2o_add_header(&request->pool, &request->res.headers, H2O_TOKEN_CONTENT_TYPE, nullptr, answer.type.data(), answer.type.size());
    if (!answer.allowed.empty())
        h2o_add_header_by_str(&request->pool, &request->res.headers, H2O_STRLIT("allow"), 0, nullptr, answer.allowed.data(), answer.allowed.size());
    // The answer's own text is used again by the next one, before a large one may have been sent.
    const h2o_iovec_t body = answer.view.empty() ? h2o_strdup(&request->pool, answer.body.data(), answer.body.size())
                                                 : h2o_iovec_init(answer.view.data(), answer.view.size());
    request->res.content_length = body.len;
    if (answer.wait.count() > 0)
        send_after(request, body, answer.wait);
    else
        send(request, body);
    return 0;
}

// One connection for each time the socket is ready, so that other threads get some.
void on_connection(h2o_socket_t *listener, const char *error) {
    if (error != nullptr)
        return;
    if (h2o_socket_t *accepted = h2o_evloop_socket_accept(listener); accepted != nullptr)
        h2o_accept(&worker->accept, accepted);
}

void configure(h2o_globalconf_t &config) {
    h2o_config_init(&config);
    config.max_request_entity_size = MAX_BODY_BYTES;
    config.http1.req_timeout = KEEP_ALIVE_MS;
    config.http1.upgrade_to_http2 = 0;
    h2o_hostconf_t *host = h2o_config_register_host(&config, h2o_iovec_init(H2O_STRLIT("default")), std::numeric_limits<std::uint16_t>::max());
    h2o_pathconf_t *everything = h2o_config_register_path(host, "/", 0);
    h2o_create_handler(everything, sizeof(h2o_handler_t))->on_req = on_request;
}

} // namespace

void run_worker(int listener, const Dataset &data) {
    Worker own(data);
    worker = &own;
    configure(own.config);
    h2o_context_init(&own.context, own.loop, &own.config);
    own.accept.ctx = &own.context;
    own.accept.hosts = own.config.hosts;
    h2o_socket_t *socket = h2o_evloop_socket_create(own.loop, listener, H2O_SOCKET_FLAG_DONT_READ);
    h2o_socket_read_start(socket, on_connection);
    while (h2o_evloop_run(own.loop, std::numeric_limits<std::int32_t>::max()) == 0)
        own.timers.tidy();
}
