/* SPDX-License-Identifier: Apache-2.0 */
#include "answer/info.h"

#include <string.h>

#include "answer/render.h"
#include "base/out.h"

const char *kith_info_class(enum kith_ledger_class class_)
{
	static const char *const words[] = {"?", "count", "marked", "skipped", "failed"};

	return words[class_ >= KITH_LEDGER_COUNT && class_ <= KITH_LEDGER_FAILED ? class_ : 0];
}

const char *kith_info_digest(unsigned kind)
{
	static const char *const words[KITH_DIGESTS] = {"sha256", "sha1", "md5"};

	return words[kind];
}

void kith_info_counts(const struct kith_set_info *facts,
		      struct kith_info_count counts[KITH_INFO_COUNTS])
{
	const struct kith_info_count all[KITH_INFO_COUNTS] = {{"files", facts->files},
							      {"sha1_only", facts->sha1_only},
							      {"occurrences", facts->occurrences},
							      {"names", facts->names},
							      {"places", facts->places},
							      {"products", facts->products},
							      {"distributors", facts->distributors},
							      {"sources", facts->sources},
							      {"size_bytes", facts->size_bytes}};

	memcpy(counts, all, sizeof all);
}

/* "notice.N", "build.version" and so on are shown; counts and the rest are facts already. */
bool kith_info_is_shown(const char *key, size_t n)
{
	return (n >= 6 && memcmp(key, "build.", 6) == 0) ||
	       (n >= 7 && memcmp(key, "notice.", 7) == 0) ||
	       (n == 4 && memcmp(key, "name", 4) == 0) || (n >= 6 && memcmp(key, "count.", 6) == 0);
}

bool kith_info_is_input(const struct kith_ledger_entry *entry)
{
	static const size_t n = sizeof KITH_LEDGER_INPUT - 1;

	return entry->reason.n > n && memcmp(entry->reason.data, KITH_LEDGER_INPUT, n) == 0;
}

struct info {
	struct kith_buf *out;
	bool first; /* of a list */
	bool inputs;
};

static struct kith_bytes text_of(const char *text)
{
	struct kith_bytes bytes = {(const uint8_t *)text, strlen(text)};

	return bytes;
}

static void member(struct kith_buf *out, const char *name, struct kith_bytes value)
{
	(void)kith_buf_add_str(out, name);
	(void)kith_json_string(out, value);
}

static int meta_json(const char *key, size_t key_n, const uint8_t *value, size_t value_n,
		     void *user)
{
	struct info *info = user;
	struct kith_bytes k = {(const uint8_t *)key, key_n}, v = {value, value_n};

	if (!kith_info_is_shown(key, key_n))
		return 0;
	if (!info->first)
		(void)kith_buf_add_byte(info->out, ',');
	info->first = false;
	(void)kith_json_string(info->out, k);
	(void)kith_buf_add_byte(info->out, ':');
	(void)kith_json_string(info->out, v);
	return 0;
}

static int ledger_json(const struct kith_ledger_entry *entry, void *user)
{
	struct info *info = user;

	if (!info->inputs && kith_info_is_input(entry))
		return 0;
	(void)kith_buf_add_str(info->out, info->first ? "{\"source\":" : ",{\"source\":");
	info->first = false;
	(void)kith_buf_add_number(info->out, entry->source);
	member(info->out, ",\"class\":", text_of(kith_info_class(entry->class_)));
	member(info->out, ",\"reason\":", entry->reason);
	(void)kith_buf_add_str(info->out, ",\"count\":");
	(void)kith_buf_add_number(info->out, entry->count);
	member(info->out, ",\"example\":", entry->example);
	(void)kith_buf_add_byte(info->out, '}');
	return 0;
}

enum kith_status kith_info_json(kith_set *set, kith_reader *reader, const char *name, bool inputs,
				struct kith_buf *out)
{
	struct info info = {.out = out, .inputs = inputs};
	struct kith_info_count counts[KITH_INFO_COUNTS];
	struct kith_set_info facts;
	enum kith_status st;
	uint32_t i;

	kith_set_info(set, &facts);
	member(out, "{\"set\":", text_of(name));
	(void)kith_buf_add_str(out, ",\"format\":");
	(void)kith_buf_add_number(out, facts.format);
	(void)kith_buf_add_str(out, ",\"id\":");
	(void)kith_json_digest(out, facts.id, sizeof facts.id, false);
	kith_info_counts(&facts, counts);
	for (i = 0; i < KITH_INFO_COUNTS; i++) {
		(void)kith_buf_add_str(out, ",\"");
		(void)kith_buf_add_str(out, counts[i].name);
		(void)kith_buf_add_str(out, "\":");
		(void)kith_buf_add_number(out, counts[i].n);
	}
	(void)kith_buf_add_str(out, facts.direct != 0 ? ",\"direct\":true" : ",\"direct\":false");
	(void)kith_buf_add_str(out, ",\"indexes\":{");
	for (i = 0; i < KITH_DIGESTS; i++) {
		(void)kith_buf_add_str(out, i == 0 ? "\"" : ",\"");
		(void)kith_buf_add_str(out, kith_info_digest(i));
		(void)kith_buf_add_str(out, facts.has_index[i] != 0 ? "\":true" : "\":false");
	}
	(void)kith_buf_add_str(out, "},\"meta\":{");
	info.first = true;
	st = kith_meta_each(reader, meta_json, &info);
	if (st < 0)
		return st;
	(void)kith_buf_add_str(out, "},\"source_list\":[");
	for (i = 0; i < facts.sources; i++) {
		struct kith_source source;

		if (kith_source(reader, i, &source) != KITH_OK)
			return KITH_E_CORRUPT;
		member(out, i == 0 ? "{\"id\":" : ",{\"id\":", source.id);
		member(out, ",\"label\":", source.label);
		member(out, ",\"evidence\":", text_of(kith_evidence_text(source.evidence)));
		member(out, ",\"release\":", source.release);
		member(out, ",\"date\":", source.date);
		member(out, ",\"digest\":", source.digest);
		member(out, ",\"notice\":", source.notice);
		(void)kith_buf_add_byte(out, '}');
	}
	(void)kith_buf_add_str(out, "],\"ledger\":[");
	info.first = true;
	st = kith_ledger_each(reader, ledger_json, &info);
	(void)kith_buf_add_str(out, "]}\n");
	return st == KITH_OK && out->failed ? KITH_E_NOMEM : st;
}
