/* SPDX-License-Identifier: Apache-2.0 */
/* walk_report.h: what a walk reports, as lines, and a folder with files for it. */
#ifndef KITH_TESTS_WALK_REPORT_H
#define KITH_TESTS_WALK_REPORT_H

#include <stddef.h>

#include "walk/walk.h"

extern char folder[256]; /* of this test */

struct report {
	char **lines;
	size_t n;
	size_t *of; /* the node of each line */
	char *chains[20000];
	size_t same[20000], parents[20000];
	size_t n_nodes;
	unsigned inputs_done;
	bool cancel;
};

/* Adds a line about a node; SIZE_MAX: about none. */
__attribute__((format(printf, 3, 4))) void add_line(struct report *r, size_t node, const char *fmt,
						    ...);
enum kith_status walk_paths(struct report *r, const struct kith_walk_options *from,
			    const char *const *paths, size_t n, struct kith_err *err);
void free_report(struct report *r);
/* Walks one path and expects no error. */
void walk_one(struct report *r, const struct kith_walk_options *options, const char *path);
size_t count_lines(const struct report *r, const char *begin);
void expect_line(const struct report *r, const char *begin);
void expect_no_line(const struct report *r, const char *begin);
int set_up(void **state);
int tear_down(void **state);
/* A path in the test's folder; four may be in use. */
const char *in_folder(const char *name);
const char *put_bytes(const char *name, const void *data, size_t n);
const char *put(const char *name, const char *text);

#endif
