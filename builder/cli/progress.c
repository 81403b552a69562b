/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/out.h"
#include "cli.h"

/* Below this the rate says nothing. */
#define RATE_AFTER_MS 500u

static uint64_t now_ms(void)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_MONOTONIC, &ts) != 0)
		return 0;
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* 12345678 as "12.3 M"; small numbers as they are. */
static void put_count(char *text, size_t n, uint64_t v)
{
	static const char units[] = "kMGT";
	double x = (double)v;
	size_t i = 0;

	if (v < 10000) {
		(void)snprintf(text, n, "%" PRIu64, v);
		return;
	}
	x /= 1000;
	while (x >= 1000 && i + 2 < sizeof units) {
		x /= 1000;
		i++;
	}
	(void)snprintf(text, n, "%.1f %c", x, units[i]);
}

/* Seconds as "1:02:03" or "2:03". */
static void put_time(char *text, size_t n, uint64_t s)
{
	if (s >= 3600)
		(void)snprintf(text, n, "%" PRIu64 ":%02u:%02u", s / 3600, (unsigned)(s / 60 % 60),
			       (unsigned)(s % 60));
	else
		(void)snprintf(text, n, "%u:%02u", (unsigned)(s / 60), (unsigned)(s % 60));
}

static void show_line(struct progress *progress, const struct kith_progress *at, uint64_t rate,
		      uint64_t left_s)
{
	char done[32], total[32], speed[32], left[32], line[160];
	size_t n;

	put_count(done, sizeof done, at->done);
	put_count(total, sizeof total, at->total);
	put_count(speed, sizeof speed, rate);
	put_time(left, sizeof left, left_s);
	(void)snprintf(line, sizeof line, "%s: %s", at->phase, done);
	n = strlen(line);
	if (at->total > 0) {
		uint64_t part = at->done < at->total ? at->done : at->total;

		(void)snprintf(line + n, sizeof line - n, " of %s %s, %u%%", total, at->unit,
			       (unsigned)((double)part * 100 / (double)at->total));
	} else {
		(void)snprintf(line + n, sizeof line - n, " %s", at->unit);
	}
	n = strlen(line);
	if (rate > 0)
		(void)snprintf(line + n, sizeof line - n, ", %s/s", speed);
	n = strlen(line);
	if (rate > 0 && at->total > at->done)
		(void)snprintf(line + n, sizeof line - n, ", %s left", left);
	(void)fprintf(stderr, "\r%.79s\033[K", line);
	(void)fflush(stderr);
	progress->shown = true;
}

void progress_show(struct progress *progress, const struct kith_progress *at)
{
	uint64_t now, rate = 0, left_s = 0;

	if (progress->mode == PROGRESS_NONE)
		return;
	now = now_ms();
	if (progress->phase == NULL || strcmp(progress->phase, at->phase) != 0) {
		progress->phase = at->phase;
		progress->start_ms = now;
		progress->start_done = at->done;
	}
	if (now - progress->start_ms >= RATE_AFTER_MS && at->done > progress->start_done)
		rate = (at->done - progress->start_done) * 1000 / (now - progress->start_ms);
	if (rate > 0 && at->total > at->done)
		left_s = (at->total - at->done) / rate;
	if (progress->mode == PROGRESS_LINE) {
		show_line(progress, at, rate, left_s);
		return;
	}
	(void)fprintf(stderr, "{\"phase\":\"%s\",\"done\":%" PRIu64 ",\"total\":", at->phase,
		      at->done);
	if (at->total > 0)
		(void)fprintf(stderr, "%" PRIu64, at->total);
	else
		(void)fprintf(stderr, "null");
	(void)fprintf(stderr, ",\"unit\":\"%s\",\"rate\":%" PRIu64 ",\"left_s\":", at->unit, rate);
	if (rate > 0 && at->total > 0)
		(void)fprintf(stderr, "%" PRIu64 "}\n", left_s);
	else
		(void)fprintf(stderr, "null}\n");
}

void progress_message(struct progress *progress, const char *text)
{
	struct kith_buf buf = {0};

	if (!progress->messages)
		return;
	progress_wipe(progress);
	if (progress->mode == PROGRESS_JSON) {
		if (kith_escape_json(&buf, text, strlen(text), NULL))
			(void)fprintf(stderr, "{\"message\":\"%.*s\"}\n", (int)buf.n,
				      (const char *)buf.data);
	} else {
		build_say("%s", text);
	}
	kith_buf_done(&buf);
}

void progress_wipe(struct progress *progress)
{
	if (progress->shown)
		(void)fprintf(stderr, "\r\033[K");
	progress->shown = false;
}
