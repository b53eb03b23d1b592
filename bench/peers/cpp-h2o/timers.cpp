#include "timers.hpp"

#include <algorithm>

void Timers::start(Timer &timer, std::chrono::milliseconds wait, void (*done)(Timer *)) {
    timer.entry = {};
    timer.entry.cb = on_time;
    timer.timers = this;
    timer.end = std::chrono::steady_clock::now() + wait;
    timer.done = done;
    link(timer);
}

void Timers::give_up(Timer &timer) {
    if (h2o_timeout_is_linked(&timer.entry))
        h2o_timeout_unlink(&timer.entry);
}

void Timers::tidy() {
    std::erase_if(lists_, [this](auto &item) {
        if (!h2o_linklist_is_empty(&item.second->_entries))
            return false;
        h2o_timeout_dispose(loop_, item.second.get());
        return true;
    });
}

// The loop counts whole milliseconds from when it last looked at the clock, so that it may be early.
void Timers::on_time(h2o_timeout_entry_t *entry) {
    auto *timer = reinterpret_cast<Timer *>(entry);
    if (std::chrono::steady_clock::now() < timer->end)
        timer->timers->link(*timer);
    else
        timer->done(timer);
}

void Timers::link(Timer &timer) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(timer.end - std::chrono::steady_clock::now());
    const auto ms = static_cast<std::uint64_t>(std::max<std::int64_t>(left.count(), 1));
    auto &list = lists_[ms];
    if (list == nullptr) {
        list = std::make_unique<h2o_timeout_t>();
        h2o_timeout_init(loop_, list.get(), ms);
    }
    h2o_timeout_link(loop_, list.get(), &timer.entry);
}
