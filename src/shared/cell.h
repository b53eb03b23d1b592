/* The memory of one worker's cell, and how the master reads it: as the words of a stranger.
 *
 * A worker serves whatever the network sends, so one day it may run somebody else's code. What such a worker can do to the master by way of
 * shared memory:
 * - Its cell is a memory file of its own. No mapping of another file can be grown or moved into it (mremap(), remap_file_pages()), as would be
 *   possible between pages of one file. The file is sealed, so that nobody can cut it under the master, whose next look would be a SIGBUS.
 * - The worker has neither the scoreboard nor the cells of others in its memory: the master's mappings are not passed on by fork
 *   (MADV_DONTFORK), and their descriptors are closed before it serves (worker/settle.c). There is nothing that mprotect() could open up.
 * - Each worker gets a new cell, so that a process that outlives a worker cannot write into that of its successor.
 * - The master can only read a cell. It takes a snapshot and believes all of it or nothing (cell_take()). Nothing read from a cell is an index,
 *   a length or a pointer anywhere behind that, but for what has been checked here.
 *
 * What is not promised: a worker can lie about itself within these bounds. It has its slot's listening sockets, and can shut them down, or
 * change the flags that it has in common with the master, who looks at them before each accept4() but cannot lock them. It can do to other processes of its user what that user may:
 * /proc/PID/mem of another worker, unless kernel.yama.ptrace_scope forbids it, and of a master that runs as the same user. So the master is
 * protected from its workers where [server] user gives them another one. A worker that runs as root is not held back by anything here. */
#ifndef RESTMARK_SHARED_CELL_H
#define RESTMARK_SHARED_CELL_H

#include <restmark/scoreboard.h>
#include <stdbool.h>

#include "base/error.h"

enum {
        CELL_CONNECTIONS_MAX = 1 << 20, /* open at the same time: more than [limits] max-connections allows */
        CELL_AHEAD_MS = 1000,           /* how far a time may lie behind the moment at which the master has looked at its clock */
};

/* More of anything no worker can have counted: at ten million a second it would take a year. Of bytes and nanoseconds it may have more, as
 * many requests may last at the same time. */
#define CELL_COUNT_MAX (UINT64_C(1) << 48)
#define CELL_SUM_MAX (UINT64_C(1) << 60)

/* The master's side. */
struct cell_memory {
        int fd;                                  /* close-on-exec; -1: none, and then `live` is NULL */
        const struct restmark_worker_cell *live; /* what the worker writes */
};

#define CELL_MEMORY_NONE ((struct cell_memory){ .fd = -1 })

/* Makes an empty cell for a worker that is about to be forked. */
int cell_memory_new(struct cell_memory *ret, struct error *e);

/* The one that another program in this process has made. Refuses, with a sentence, what is none. `fd` is taken over on success only. */
int cell_memory_adopt(int fd, struct cell_memory *ret, struct error *e);

/* The worker will never be looked at again. Returns CELL_MEMORY_NONE. */
struct cell_memory cell_memory_free(struct cell_memory memory);

/* In the worker, right after the fork: its own cell, to write to. NULL with errno. The descriptor is to be closed. */
struct restmark_worker_cell *cell_memory_open(const struct cell_memory *memory);

/* Brings the master's copy up to date. Returns false, and changes nothing, if that cannot be what an honest worker has written:
 * numbers that have shrunk or are beyond all bounds, times to come, a route or a depth of stack that does not exist. */
bool cell_take(struct restmark_worker_cell *copy, const struct restmark_worker_cell *live, uint64_t now_ms);

/* The same for `connections`, `taken_over` and `beat_ms` alone, which costs next to nothing. */
bool cell_take_pulse(struct restmark_worker_cell *copy, const struct restmark_worker_cell *live, uint64_t now_ms);

#endif
