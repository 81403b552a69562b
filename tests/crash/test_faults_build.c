/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A build over an old set, in which one thing fails: the first allocation, then the second, and so
 * on until none is left to fail; then the same with reads, writes, syncs, renames and opens.
 *
 *   test_faults_build alloc|io v2|v3 INPUT FOLDER [EACH]
 *
 * Of many thousand faults the first EACH are tried one by one, later ones at a growing distance.
 *
 * Whatever fails, the build must say so in words, the old set must be there, byte for byte, and no
 * temporary file may stay. A build that says it succeeded must have made the right set. The last
 * build, in which nothing failed, must be byte-identical to the first.
 */
#define _POSIX_C_SOURCE 200809L
#include <dirent.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "base/buf.h"
#include "base/io.h"
#include "base/limits.h"
#include "core/build.h"

#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			(void)fprintf(stderr, "%s:%d: %s (fault %lu, '%s')\n", __FILE__, __LINE__, \
				      #condition, current, last.msg);                              \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

#define EACH_DEFAULT 60ul

extern const struct kith_source_ops kith_source_nsrl_v2, kith_source_nsrl_v3;

static unsigned long current;
static const struct kith_source_ops *source;
static struct kith_err last;

/* --------------------------------------------------------------- io faults */

static atomic_ulong io_left;
static atomic_int io_failed;

static int io_fault(const char *call)
{
	unsigned long n = atomic_load(&io_left);

	while (n != 0) {
		if (!atomic_compare_exchange_weak(&io_left, &n, n - 1))
			continue;
		if (n != 1)
			return 0;
		atomic_store(&io_failed, 1);
		return strcmp(call, "write") == 0 ? ENOSPC : EIO;
	}
	return 0;
}

static void io_fail_at(unsigned long n)
{
	atomic_store(&io_failed, 0);
	atomic_store(&io_left, n);
}

/* ------------------------------------------------------------------- build */

static enum kith_status build(const char *input, const char *output)
{
	struct kith_build_options options = {
	    .output = output,
	    .memory = KITH_MEMORY_MIN,
	    .threads = 1,
	    .set_name = "test",
	    .source_date_epoch = -1,
	};
	struct kith_build_result result;
	struct kith_build *run = NULL;
	enum kith_status st;

	memset(&last, 0, sizeof last);
	st = kith_build_new(&options, &run, &last);
	if (st < 0)
		goto out;
	st = kith_build_add(run, source, input, &last);
	if (st < 0)
		goto out;
	st = kith_build_run(run, &result, &last);
out:
	kith_build_free(run);
	return st;
}

static void slurp(const char *path, struct kith_buf *buf)
{
	FILE *in = fopen(path, "rbe");
	uint8_t piece[4096];
	size_t n;

	MUST(in != NULL);
	while ((n = fread(piece, 1, sizeof piece, in)) > 0)
		MUST(kith_buf_add(buf, piece, n));
	MUST(fclose(in) == 0);
}

/* The folder holds the set and nothing else. */
static void folder_is_clean(const char *folder, const char *only)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;

	MUST(dir != NULL);
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.' &&
		    (entry->d_name[1] == '\0' || strcmp(entry->d_name, "..") == 0))
			continue;
		if (strcmp(entry->d_name, only) != 0) {
			(void)fprintf(stderr, "fault %lu left '%s' behind ('%s')\n", current,
				      entry->d_name, last.msg);
			exit(1);
		}
	}
	MUST(closedir(dir) == 0);
}

static void same_file(const char *path, const struct kith_buf *expected)
{
	struct kith_buf now = {0};

	slurp(path, &now);
	MUST(now.n == expected->n);
	MUST(memcmp(now.data, expected->data, now.n) == 0);
	kith_buf_done(&now);
}

static void put(const char *path, const struct kith_buf *content)
{
	FILE *out = fopen(path, "wbe");

	MUST(out != NULL);
	MUST(fwrite(content->data, 1, content->n, out) == content->n);
	MUST(fclose(out) == 0);
}

int main(int argc, char **argv)
{
	static const char old_text[] = "this stands for the old set";
	struct kith_buf good = {0}, old = {0};
	unsigned long n_failed = 0, step = 1, each;
	char output[4096];
	enum kith_status st;
	bool alloc, reached;

	if (argc < 5)
		return 2;
	each = argc > 5 ? strtoul(argv[5], NULL, 10) : EACH_DEFAULT;
	alloc = strcmp(argv[1], "alloc") == 0;
	source = strcmp(argv[2], "v2") == 0 ? &kith_source_nsrl_v2 : &kith_source_nsrl_v3;
	(void)mkdir(argv[4], 0777);
	if (snprintf(output, sizeof output, "%s/set.kith", argv[4]) >= (int)sizeof output)
		return 2;
	(void)unlink(output);
	folder_is_clean(argv[4], "set.kith");

	st = build(argv[3], output);
	MUST(st == KITH_OK);
	folder_is_clean(argv[4], "set.kith");
	slurp(output, &good);
	MUST(kith_buf_add(&old, old_text, sizeof old_text));
	put(output, &old);

	kith_io_fault = io_fault;
	for (current = 1;; current += step) {
		if (current > each)
			step += step / 6 + 1;
		if (alloc)
			alloc_fail_at(current);
		else
			io_fail_at(current);
		st = build(argv[3], output);
		reached = alloc ? alloc_failed() : atomic_load(&io_failed) != 0;
		alloc_fail_at(0);
		io_fail_at(0);

		folder_is_clean(argv[4], "set.kith");
		if (st < 0) {
			MUST(reached);
			MUST(last.status == st && last.msg[0] != '\0');
			MUST(strchr(last.msg, '\n') == NULL);
			if (alloc)
				MUST(st == KITH_E_NOMEM);
			n_failed++;
			/* A failing sync of the folder comes behind the rename: the new set is
			 * whole. */
			if (alloc || strstr(last.msg, "folder") == NULL)
				same_file(output, &old);
			else
				same_file(output, &good);
		} else {
			same_file(output, &good);
		}
		put(output, &old);
		if (!reached)
			break;
	}
	MUST(n_failed > 5); /* else next to nothing was made to fail */
	(void)printf("%lu builds failed as they must, of %lu faults\n", n_failed, current - 1);
	kith_buf_done(&good);
	kith_buf_done(&old);
	return 0;
}
