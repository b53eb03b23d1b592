/* Dead workers are collected. */
#ifndef RESTMARK_ACT_COLLECT_H
#define RESTMARK_ACT_COLLECT_H

struct act;

/* Reports the workers that are dead: READY, if that had stood unread, and EXITED, with what they had done. */
void processes_collect(struct act *act);

#endif
