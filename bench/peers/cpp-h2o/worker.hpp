// One thread's event loop.
#pragma once

#include "../cpp-beast/app.hpp"

// Accepts connections of the listening socket, and answers their requests for ever. The data has to outlive the process's threads.
void run_worker(int listener, const Dataset &data);
