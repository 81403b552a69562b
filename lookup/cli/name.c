/* SPDX-License-Identifier: Apache-2.0 */
/*
 * name.c: kith name. Which files have this name? There is no index from names to files, so the
 * name's rank is found by binary search and the file table is read once, by several threads, each a
 * range of keys; the output is in the order of the keys all the same.
 */
#define _POSIX_C_SOURCE 200809L
#include <string.h>
#include <unistd.h>

#include "base/hex.h"
#include "cli/cli.h"
#include "cli/pool.h"

static struct options {
	struct kith_opt_list sets;
} options;

static const struct kith_opt opts[] = {KITH_CLI_SET_OPTION};

static const struct kith_command command = {
    .name = "kith name",
    .usage = "[OPTION]... NAME...",
    .summary = "list the files that were seen under a name",
    .opts = opts,
    .n_opts = sizeof opts / sizeof *opts,
    .details =
	"Prints `HASH  NAME` for each file, as sha256sum does and as 'kith lookup -f' reads; a "
	"file "
	"whose SHA-256 no source knows has its SHA-1. The name must be the whole name, in the same "
	"case, without its folder.\n"
	"\n"
	"Exit status: 0 found, 1 at least one name was not found, 2 usage, 3 a set is missing or "
	"damaged.",
};

#define RANGES 256u /* by the first byte of the key */

struct job {
	unsigned range;
	enum kith_table table;
	struct kith_buf out;
	uint64_t n_found;
	enum kith_status status;
};

struct search {
	kith_set *set;
	uint32_t rank;
	const char *name;
	struct kith_out *out;
	uint64_t n_found;
	enum kith_status status;
};

/* sha256sum's line; a name with a line break or a backslash has them escaped, and says so first. */
static bool add_line(struct kith_buf *out, const struct kith_file *file, const char *name)
{
	bool escape = strpbrk(name, "\\\n\r") != NULL;
	size_t n = file->sha256 != NULL ? KITH_SHA256_SIZE : KITH_SHA1_SIZE;
	char hex[2 * KITH_SHA256_SIZE];

	if (escape)
		(void)kith_buf_add_byte(out, '\\');
	(void)kith_hex_encode(file->sha256 != NULL ? file->sha256 : file->sha1, n, hex);
	(void)kith_buf_add(out, hex, 2 * n);
	(void)kith_buf_add_str(out, "  ");
	for (; *name != '\0'; name++) {
		if (*name == '\\')
			(void)kith_buf_add_str(out, "\\\\");
		else if (*name == '\n')
			(void)kith_buf_add_str(out, "\\n");
		else if (*name == '\r')
			(void)kith_buf_add_str(out, "\\r");
		else
			(void)kith_buf_add_byte(out, (uint8_t)*name);
	}
	return kith_buf_add_byte(out, '\n') && !out->failed;
}

static enum kith_status has_name(const struct kith_file *file, uint32_t rank)
{
	struct kith_occurrence occ;
	struct kith_file_iter iter;
	enum kith_status st = kith_occurrences(file, &iter);

	if (st < 0)
		return st;
	while ((st = kith_occurrence_next(&iter, &occ)) == KITH_OK) {
		if (occ.name == rank)
			return KITH_OK;
	}
	return st;
}

static void work(void *arg, unsigned thread, uint64_t turn, void *user)
{
	struct search *search = user;
	struct job *job = arg;
	const uint8_t from = (uint8_t)job->range;
	kith_reader *reader = NULL;
	kith_cursor *cursor = NULL;
	struct kith_file file;
	enum kith_status st = kith_reader_open(search->set, &reader, NULL);

	(void)thread;
	(void)turn;
	job->out.n = 0;
	job->n_found = 0;
	if (st == KITH_OK)
		st = kith_cursor_open(reader, job->table, &from, 1, &cursor, NULL);
	while (st == KITH_OK) {
		const uint8_t *key;

		st = kith_cursor_next(cursor, &file);
		if (st != KITH_OK)
			break;
		key = file.sha256 != NULL ? file.sha256 : file.sha1;
		if (key[0] != from)
			break;
		st = has_name(&file, search->rank);
		if (st == KITH_OK) {
			job->n_found++;
			if (!add_line(&job->out, &file, search->name))
				st = KITH_E_NOMEM;
		}
		if (st == KITH_END)
			st = KITH_OK;
	}
	job->status = st < 0 ? st : KITH_OK;
	kith_cursor_close(cursor);
	if (reader != NULL)
		kith_reader_close(reader);
}

static bool deliver(void *arg, void *user)
{
	struct search *search = user;
	struct job *job = arg;

	search->n_found += job->n_found;
	if (job->status != KITH_OK) {
		search->status = job->status;
		return false;
	}
	return job->out.n == 0 || kith_out_write(search->out, job->out.data, job->out.n);
}

static void job_done(void *arg)
{
	struct job *job = arg;

	kith_buf_done(&job->out);
}

static const struct kith_pool_ops pool_ops = {sizeof(struct job), work, deliver, job_done};

static enum kith_status scan(struct search *search)
{
	static const enum kith_table tables[] = {KITH_TABLE_FILE, KITH_TABLE_SHA1_ONLY};
	struct kith_pool *pool = kith_pool_new(kith_pool_cores(), &pool_ops, search);
	size_t t;
	unsigned r;

	if (pool == NULL)
		return KITH_E_NOMEM;
	for (t = 0; t < 2; t++) {
		for (r = 0; r < RANGES; r++) {
			struct job *job = kith_pool_take(pool);

			if (job == NULL)
				break;
			job->range = r;
			job->table = tables[t];
			kith_pool_submit(pool);
		}
	}
	kith_pool_finish(pool);
	return search->status;
}

static enum kith_status find(kith_set *set, const char *name, struct kith_out *out,
			     uint64_t *n_found)
{
	struct search search = {.set = set, .name = name, .out = out};
	kith_reader *reader = NULL;
	enum kith_status st = kith_reader_open(set, &reader, NULL);

	if (st != KITH_OK)
		return st;
	st = kith_name_find(reader, name, strlen(name), &search.rank);
	kith_reader_close(reader);
	if (st != KITH_OK)
		return st == KITH_NOT_FOUND ? KITH_OK : st;
	st = scan(&search);
	*n_found += search.n_found;
	return st;
}

static int run(int argc, char **argv)
{
	struct kith_sets sets;
	struct kith_out out;
	int first, status, i;
	size_t k;

	if (!kith_cli_parse(&command, argc, argv, &first, &status))
		return status;
	if (first == argc) {
		kith_cli_say("a name is missing, see 'kith name --help'");
		return KITH_EXIT_USAGE;
	}
	kith_out_init(&out, STDOUT_FILENO);
	status = kith_sets_open(&sets, &options.sets);
	for (i = first; i < argc && status < KITH_EXIT_USAGE; i++) {
		uint64_t n_found = 0;

		for (k = 0; k < sets.n && status < KITH_EXIT_USAGE; k++) {
			enum kith_status st = find(sets.sets[k], argv[i], &out, &n_found);

			if (st != KITH_OK)
				status = kith_cli_set_fault(sets.paths[k], st, NULL);
		}
		if (n_found == 0 && status < KITH_EXIT_USAGE) {
			kith_cli_say("no file is named '%s'", argv[i]);
			status = KITH_EXIT_UNKNOWN;
		}
	}
	kith_sets_close(&sets);
	return kith_cli_end(&out, status);
}

const struct kith_cli kith_cli_name = {"name", &command, run};
