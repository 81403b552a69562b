/* SPDX-License-Identifier: Apache-2.0 */
/* why.c: kith why. Prints the chain of containers of every occurrence of a file. */
#define _POSIX_C_SOURCE 200809L
#include <string.h>
#include <unistd.h>

#include "answer/list.h"
#include "answer/render.h"
#include "base/hex.h"
#include "base/limits.h"
#include "cli/cli.h"

static struct options {
	struct kith_opt_list sets;
	uint64_t limit;
} options;

static const struct kith_opt opts[] = {
    KITH_CLI_SET_OPTION,
    {KITH_OPT_NUMBER, 0, "limit", &options.limit, "N",
     "print at most N chains of a file, and say so on standard error (default 1000); 0 prints all"},
};

static const struct kith_command command = {
    .name = "kith why",
    .usage = "[OPTION]... HASH...",
    .summary = "print where a file was seen: source > product > archive > path",
    .opts = opts,
    .n_opts = sizeof opts / sizeof *opts,
    .details =
	"One line for each occurrence, from the source down to the file's name. Where there is "
	"more than one file to tell about, a line with its hash and a colon comes before its "
	"chains.\n"
	"\n"
	"Exit status: 0 found, 1 at least one hash is unknown, 2 usage or no reference, 3 a set is "
	"missing or damaged.",
};

static bool print_chain(struct kith_out *out, const struct kith_seen *seen, bool indent)
{
	const struct kith_where *where = seen->where;
	struct kith_buf buf = {NULL, 0, 0, false};
	unsigned k;
	bool ok;

	if (indent)
		(void)kith_buf_add_str(&buf, "  ");
	(void)kith_escape_text(&buf, where->node->text.data, where->node->text.n);
	(void)kith_escape_text(&buf, where->node->separator.data, where->node->separator.n);
	for (k = where->n_parts; k > 0; k--) {
		const struct kith_part *part = &where->parts[k - 1];

		(void)kith_escape_text(&buf, part->name.data, part->name.n);
		(void)kith_escape_text(&buf, part->separator.data, part->separator.n);
	}
	(void)kith_escape_text(&buf, seen->name.data, seen->name.n);
	(void)kith_buf_add_byte(&buf, '\n');
	ok = !buf.failed && kith_out_write(out, buf.data, buf.n);
	kith_buf_done(&buf);
	return ok;
}

static enum kith_status print_content(struct kith_asker *asker, const struct kith_content *content,
				      struct kith_out *out, bool head)
{
	char hex[2 * KITH_SHA256_SIZE];
	struct kith_shown shown;
	struct kith_seen seen;
	enum kith_status st;
	size_t n = content->sha256 != NULL ? KITH_SHA256_SIZE : KITH_SHA1_SIZE;

	(void)kith_hex_encode(content->sha256 != NULL ? content->sha256 : content->sha1, n, hex);
	if (head) {
		(void)kith_out_write(out, hex, 2 * n);
		(void)kith_out_text(out, ":\n");
	}
	kith_shown_start(&shown, content, options.limit);
	while ((st = kith_shown_next(asker, &shown, &seen)) == KITH_OK) {
		if (!print_chain(out, &seen, head))
			return KITH_OK; /* kith_cli_end tells */
	}
	if (st == KITH_END && shown.pass != 0)
		kith_cli_say("%.*s: %llu of %llu occurrences shown; --limit 0 shows all",
			     (int)(2 * n), hex, (unsigned long long)options.limit,
			     (unsigned long long)content->n_occurrences);
	return st == KITH_END ? KITH_OK : st;
}

static int answer(struct kith_asker *asker, const char *text, struct kith_out *out, bool head)
{
	struct kith_entry entry;
	struct kith_query query;
	struct kith_facts facts;
	enum kith_status st;
	size_t i;

	memset(&entry, 0, sizeof entry);
	kith_hash_parse(text, strlen(text), &entry);
	if (entry.kind != KITH_ENTRY_HASH) {
		kith_cli_say("'%s': %s", text, entry.reason);
		return KITH_EXIT_USAGE;
	}
	query.kind = entry.digest;
	query.bytes = entry.bytes;
	query.text = (const uint8_t *)text;
	query.text_n = strlen(text);
	st = kith_ask_batch(asker, &query, 1);
	if (st == KITH_OK)
		st = kith_ask_facts(asker, 0, &facts);
	if (st != KITH_OK)
		return kith_cli_set_fault(NULL, st, NULL);
	for (i = 0; i < facts.n_contents; i++) {
		st = print_content(asker, &facts.contents[i], out, head || facts.n_contents > 1);
		if (st != KITH_OK)
			return kith_cli_set_fault(NULL, st, NULL);
	}
	if (facts.n_contents > 1)
		kith_cli_say("%s: ambiguous, %zu files have this hash", text, facts.n_contents);
	if (facts.n_contents > 0)
		return KITH_EXIT_OK;
	kith_cli_say("%s: %s", text, kith_verdict_text(facts.verdict));
	return facts.verdict == KITH_NOT_INDEXED ? KITH_EXIT_USAGE
	       : facts.verdict == KITH_UNKNOWN   ? KITH_EXIT_UNKNOWN
						 : KITH_EXIT_OK;
}

static int run(int argc, char **argv)
{
	struct kith_err err = {.status = KITH_OK};
	struct kith_asker *asker = NULL;
	struct kith_sets sets;
	struct kith_out out;
	int first, status, i;
	enum kith_status st;

	options.limit = KITH_LIMIT_SHOWN;
	if (!kith_cli_parse(&command, argc, argv, &first, &status))
		return status;
	if (first == argc) {
		kith_cli_say("a hash is missing, see 'kith why --help'");
		return KITH_EXIT_USAGE;
	}
	kith_out_init(&out, STDOUT_FILENO);
	status = kith_sets_open(&sets, &options.sets);
	if (status != KITH_EXIT_OK)
		goto out;
	st = kith_asker_open(sets.sets, sets.n, &asker, &err);
	if (st != KITH_OK) {
		status = kith_cli_set_fault(NULL, st, &err);
		goto out;
	}
	for (i = first; i < argc; i++) {
		int one = answer(asker, argv[i], &out, argc - first > 1);

		status = one > status ? one : status;
	}
out:
	kith_asker_close(asker);
	kith_sets_close(&sets);
	return kith_cli_end(&out, status);
}

const struct kith_cli kith_cli_why = {"why", &command, run};
