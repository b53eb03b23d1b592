/* The frame of `top` for programs. Pure: it writes text. */
#ifndef RESTMARK_CTL_TOP_JSON_H
#define RESTMARK_CTL_TOP_JSON_H

#include <stdio.h>

#include "ctl/top_model.h"

/* One JSON object on one line. */
void top_json_write(const struct top_frame *frame, FILE *to);

#endif
