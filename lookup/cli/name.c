/* SPDX-License-Identifier: Apache-2.0 */
/*
 * name.c: kith name. Which files have this name? There is no index from names to files, so the
 * name's rank is found by binary search and the file tables are read once, merged over all sets, by
 * several threads, each a range of keys; the output is in the order of the keys all the same.
 */
#define _POSIX_C_SOURCE 200809L
#include <string.h>
#include <unistd.h>

#include "answer/merged.h"
#include "base/hex.h"
#include "base/limits.h"
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

#define NO_NAME UINT32_MAX

struct search {
	const struct kith_sets *sets;
	uint32_t ranks[KITH_LIMIT_SETS]; /* of the name in each set; NO_NAME: it has none such */
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
	enum kith_status st;

	if (rank == NO_NAME)
		return KITH_END;
	st = kith_occurrences(file, &iter);
	if (st < 0)
		return st;
	while ((st = kith_occurrence_next(&iter, &occ)) == KITH_OK) {
		if (occ.name == rank)
			return KITH_OK;
	}
	return st;
}

/* Has the file of these records the name in any set? KITH_OK, KITH_END: no. */
static enum kith_status any_has_name(const struct search *search, struct kith_asker *asker,
				     const struct kith_record *records, size_t n)
{
	enum kith_status st = KITH_END;
	struct kith_facts facts;
	size_t i;

	if (search->sets->n > 1) { /* another set may know it by SHA-1 only, or its SHA-256 */
		enum kith_status asked = kith_ask_group(asker, records, n, &facts);

		if (asked != KITH_OK || facts.n_contents == 0)
			return asked < 0 ? asked : KITH_END;
		records = facts.contents->records;
		n = facts.contents->n_records;
	}
	for (i = 0; i < n && st == KITH_END; i++)
		st = has_name(&records[i].file, search->ranks[records[i].set]);
	return st;
}

static enum kith_status search_range(struct search *search, struct job *job)
{
	const uint8_t first = (uint8_t)job->range;
	const struct kith_record *records;
	struct kith_merged *merged = NULL;
	struct kith_asker *asker = NULL;
	enum kith_status st = kith_asker_open(search->sets->sets, search->sets->n, &asker, NULL);
	size_t n;

	if (st == KITH_OK)
		st = kith_merged_open(asker, job->table, &first, &merged, NULL);
	while (st == KITH_OK && (st = kith_merged_next(merged, &records, &n)) == KITH_OK) {
		st = any_has_name(search, asker, records, n);
		if (st == KITH_OK) {
			job->n_found++;
			if (!add_line(&job->out, &records->file, search->name))
				st = KITH_E_NOMEM;
		}
		if (st == KITH_END)
			st = KITH_OK;
	}
	kith_merged_close(merged);
	kith_asker_close(asker);
	return st < 0 ? st : KITH_OK;
}

static void work(void *arg, unsigned thread, uint64_t turn, void *user)
{
	struct job *job = arg;

	(void)thread;
	(void)turn;
	job->out.n = 0;
	job->n_found = 0;
	job->status = search_range(user, job);
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

/* Returns the exit status. */
static int find(const struct kith_sets *sets, const char *name, struct kith_out *out)
{
	struct search search = {.sets = sets, .name = name, .out = out};
	enum kith_status st = KITH_OK;
	bool any = false;
	size_t i;

	for (i = 0; i < sets->n; i++) {
		kith_reader *reader = NULL;

		search.ranks[i] = NO_NAME;
		st = kith_reader_open(sets->sets[i], &reader, NULL);
		if (st == KITH_OK) {
			st = kith_name_find(reader, name, strlen(name), &search.ranks[i]);
			kith_reader_close(reader);
		}
		if (st < 0)
			return kith_cli_set_fault(sets->paths[i], st, NULL);
		any = any || st == KITH_OK;
	}
	st = any ? scan(&search) : KITH_OK;
	if (st < 0)
		return kith_cli_set_fault(sets->n == 1 ? sets->paths[0] : NULL, st, NULL);
	if (search.n_found > 0)
		return KITH_EXIT_OK;
	kith_cli_say("no file is named '%s'", name);
	return KITH_EXIT_UNKNOWN;
}

static int run(int argc, char **argv)
{
	struct kith_sets sets;
	struct kith_out out;
	int first, status, i;

	if (!kith_cli_parse(&command, argc, argv, &first, &status))
		return status;
	if (first == argc) {
		kith_cli_say("a name is missing, see 'kith name --help'");
		return KITH_EXIT_USAGE;
	}
	kith_out_init(&out, STDOUT_FILENO);
	status = kith_sets_open(&sets, &options.sets);
	for (i = first; i < argc && status < KITH_EXIT_USAGE; i++) {
		int found = find(&sets, argv[i], &out);

		status = found > status ? found : status;
	}
	kith_sets_close(&sets);
	return kith_cli_end(&out, status);
}

const struct kith_cli kith_cli_name = {"name", &command, run};
