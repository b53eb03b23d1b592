#include "act/queue.h"

#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "shared/scoreboard.h"

static void refresh(struct restmark_queue_cell *cell, int fd) {
        uint32_t memory[SK_MEMINFO_VARS] = { 0 };
        socklen_t info_size = sizeof(struct tcp_info), memory_size = sizeof memory;
        struct tcp_info info = { 0 };

        if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &info_size) < 0 ||
            getsockopt(fd, SOL_SOCKET, SO_MEMINFO, memory, &memory_size) < 0) {
                cell_set(&cell->limit, 0);
                return;
        }
        /* Of a listening socket the kernel reports the queue in the fields of unacknowledged and selectively acknowledged segments. */
        cell_set(&cell->waiting, info.tcpi_unacked);
        cell_set(&cell->limit, info.tcpi_sacked);
        cell_set(&cell->drops, memory[SK_MEMINFO_DROPS]);
}

void queue_refresh(struct restmark_scoreboard *board, const struct listeners *listeners) {
        for (uint32_t i = 0; i < board->n_slots_used; i++)
                for (uint32_t a = 0; a < board->n_listen; a++)
                        if (i < listeners->n_slots && (i == 0 || !listeners->shared))
                                refresh(&board->slots[i].slot.queues[a], listeners_of(listeners, i)[a]);
                        else
                                cell_set(&board->slots[i].slot.queues[a].limit, 0);
}
