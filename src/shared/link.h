/* The link between the master and a worker: a non-blocking SOCK_SEQPACKET pair. One byte is a message, which may bring a descriptor
 * with it. Its end-of-file means: the other is dead. */
#ifndef RESTMARK_SHARED_LINK_H
#define RESTMARK_SHARED_LINK_H

/* Raise it when a master and a worker of before and after a change do not understand each other: an upgrade without a restart is refused
 * then. */
#define LINK_VERSION 1

/* Whoever has the other end may send anything: link_receive() takes nothing for a message that is none, and keeps no descriptor that it does
 * not return. Which messages make sense, and how many, is for the receiver to say (act/hearing.h). */
enum link_message {
        LINK_READY = 'R',  /* worker: I serve; on probation: I serve the private connection */
        LINK_ACCEPT = 'A', /* master: your probation is over, take connections */
        LINK_RETIRE = 'D', /* master: another has your listeners; take no more from them, serve what you have, then exit */
        LINK_REOPEN = 'L', /* master: this descriptor is the access log from now on */
        LINK_CONNECTION = 'C', /* master, with a descriptor: you have accepted this connection (another slot's queue held it) */
        LINK_CALLER = 'P', /* the same of a connection to the RPC port */
        LINK_STOP = 'S',   /* master: nobody can connect any more; serve what waits and what you have, then say so */
        LINK_DONE = 'N',   /* worker, told to stop: I have nothing left to serve */
        LINK_LEAVE = 'X',  /* master: nor have I for you; exit */
};

/* `passed_fd`: a descriptor that the other side gets a copy of, or -1; it stays the caller's. Never blocks. Returns 0 or a negative
 * errno value: -EAGAIN when the other does not keep up, -EPIPE when it is gone. */
int link_send(int link, enum link_message message, int passed_fd);

/* Takes one message. *ret_fd is the descriptor that came with it (close-on-exec; the caller's from now on), or -1, as it is whenever this
 * returns anything but 1. Returns 1 for a message, 0 at the end (an empty packet is one, too), else a negative errno value: -EAGAIN when
 * nothing waits; -EPROTO for what is no message: an unknown one, a longer one, one with several descriptors. A descriptor that could not
 * be taken over, as this process has as many as it may have, is -EMFILE; its message is used up. */
int link_receive(int link, enum link_message *ret, int *ret_fd);

#endif
