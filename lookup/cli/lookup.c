/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lookup.c: kith lookup. Hashes come from operands and lists; they are gathered into jobs, answered
 * by a pool of threads and written in order. Memory does not depend on the length of a list.
 */
#define _POSIX_C_SOURCE 200809L
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "answer/list.h"
#include "answer/render.h"
#include "base/io.h"
#include "base/limits.h"
#include "cli/cli.h"
#include "cli/pool.h"
#include "lib/set.h"

#define JOB_BYTES     ((size_t)1 << 20) /* of text in one job */
#define EARLY_BYTES   ((size_t)4 << 20) /* of output, behind which a job does not wait with it */
#define LONG_LINE     256u              /* bytes: most entries of most lists have fewer */
#define COMPLAINTS    10                /* bad entries of one list that are shown */
#define SHOWN_OF_LINE 60

static struct options {
	struct kith_opt_list sets, files;
	const char *format;
	uint64_t limit;
	bool known, unknown, exit_zero;
} options;

static const struct kith_opt opts[] = {
    KITH_CLI_SET_OPTION,
    {KITH_OPT_LIST, 'f', "file", &options.files, "FILE",
     "look up the hashes in this list; '-' is standard input; may be given several times"},
    {KITH_OPT_TEXT, 0, "format", &options.format, "FORMAT",
     "text (default), jsonl, csv, vt (VirusTotal API v3) or hashlookup (CIRCL)"},
    {KITH_OPT_FLAG, 'k', "known", &options.known, NULL,
     "print only the entries of the list that are known or trivial, each as it stands there"},
    {KITH_OPT_FLAG, 'u', "unknown", &options.unknown, NULL,
     "print only the entries of the list that are unknown, each as it stands there"},
    {KITH_OPT_NUMBER, 0, "limit", &options.limit, "N",
     "show at most N occurrences of a file, and say so (default 1000); 0 shows all"},
    {KITH_OPT_FLAG, 0, "exit-zero", &options.exit_zero, NULL,
     "exit with 0, not 1, when a hash is unknown"},
};

static const struct kith_command command = {
    .name = "kith lookup",
    .usage = "[OPTION]... [HASH]...",
    .summary = "look hashes up: names, products, distributors and sources",
    .opts = opts,
    .n_opts = sizeof opts / sizeof *opts,
    .details =
	"A HASH is a SHA-256, SHA-1 or MD5 in hex, told by its length. Without HASH and FILE the "
	"list is read from standard input, unless that is a terminal.\n"
	"\n"
	"Lists are recognised: one hash a line, sha256sum and its like, BSD tags, hashdeep, CSV "
	"with "
	"a head, NSRLFile.txt, JSON lines, bodyfile, DFXML. Where an entry has several hashes the "
	"strongest is looked up. An entry that cannot be read is reported, and the list goes on.\n"
	"\n"
	"Verdicts: known (a set has it), unknown, trivial (empty and the like: proves nothing), "
	"no-reference (no set has an index for that kind of hash, so nothing can be said). With -k "
	"and -u, entries without reference and those that cannot be read are never printed.\n"
	"\n"
	"Exit status: 0 all found, 1 at least one is unknown, 2 usage, unreadable input or no "
	"reference, 3 a set is missing or damaged.\n"
	"\n"
	"Examples:\n"
	"  kith lookup 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\n"
	"  sha256sum * | kith lookup -u\n"
	"  kith lookup -f hashes.txt --format jsonl | jq -r .verdict",
};

/* -------------------------------------------------------------------- job */

struct job {
	size_t n;
	struct kith_buf text;
	struct kith_buf out;
	uint64_t n_unknown, n_no_reference;
	enum kith_status status;
	/* Of the n queries. Not set beyond them, so that one hash touches few pages. */
	struct kith_query queries[KITH_ASK_BATCH];
	uint8_t bytes[KITH_ASK_BATCH][KITH_SHA256_SIZE];
	/* Texts of the queries and, with -k and -u, the entries, one after the other in `text`. */
	size_t text_at[KITH_ASK_BATCH], raw_at[KITH_ASK_BATCH], raw_n[KITH_ASK_BATCH];
};

static struct job *job_new(void)
{
	struct job *job = malloc(sizeof *job);

	if (job != NULL)
		memset(job, 0, offsetof(struct job, queries));
	return job;
}

struct lookup {
	struct kith_sets sets;
	const struct kith_renderer *renderer;
	bool filter;
	struct kith_asker *askers[KITH_POOL_THREADS + 1];
	struct kith_render renders[KITH_POOL_THREADS + 1];
	struct kith_pool *pool;
	struct kith_out out;
	/* Written by deliver, one job at a time. */
	uint64_t n_unknown, n_no_reference;
	enum kith_status status;
	bool open_line; /* -k, -u: what was written last had no line end */
	/* Of the caller. */
	struct job *job; /* being filled */
	bool first_job;
	uint64_t n_asked;
	int worst;
};

/* -k and -u: the entry as it stands in the list. */
static bool pass(struct lookup *lookup, struct job *job, size_t i, enum kith_verdict verdict)
{
	bool is_known = verdict == KITH_KNOWN || verdict == KITH_TRIVIAL;

	(void)lookup;
	if (verdict == KITH_NOT_INDEXED || is_known != options.known)
		return true;
	/* Only the last entry of a list can lack its line end; another list follows. */
	if (job->out.n > 0 && job->out.data[job->out.n - 1] != '\n' &&
	    !kith_buf_add_byte(&job->out, '\n'))
		return false;
	return kith_buf_add(&job->out, job->text.data + job->raw_at[i], job->raw_n[i]);
}

static bool write_out(struct lookup *lookup, struct kith_buf *buf)
{
	if (buf->n == 0)
		return !kith_out_failed(&lookup->out);
	if (lookup->open_line)
		(void)kith_out_text(&lookup->out, "\n");
	lookup->open_line = lookup->filter && buf->data[buf->n - 1] != '\n';
	(void)kith_out_write(&lookup->out, buf->data, buf->n);
	buf->n = 0;
	return !kith_out_failed(&lookup->out);
}

static void work(void *arg, unsigned thread, uint64_t turn, void *user)
{
	struct lookup *lookup = user;
	struct job *job = arg;
	struct kith_asker *asker = lookup->askers[thread];
	struct kith_facts facts;
	size_t i;

	job->n_unknown = job->n_no_reference = 0;
	job->out.n = 0;
	for (i = 0; i < job->n; i++) { /* only now, because jobs and texts move while they grow */
		job->queries[i].text = job->text.data + job->text_at[i];
		job->queries[i].bytes = job->bytes[i];
	}
	job->status = kith_ask_batch(asker, job->queries, job->n);
	for (i = 0; i < job->n && job->status == KITH_OK; i++) {
		enum kith_verdict verdict = kith_ask_verdict(asker, i);

		job->n_unknown += verdict == KITH_UNKNOWN;
		job->n_no_reference += verdict == KITH_NOT_INDEXED;
		if (lookup->filter) {
			if (!pass(lookup, job, i, verdict))
				job->status = KITH_E_NOMEM;
			continue;
		}
		job->status = kith_ask_facts(asker, i, &facts);
		if (job->status == KITH_OK)
			job->status = lookup->renderer->render(asker, &facts,
							       &lookup->renders[thread], &job->out);
		if (job->status != KITH_OK || job->out.n < EARLY_BYTES)
			continue;
		if (lookup->pool != NULL)
			kith_pool_wait_turn(lookup->pool, turn);
		if (lookup->status == KITH_OK)
			(void)write_out(lookup, &job->out);
		job->out.n = 0;
	}
}

static bool deliver(void *arg, void *user)
{
	struct lookup *lookup = user;
	struct job *job = arg;

	lookup->n_unknown += job->n_unknown;
	lookup->n_no_reference += job->n_no_reference;
	if (job->status != KITH_OK) {
		/* What came before is right; the answer that failed was not finished. */
		lookup->status = job->status;
		return false;
	}
	return write_out(lookup, &job->out);
}

static void job_done(void *arg)
{
	struct job *job = arg;

	kith_buf_done(&job->text);
	kith_buf_done(&job->out);
}

static const struct kith_pool_ops pool_ops = {sizeof(struct job), work, deliver, job_done};

/* ----------------------------------------------------------------- filling */

/* What n threads need; 0: the caller alone. */
static int open_threads(struct lookup *lookup, unsigned n)
{
	struct kith_err err = {.status = KITH_OK};
	unsigned i;

	for (i = 0; i < (n == 0 ? 1 : n); i++) {
		enum kith_status st;

		if (lookup->askers[i] != NULL)
			continue;
		st = kith_asker_open(lookup->sets.sets, lookup->sets.n, &lookup->askers[i], &err);
		if (st != KITH_OK)
			return kith_cli_set_fault(NULL, st, &err);
		lookup->renders[i].limit = options.limit;
	}
	return KITH_EXIT_OK;
}

/* The first job is filled without threads, because most calls have only a few hashes. With one job
 * there is no pool either: its jobs would be memory that is never used. */
static bool begin_pool(struct lookup *lookup, unsigned n_threads)
{
	int status = open_threads(lookup, n_threads);

	if (status == KITH_EXIT_OK && n_threads > 0) {
		lookup->pool = kith_pool_new(n_threads, &pool_ops, lookup);
		if (lookup->pool == NULL)
			status = kith_cli_set_fault(NULL, KITH_E_NOMEM, NULL);
	}
	lookup->worst = status > lookup->worst ? status : lookup->worst;
	return status == KITH_EXIT_OK;
}

static void expect(struct lookup *lookup, uint64_t n_more)
{
	size_t i;

	for (i = 0; i < lookup->sets.n; i++)
		kith_set_expect(lookup->sets.sets[i], lookup->n_asked + n_more);
}

/* Sends the job that is full and takes the next. False: stop. */
static bool flush(struct lookup *lookup, bool more)
{
	if (lookup->first_job && more) {
		/* There is more than one job: go on with threads, this job first. */
		struct job *first = lookup->job, *job;

		if (!begin_pool(lookup, kith_pool_cores())) {
			lookup->job = first;
			return false;
		}
		lookup->first_job = false;
		job = kith_pool_take(lookup->pool);
		if (job == NULL)
			return false;
		memcpy(job, first, sizeof *job);
		free(first);
		lookup->job = job;
	} else if (lookup->first_job) {
		lookup->first_job = false;
		if (!begin_pool(lookup, 0)) {
			lookup->first_job = true; /* so that the job is released */
			return false;
		}
		work(lookup->job, 0, 0, lookup);
		(void)deliver(lookup->job, lookup);
		job_done(lookup->job);
		free(lookup->job);
		lookup->job = NULL;
		return false;
	}
	lookup->n_asked += lookup->job->n;
	kith_pool_submit(lookup->pool);
	expect(lookup, 0);
	lookup->job = kith_pool_take(lookup->pool);
	if (lookup->job == NULL)
		return false;
	lookup->job->n = 0;
	lookup->job->text.n = 0;
	return true;
}

static bool add(struct lookup *lookup, const struct kith_entry *entry)
{
	struct job *job = lookup->job;
	struct kith_query *query;
	size_t i;

	if (job->n == KITH_ASK_BATCH || job->text.n >= JOB_BYTES) {
		if (!flush(lookup, true))
			return false;
		job = lookup->job;
	}
	i = job->n++;
	query = &job->queries[i];
	query->kind = entry->digest;
	memcpy(job->bytes[i], entry->bytes, KITH_SHA256_SIZE);
	query->text_n = entry->text_n;
	job->text_at[i] = job->text.n;
	(void)kith_buf_add(&job->text, entry->text, entry->text_n);
	job->raw_at[i] = job->text.n;
	job->raw_n[i] = entry->raw_n;
	if (lookup->filter)
		(void)kith_buf_add(&job->text, entry->raw, entry->raw_n);
	if (!job->text.failed)
		return true;
	lookup->worst = kith_cli_set_fault(NULL, KITH_E_NOMEM, NULL);
	return false;
}

static void fault(struct lookup *lookup, int status)
{
	if (status > lookup->worst)
		lookup->worst = status;
}

/* "list.txt:5: not a hash: 'foo'" */
static void complain(const char *path, const struct kith_entry *entry)
{
	struct kith_bytes shown = {entry->raw,
				   entry->raw_n < SHOWN_OF_LINE ? entry->raw_n : SHOWN_OF_LINE};
	struct kith_buf buf = {NULL, 0, 0, false};

	while (shown.n > 0 && (shown.data[shown.n - 1] == '\n' || shown.data[shown.n - 1] == '\r'))
		shown.n--;
	if (shown.n > 0)
		(void)kith_escape_text(&buf, shown.data, shown.n);
	if (buf.n > 0 && kith_buf_add_byte(&buf, '\0'))
		kith_cli_say("%s:%llu: %s: '%s%s'", path, (unsigned long long)entry->line,
			     entry->reason, (const char *)buf.data,
			     entry->raw_n > SHOWN_OF_LINE ? "..." : "");
	else
		kith_cli_say("%s:%llu: %s", path, (unsigned long long)entry->line, entry->reason);
	kith_buf_done(&buf);
}

/* Where hashes are looked for. */
static const char *const sought[] = {
    [KITH_LIST_PLAIN] =
	("of JSON lines the members sha256, sha1 and md5 are read, of the object "
	 "itself, 'hashes', 'hash', 'file.hash' or 'file.hashes'; of a bodyfile the "
	 "first field"),
    [KITH_LIST_HASHDEEP] = "the columns sha256, sha1 and md5 are read",
    [KITH_LIST_CSV] = "the columns sha256, sha1 and md5 are read",
    [KITH_LIST_NSRL] = "the columns SHA-1 and MD5 are read",
    [KITH_LIST_DFXML] = "of XML only DFXML is read: <hashdigest> in a <fileobject>",
};

static bool read_list(struct lookup *lookup, int fd, const char *path)
{
	struct kith_list_reader reader;
	struct kith_entry entry;
	struct kith_err err = {.status = KITH_OK};
	uint64_t n_bad = 0, n_nohash = 0, n_hashes = 0;
	enum kith_status st = KITH_OK;
	bool go_on = true;
	uint64_t size;

	/* The sooner the better, but not for a few entries that are long. */
	if (kith_io_size(fd, &size, NULL) == KITH_OK && size / LONG_LINE >= KITH_ASK_BATCH)
		expect(lookup, size / LONG_LINE);
	kith_list_reader_init(&reader, fd);
	while (go_on && (st = kith_list_reader_next(&reader, &entry, &err)) != KITH_END) {
		if (st < 0) {
			kith_cli_say("%s: %s", path, err.msg);
			fault(lookup, KITH_EXIT_USAGE);
			break;
		}
		switch (entry.kind) {
		case KITH_ENTRY_NONE: break;
		case KITH_ENTRY_NOHASH: n_nohash++; break;
		case KITH_ENTRY_HASH:
			n_hashes++;
			go_on = add(lookup, &entry);
			break;
		case KITH_ENTRY_BAD:
			if (n_bad++ < COMPLAINTS)
				complain(path, &entry);
			fault(lookup, KITH_EXIT_USAGE);
			break;
		}
	}
	/* Nothing was asked, so 0 would be wrong: most likely hashes stand where none are sought.
	 */
	if (st == KITH_END && n_hashes + n_bad == 0 &&
	    (n_nohash > 0 || reader.format == KITH_LIST_DFXML)) {
		kith_cli_say("%s: no hash in it; %s", path, sought[reader.format]);
		fault(lookup, KITH_EXIT_USAGE);
	}
	kith_list_reader_done(&reader);
	if (n_bad > COMPLAINTS)
		kith_cli_say("%s: %llu entries in all could not be read", path,
			     (unsigned long long)n_bad);
	if (n_nohash > 0)
		kith_cli_say("%s: %llu entr%s without a hash left out", path,
			     (unsigned long long)n_nohash, n_nohash == 1 ? "y" : "ies");
	return go_on;
}

static bool read_file(struct lookup *lookup, const char *path)
{
	struct kith_err err;
	bool go_on;
	int fd;

	if (strcmp(path, "-") == 0)
		return read_list(lookup, STDIN_FILENO, "standard input");
	if (kith_io_open(path, &fd, &err) < 0) {
		kith_cli_say("%s", err.msg);
		fault(lookup, KITH_EXIT_USAGE);
		return true;
	}
	go_on = read_list(lookup, fd, path);
	(void)close(fd);
	return go_on;
}

static bool read_operand(struct lookup *lookup, const char *text)
{
	struct kith_entry entry;
	struct kith_buf raw = {NULL, 0, 0, false};
	bool go_on = true;

	memset(&entry, 0, sizeof entry);
	kith_hash_parse(text, strlen(text), &entry);
	if (entry.kind != KITH_ENTRY_HASH) {
		kith_cli_say("'%s': %s%s", text, entry.reason,
			     access(text, F_OK) == 0 ? "; for a list of hashes use -f" : "");
		fault(lookup, KITH_EXIT_USAGE);
		return true;
	}
	(void)kith_buf_add(&raw, text, strlen(text));
	(void)kith_buf_add_byte(&raw, '\n');
	entry.raw = raw.data;
	entry.raw_n = raw.n;
	go_on = !raw.failed && add(lookup, &entry);
	kith_buf_done(&raw);
	return go_on;
}

/* --------------------------------------------------------------------- run */

static int check_options(struct lookup *lookup, bool has_operands)
{
	if (options.known && options.unknown) {
		kith_cli_say("-k and -u exclude each other, see 'kith lookup --help'");
		return KITH_EXIT_USAGE;
	}
	lookup->filter = options.known || options.unknown;
	if (lookup->filter && options.format != NULL) {
		kith_cli_say(
		    "-k and -u print the list's own entries, so --format does not go with them");
		return KITH_EXIT_USAGE;
	}
	lookup->renderer =
	    options.format == NULL ? kith_renderer_at(0) : kith_renderer_find(options.format);
	if (lookup->renderer == NULL) {
		kith_cli_say("unknown format '%s', see 'kith lookup --help'", options.format);
		return KITH_EXIT_USAGE;
	}
	if (!has_operands && options.files.n == 0 && isatty(STDIN_FILENO)) {
		kith_cli_say(
		    "nothing to look up: give a hash or -f FILE, see 'kith lookup --help'");
		return KITH_EXIT_USAGE;
	}
	return KITH_EXIT_OK;
}

static int finish(struct lookup *lookup)
{
	unsigned i;

	kith_pool_finish(lookup->pool);
	if (lookup->status != KITH_OK)
		fault(lookup, kith_cli_set_fault(NULL, lookup->status, NULL));
	if (lookup->n_no_reference > 0) {
		kith_cli_say("%llu hash%s could not be looked up: no set has an index of that kind",
			     (unsigned long long)lookup->n_no_reference,
			     lookup->n_no_reference == 1 ? "" : "es");
		fault(lookup, KITH_EXIT_USAGE);
	}
	if (lookup->n_unknown > 0 && !options.exit_zero)
		fault(lookup, KITH_EXIT_UNKNOWN);
	for (i = 0; i < KITH_POOL_THREADS + 1; i++) {
		kith_asker_close(lookup->askers[i]);
		kith_known_done(&lookup->renders[i].known);
	}
	return kith_cli_end(&lookup->out, lookup->worst);
}

static int run(int argc, char **argv)
{
	struct lookup *lookup = NULL;
	int first, status, i;
	bool go_on = true;
	size_t k;

	options.limit = KITH_LIMIT_SHOWN;
	if (!kith_cli_parse(&command, argc, argv, &first, &status))
		return status;
	lookup = calloc(1, sizeof *lookup);
	if (lookup == NULL)
		return kith_cli_set_fault(NULL, KITH_E_NOMEM, NULL);
	lookup->first_job = true;
	lookup->job = job_new();
	status = lookup->job == NULL ? kith_cli_set_fault(NULL, KITH_E_NOMEM, NULL)
				     : check_options(lookup, first < argc);
	if (status != KITH_EXIT_OK)
		goto out;
	status = kith_sets_open(&lookup->sets, &options.sets);
	if (status != KITH_EXIT_OK)
		goto out;
	kith_out_init(&lookup->out, STDOUT_FILENO);
	if (!lookup->filter)
		(void)kith_out_text(&lookup->out, lookup->renderer->head);
	for (i = first; i < argc && go_on; i++)
		go_on = read_operand(lookup, argv[i]);
	for (k = 0; k < options.files.n && go_on; k++)
		go_on = read_file(lookup, options.files.items[k]);
	if (first == argc && options.files.n == 0 && go_on)
		go_on = read_file(lookup, "-");
	if (go_on)
		(void)flush(lookup, false);
	status = finish(lookup);
out:
	if (lookup->first_job && lookup->job != NULL) {
		job_done(lookup->job);
		free(lookup->job);
	}
	kith_sets_close(&lookup->sets);
	free(lookup);
	return status;
}

const struct kith_cli kith_cli_lookup = {"lookup", &command, run};
