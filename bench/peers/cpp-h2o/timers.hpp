// Waiting for a number of milliseconds. libh2o has one list for each length of time, all of which its loop looks at in each turn: lists are made when
// they are needed and given up when they are empty.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>

#include <h2o.h>

class Timers;

// One wait. It may be given up at any time.
struct Timer {
    h2o_timeout_entry_t entry; // the first member: libh2o calls back with its address
    Timers *timers;
    std::chrono::steady_clock::time_point end;
    void (*done)(Timer *);
};

class Timers {
  public:
    explicit Timers(h2o_loop_t *loop) : loop_(loop) {}

    // Calls timer.done when so much time is over, never before. The timer stays where it is until then.
    void start(Timer &timer, std::chrono::milliseconds wait, void (*done)(Timer *));

    static void give_up(Timer &timer);

    // Gives up lists that nothing waits in. To be called between two turns of the loop, which goes through the lists in a turn.
    void tidy();

  private:
    static void on_time(h2o_timeout_entry_t *entry);
    void link(Timer &timer);

    h2o_loop_t *loop_;
    std::unordered_map<std::uint64_t, std::unique_ptr<h2o_timeout_t>> lists_; // by milliseconds
};
