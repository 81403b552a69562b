/* SPDX-License-Identifier: Apache-2.0 */
/* info.c: kith info. What a set is, what it was made from, and what was not covered. */
#define _POSIX_C_SOURCE 200809L
#include <string.h>
#include <unistd.h>

#include "answer/info.h"
#include "base/hex.h"
#include "cli/cli.h"

static struct options {
	struct kith_opt_list sets;
	bool json;
} options;

static const struct kith_opt opts[] = {
    KITH_CLI_SET_OPTION,
    {KITH_OPT_FLAG, 0, "json", &options.json, NULL, "print one JSON object for each set"},
};

static const struct kith_command command = {
    .name = "kith info",
    .usage = "[OPTION]... [SET]...",
    .summary = "tell what a set has, where it comes from and what it lacks",
    .opts = opts,
    .n_opts = sizeof opts / sizeof *opts,
    .details =
	"The ledger tells for each source what was read, what was marked, what was skipped by rule "
	"and what could not be read, each with a reason, a count and an example: so that 'unknown' "
	"can be told from 'never looked there'.\n"
	"\n"
	"Exit status: 0 done, 2 usage, 3 a set is missing or damaged.",
};

struct info {
	kith_set *set;
	kith_reader *reader;
	const char *path;
	struct kith_set_info facts;
	struct kith_buf *out;
	uint32_t source; /* whose ledger was printed last */
};

/* ------------------------------------------------------------------- text */

static void field(struct kith_buf *out, const char *name, struct kith_bytes value)
{
	static const char blank[] = "                  ";
	size_t from = out->n;

	if (value.n == 0)
		return;
	(void)kith_buf_add_str(out, "  ");
	(void)kith_buf_add_str(out, name);
	(void)kith_buf_add(
	    out, blank, out->n - from < sizeof blank - 1 ? sizeof blank - 1 - (out->n - from) : 1);
	(void)kith_escape_text(out, value.data, value.n);
	(void)kith_buf_add_byte(out, '\n');
}

static struct kith_bytes text_of(const char *text)
{
	struct kith_bytes bytes = {(const uint8_t *)text, strlen(text)};

	return bytes;
}

static int meta_text(const char *key, size_t key_n, const uint8_t *value, size_t value_n,
		     void *user)
{
	struct info *info = user;
	struct kith_bytes v = {value, value_n};
	char name[32];

	if (!kith_info_is_shown(key, key_n) || key_n >= sizeof name ||
	    (key_n >= 6 && memcmp(key, "count.", 6) == 0))
		return 0;
	memcpy(name, key, key_n);
	name[key_n] = '\0';
	field(info->out, name, v);
	return 0;
}

static int ledger_text(const struct kith_ledger_entry *entry, void *user)
{
	struct info *info = user;
	struct kith_source source;

	/* One for each input is for programs: the row "inputs" counts them. */
	if (kith_info_is_input(entry))
		return 0;
	if (entry->source != info->source) {
		if (kith_source(info->reader, entry->source, &source) != KITH_OK)
			return 1;
		(void)kith_buf_add_str(info->out, "ledger of ");
		(void)kith_escape_text(info->out, source.id.data, source.id.n);
		(void)kith_buf_add_byte(info->out, '\n');
		info->source = entry->source;
	}
	(void)kith_buf_add_str(info->out, "  ");
	(void)kith_buf_add_str(info->out, kith_info_class(entry->class_));
	(void)kith_buf_add_byte(info->out, ' ');
	(void)kith_buf_add_number(info->out, entry->count);
	(void)kith_buf_add_byte(info->out, ' ');
	(void)kith_escape_text(info->out, entry->reason.data, entry->reason.n);
	if (entry->example.n > 0) {
		(void)kith_buf_add_str(info->out, " (such as ");
		(void)kith_escape_text(info->out, entry->example.data, entry->example.n);
		(void)kith_buf_add_byte(info->out, ')');
	}
	(void)kith_buf_add_byte(info->out, '\n');
	return 0;
}

static enum kith_status print_text(struct info *info)
{
	struct kith_buf *out = info->out;
	struct kith_info_count counts[KITH_INFO_COUNTS];
	char hex[64];
	struct kith_bytes id = {(const uint8_t *)hex, sizeof hex};
	enum kith_status st;
	uint32_t i;

	(void)kith_hex_encode(info->facts.id, sizeof info->facts.id, hex);
	(void)kith_buf_add_str(out, "set ");
	(void)kith_escape_text(out, info->path, strlen(info->path));
	(void)kith_buf_add_byte(out, '\n');
	field(out, "id", id);
	kith_info_counts(&info->facts, counts);
	for (i = 0; i < KITH_INFO_COUNTS; i++) {
		struct kith_buf number = {NULL, 0, 0, false};
		struct kith_bytes value;

		(void)kith_buf_add_number(&number, counts[i].n);
		value.data = number.data;
		value.n = number.n;
		field(out, counts[i].name, value);
		kith_buf_done(&number);
	}
	for (i = 0; i < KITH_DIGESTS; i++)
		field(out, kith_info_digest(i),
		      text_of(info->facts.has_index[i] != 0 ? "can be looked up"
							    : "cannot be looked up: no index"));
	field(out, "direct index",
	      text_of(info->facts.direct != 0
			  ? "in use"
			  : "not usable, the file was rewritten: slower, SHA-256 only"));
	st = kith_meta_each(info->reader, meta_text, info);
	if (st < 0)
		return st;
	for (i = 0; i < info->facts.sources; i++) {
		struct kith_source source;

		if (kith_source(info->reader, i, &source) != KITH_OK)
			return KITH_E_CORRUPT;
		(void)kith_buf_add_str(out, "source ");
		(void)kith_escape_text(out, source.id.data, source.id.n);
		(void)kith_buf_add_byte(out, '\n');
		field(out, "label", source.label);
		field(out, "evidence", text_of(kith_evidence_text(source.evidence)));
		field(out, "release", source.release);
		field(out, "date", source.date);
		field(out, "digest", source.digest);
		field(out, "notice", source.notice);
	}
	info->source = UINT32_MAX;
	st = kith_ledger_each(info->reader, ledger_text, info);
	return st == KITH_E_CANCELLED ? KITH_E_CORRUPT : st;
}

static int print(kith_set *set, const char *path, struct kith_out *out)
{
	struct kith_err err = {.status = KITH_OK};
	struct kith_buf buf = {NULL, 0, 0, false};
	struct info info = {.set = set, .path = path, .out = &buf};
	enum kith_status st = kith_reader_open(set, &info.reader, &err);

	kith_set_info(set, &info.facts);
	if (st == KITH_OK)
		st = options.json ? kith_info_json(set, info.reader, path, true, &buf)
				  : print_text(&info);
	if (st == KITH_OK && buf.failed)
		st = KITH_E_NOMEM;
	if (st == KITH_OK)
		(void)kith_out_write(out, buf.data, buf.n);
	kith_buf_done(&buf);
	if (info.reader != NULL)
		kith_reader_close(info.reader);
	return st == KITH_OK ? KITH_EXIT_OK : kith_cli_set_fault(path, st, &err);
}

static int run(int argc, char **argv)
{
	struct kith_sets sets;
	struct kith_out out;
	int first, status, i;
	size_t k;

	if (!kith_cli_parse(&command, argc, argv, &first, &status))
		return status;
	for (i = first; i < argc && options.sets.n < KITH_OPT_LIST_MAX; i++)
		options.sets.items[options.sets.n++] = argv[i];
	kith_out_init(&out, STDOUT_FILENO);
	status = kith_sets_open(&sets, &options.sets);
	for (k = 0; k < sets.n && status == KITH_EXIT_OK; k++)
		status = print(sets.sets[k], sets.paths[k], &out);
	kith_sets_close(&sets);
	return kith_cli_end(&out, status);
}

const struct kith_cli kith_cli_info = {"info", &command, run};
