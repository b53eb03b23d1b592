// restmark's workloads by libh2o: W threads, each with an event loop of its own, that accept from one listening socket. What is answered is cpp-beast's.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fcntl.h>
#include <memory>
#include <netdb.h>
#include <stdexcept>
#include <string>
#include <system_error>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

#include "worker.hpp"

namespace {

constexpr int BACKLOG = 1024;

void check(int result, const std::string &what) {
    if (result < 0)
        throw std::system_error(errno, std::generic_category(), what);
}

// A listening socket that does not block: another thread may have been quicker to accept.
int listen_on(const std::string &host, const std::string &port) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
    addrinfo *found = nullptr;
    if (const int error = getaddrinfo(host.c_str(), port.c_str(), &hints, &found); error != 0)
        throw std::runtime_error(host + ":" + port + ": " + gai_strerror(error));
    const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> address(found, freeaddrinfo);
    const std::string where = host + ":" + port;
    const int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    check(fd, where);
    const int on = 1;
    check(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), where);
    check(bind(fd, address->ai_addr, address->ai_addrlen), where);
    check(listen(fd, BACKLOG), where);
    return fd;
}

// Serves until a signal tells to stop. The threads have the signals blocked, as they inherit it.
void serve(int listener, std::size_t threads, const Dataset &data) {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
    for (std::size_t i = 0; i < threads; i++) {
        const int own = fcntl(listener, F_DUPFD_CLOEXEC, 0); // a loop closes what it has
        check(own, "the listening socket");
        std::thread([own, &data] { run_worker(own, data); }).detach();
    }
    int signal = 0;
    sigwait(&signals, &signal);
}

} // namespace

int main(int argc, char **argv) {
    if (argc != 5) {
        std::fprintf(stderr, "usage: %s HOST PORT THREADS DATASET\n", argv[0]);
        return EXIT_FAILURE;
    }
    try {
        // Never destroyed: the threads use it until the process ends.
        static const Dataset &data = *new Dataset(load_dataset(argv[4]));
        serve(listen_on(argv[1], argv[2]), std::stoul(argv[3]), data);
        std::_Exit(EXIT_SUCCESS);
    } catch (const std::exception &error) {
        std::fprintf(stderr, "%s\n", error.what());
        std::_Exit(EXIT_FAILURE);
    }
}
