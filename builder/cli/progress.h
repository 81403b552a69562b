/* SPDX-License-Identifier: Apache-2.0 */
/*
 * progress.h: how far a build is: one line on a terminal, or JSON lines for programs, on standard
 * error. Nothing when neither is wanted.
 */
#ifndef KITH_BUILDER_PROGRESS_H
#define KITH_BUILDER_PROGRESS_H

#include "core/build.h"

enum progress_mode { PROGRESS_NONE, PROGRESS_LINE, PROGRESS_JSON };

struct progress {
	enum progress_mode mode;
	bool messages;       /* messages are shown */
	const char *phase;   /* at hand */
	uint64_t start_ms;   /* when it began */
	uint64_t start_done; /* where it began */
	bool shown;          /* a line is on the terminal */
};

void progress_show(struct progress *progress, const struct kith_progress *at);
void progress_message(struct progress *progress, const char *text);
/* Wipes the line, so that other text can follow. */
void progress_wipe(struct progress *progress);

#endif
