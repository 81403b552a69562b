/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nsrl_v2.c: reads NSRL RDS v2 and v1 text releases. Their rows know no SHA-256, so they wait under
 * their SHA-1. NSRLFile is one stream, read once and never unpacked as a whole.
 */
#define _POSIX_C_SOURCE 200809L
#include "nsrl_v2.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/hex.h"
#include "base/io.h"
#include "base/limits.h"
#include "unpack.h"

#define PROGRESS_ROWS 4096u
/* Bytes of an average row, for the estimate of space. */
#define ROW_BYTES 130u
/* Where an ISO image has its first volume descriptor. */
#define ISO_OFFSET 0x8000u

static enum kith_match probe(const struct kith_probe *in)
{
	const uint8_t *lf;

	if (in->is_folder)
		return v2_folder_is_release(in->path) ? KITH_MATCH_CERTAIN : KITH_MATCH_NO;
	if (in->head_n > ISO_OFFSET + 6 && memcmp(in->head + ISO_OFFSET + 1, "CD001", 5) == 0)
		return KITH_MATCH_CERTAIN;
	switch (nsrl_zip_kind(in->head, in->head_n)) {
	case NSRL_ZIP_V2: return KITH_MATCH_CERTAIN;
	case NSRL_ZIP_UNSURE: return KITH_MATCH_MAYBE;
	case NSRL_ZIP_V3: return KITH_MATCH_NO;
	case NSRL_ZIP_NONE: break;
	}
	lf = in->head_n == 0 ? NULL : memchr(in->head, '\n', in->head_n);
	if (lf != NULL &&
	    v2_header((struct kith_bytes){in->head, (size_t)(lf - in->head)}) != V2_LAYOUT_NONE)
		return KITH_MATCH_CERTAIN;
	return KITH_MATCH_NO;
}

/* ---------------------------------------------------------------- release */

/* "2001/03/08 0.2" or "2026/09/01 2026.09.1 modern minimal". */
static bool parse_version(struct kith_bytes text, struct nsrl_release *release,
			  char date[static 10])
{
	size_t i, start;

	if (text.n < 12 || text.data[10] != ' ')
		return false;
	for (i = 0; i < 10; i++) {
		uint8_t c = text.data[i];

		if (i == 4 || i == 7) {
			if (c != '/' && c != '-')
				return false;
			date[i] = '-';
		} else if (c < '0' || c > '9') {
			return false;
		} else {
			date[i] = (char)c;
		}
	}
	release->date = (struct kith_bytes){(const uint8_t *)date, 10};
	start = 11;
	for (i = start; i < text.n && text.data[i] != ' '; i++)
		;
	release->release = (struct kith_bytes){text.data + start, i - start};
	release->set = nsrl_trim((struct kith_bytes){text.data + i, text.n - i});
	return true;
}

/* The newest row of VERSION.TXT. */
static void find_version(const struct nsrl_v2 *v2, struct nsrl_release *release,
			 char date[static 10])
{
	const struct kith_buf *text = &v2->texts[V2_VERSION];
	char newest[10] = {0};
	size_t pos = 0;

	while (pos < text->n) {
		const uint8_t *start = text->data + pos, *lf = memchr(start, '\n', text->n - pos);
		size_t n = lf != NULL ? (size_t)(lf - start) : text->n - pos;
		struct kith_bytes line = nsrl_trim((struct kith_bytes){start, n}), field;
		struct nsrl_release one = *release;

		pos += lf != NULL ? n + 1 : n;
		if (!v2_take_right(&line, &field) || !parse_version(field, &one, newest) ||
		    (release->date.n > 0 && memcmp(newest, date, 10) < 0))
			continue;
		memcpy(date, newest, 10);
		*release = one;
		release->date.data = (const uint8_t *)date;
	}
}

static enum kith_status declare(struct nsrl_v2 *v2, const struct kith_source_args *args,
				struct kith_err *err)
{
	static const char unknown[] = "unknown", unnamed[] = "unnamed";
	struct nsrl_release release = {.prefix = "nsrl-v2"};
	enum kith_status st;
	char date[10];
	size_t i;

	find_version(v2, &release, date);
	if (release.release.n == 0)
		release.release = (struct kith_bytes){(const uint8_t *)unknown, sizeof unknown - 1};
	if (args->set_name != NULL)
		release.set =
		    (struct kith_bytes){(const uint8_t *)args->set_name, strlen(args->set_name)};
	else if (release.set.n == 0 && v2->label.n > 0)
		release.set = (struct kith_bytes){v2->label.data, v2->label.n};
	else if (release.set.n == 0)
		release.set = (struct kith_bytes){(const uint8_t *)unnamed, sizeof unnamed - 1};
	st = nsrl_declare(args, &release, &v2->source, &v2->root, err);
	for (i = 0; st >= 0 && i < sizeof v2->faults / sizeof v2->faults[0]; i++)
		nsrl_fault_note(&v2->faults[i], args->ledger, v2->source);
	return st;
}

/* ------------------------------------------------------------------- rows */

struct worker {
	const struct nsrl_v2 *v2;
	struct kith_collector *collector;
	struct kith_lines lines;
	struct nsrl_tally tally;
	struct kith_row row;
	enum v2_layout layout;
	struct kith_buf name, code, below;
	bool have_code, code_found;
};

static bool read_hex(struct kith_bytes text, uint8_t *out, size_t n)
{
	return text.n == 2 * n && kith_hex_decode((const char *)text.data, out, n);
}

/* Sets the row's place; rows of one product often follow each other. */
static enum kith_status find_place(struct worker *w, struct kith_bytes code, struct kith_err *err)
{
	if (!w->have_code || w->code.n != code.n || memcmp(w->code.data, code.data, code.n) != 0) {
		w->have_code = true;
		w->code.n = 0;
		w->below.n = 0;
		if (!kith_buf_add(&w->code, code.data, code.n))
			return kith_fail_nomem(err);
		w->code_found = v2_find_code(w->v2, code, &w->row.place);
		if (!w->code_found) { /* a product that is known only by its code */
			w->row.place = w->v2->root;
			if (!kith_place_key_add(&w->below, KITH_PLACE_PRODUCT, code.data, code.n))
				return kith_fail_nomem(err);
		}
		w->row.below = w->below.data;
		w->row.below_n = w->below.n;
	}
	if (!w->code_found)
		nsrl_count(&w->tally, NSRL_NO_PACKAGE, w->lines.number);
	return KITH_OK;
}

static enum kith_status read_row(struct worker *w, const struct v2_row *fields,
				 struct kith_err *err)
{
	struct kith_row *row = &w->row;
	uint64_t line = w->lines.number;
	struct kith_bytes name = fields->name;
	enum kith_status st;

	if (!read_hex(fields->sha1, row->key, KITH_SHA1_SIZE)) {
		nsrl_count(&w->tally, NSRL_BAD_KEY_SHA1, line);
		return KITH_OK;
	}
	row->claim.has = 0;
	if (read_hex(fields->md5, row->claim.md5, KITH_MD5_SIZE))
		row->claim.has |= KITH_REC_HAS_MD5;
	else
		nsrl_count(&w->tally, NSRL_BAD_MD5, line);
	row->claim.size_bytes = 0;
	if (v2_number(fields->size, &row->claim.size_bytes))
		row->claim.has |= KITH_REC_HAS_SIZE;
	else
		nsrl_count(&w->tally, NSRL_BAD_SIZE, line);
	if (v2_has_doubled(name)) {
		w->name.n = 0;
		if (!v2_undouble(&w->name, name))
			return kith_fail_nomem(err);
		name = (struct kith_bytes){w->name.data, w->name.n};
	}
	if (name.n == 0)
		nsrl_count(&w->tally, NSRL_NO_NAME, line);
	if (name.n > KITH_LIMIT_NAME || fields->product.n > KITH_LIMIT_NAME) {
		nsrl_count(&w->tally, NSRL_LONG_NAME, line);
		return KITH_OK;
	}
	if (fields->special.n == 1 && fields->special.data[0] == 'M')
		nsrl_count(&w->tally, NSRL_SPECIAL_M, line);
	else if (fields->special.n == 1 && fields->special.data[0] == 'S')
		nsrl_count(&w->tally, NSRL_SPECIAL_S, line);
	row->name = name.data;
	row->name_n = name.n;
	st = find_place(w, fields->product, err);
	if (st < 0)
		return st;
	return kith_collect(w->collector, row, err);
}

/* had_lf: the line is whole. A last line that is cut off is damage, not a bad row. */
static enum kith_status read_line(struct worker *w, struct kith_bytes line, bool had_lf,
				  struct kith_err *err)
{
	struct v2_row fields;

	if (line.n > 0 && line.data[line.n - 1] == '\r')
		line.n--;
	if (w->layout == V2_LAYOUT_NONE) {
		w->layout = v2_header(line);
		if (w->layout == V2_LAYOUT_NONE)
			return kith_fail(err, KITH_E_UNSUPPORTED,
					 "not an NSRLFile.txt: its first line is no header");
		return KITH_OK;
	}
	if (line.n == 0)
		return KITH_OK;
	if (v2_header(line) != V2_LAYOUT_NONE) {
		nsrl_count(&w->tally, NSRL_HEADER, w->lines.number);
		return KITH_OK;
	}
	w->tally.count[NSRL_READ]++;
	if (!v2_parse_row(line, w->layout, &fields)) {
		if (!had_lf)
			return kith_fail(err, KITH_E_CORRUPT,
					 "NSRLFile.txt is cut off in line %" PRIu64,
					 w->lines.number);
		nsrl_count(&w->tally, NSRL_MALFORMED, w->lines.number);
		return KITH_OK;
	}
	return read_row(w, &fields, err);
}

static enum kith_status read_lines(struct worker *w, struct kith_err *err)
{
	uint64_t reported = 0;
	unsigned since = 0;
	enum kith_status st;

	for (;;) {
		const uint8_t *data;
		bool had_lf;
		size_t n;

		st = kith_lines_next(&w->lines, &data, &n, &had_lf, err);
		if (st == KITH_E_LIMIT) {
			nsrl_count(&w->tally, NSRL_LONG_LINE, w->lines.number);
			continue;
		}
		if (st == KITH_OK)
			st = read_line(w, (struct kith_bytes){data, n}, had_lf, err);
		if (st < 0)
			return st;
		if (st == KITH_OK && ++since < PROGRESS_ROWS)
			continue;
		since = 0;
		if (kith_collect_progress(w->collector, w->lines.offset - reported, err) < 0)
			return KITH_E_CANCELLED;
		reported = w->lines.offset;
		if (st == KITH_END)
			break;
	}
	if (w->layout == V2_LAYOUT_NONE)
		return kith_fail(err, KITH_E_UNSUPPORTED, "not an NSRLFile.txt: it is empty");
	return KITH_OK;
}

/* Opens the stream of NSRLFile.txt: a file, or the member of an archive. */
static enum kith_status open_rows(const struct nsrl_v2 *v2, struct kith_lines *lines, int *ret_fd,
				  struct kith_unpack **ret_unpack, struct kith_err *err)
{
	struct kith_member member;
	enum kith_status st;

	if (v2->member.n == 0) {
		st = kith_io_open((const char *)v2->path.data, ret_fd, err);
		kith_lines_init(lines, *ret_fd, KITH_LIMIT_LINE);
		return st;
	}
	kith_lines_init(lines, -1, KITH_LIMIT_LINE);
	st = kith_unpack_open((const char *)v2->path.data, (const char *)v2->input.data, v2->format,
			      ret_unpack, err);
	do {
		if (st >= 0)
			st = kith_unpack_next(*ret_unpack, &member, err);
		if (st == KITH_END)
			st = kith_fail(err, KITH_E_CORRUPT, "it changed while it was read");
	} while (st >= 0 && strcmp(member.name, (const char *)v2->member.data) != 0);
	lines->read = kith_unpack_read;
	lines->user = *ret_unpack;
	return st;
}

static void note_damage(const struct nsrl_v2 *v2, const struct kith_unpack *unpack, uint64_t line,
			struct kith_ledger *ledger)
{
	struct nsrl_fault fault = {0};

	if (unpack != NULL)
		nsrl_fault_take(&fault, unpack, (const char *)v2->member.data);
	nsrl_fault_note(&fault, ledger, v2->source);
	if (fault.fault != KITH_UNPACK_CHECKSUM) /* then every line was read */
		kith_ledger_notef(ledger, v2->source, KITH_LEDGER_FAILED, "damaged or cut off",
				  "NSRLFile, after line %" PRIu64, line);
}

static enum kith_status read_source(void *state, uint32_t shard, struct kith_collector *collector,
				    struct kith_err *err)
{
	const struct nsrl_v2 *v2 = state;
	struct worker w = {
	    .v2 = v2, .collector = collector, .row = {.table = KITH_TABLE_SHA1_ONLY}};
	struct kith_ledger *ledger = kith_collector_ledger(collector);
	struct kith_unpack *unpack = NULL;
	struct kith_err fault = {0};
	int fd = -1;
	enum kith_status st;

	(void)shard;
	st = open_rows(v2, &w.lines, &fd, &unpack, &fault);
	if (st >= 0)
		st = read_lines(&w, &fault);
	if (st == KITH_E_CORRUPT && v2->keep_going) {
		note_damage(v2, unpack, w.lines.number, ledger);
		st = KITH_OK;
	}
	if (st < 0 && err != NULL) {
		*err = fault;
		if (st == KITH_E_CORRUPT && unpack != NULL)
			kith_err_context(err, "NSRLFile.txt, after line %" PRIu64, w.lines.number);
	}
	nsrl_tally_flush(&w.tally, ledger, v2->source, "NSRLFile line");
	kith_lines_done(&w.lines);
	kith_buf_done(&w.name);
	kith_buf_done(&w.code);
	kith_buf_done(&w.below);
	kith_unpack_close(unpack);
	if (fd >= 0)
		(void)close(fd);
	return st;
}

/* -------------------------------------------------------------------- ops */

static enum kith_status open_source(void *state, const struct kith_source_args *args,
				    struct kith_source_plan *ret_plan, struct kith_err *err)
{
	struct nsrl_v2 *v2 = state;
	enum kith_status st;
	size_t i;

	v2->keep_going = args->keep_going;
	if (!kith_buf_add(&v2->input, args->path, strlen(args->path) + 1))
		return kith_fail_nomem(err);
	st = v2_find_files(v2, args, err);
	if (st < 0)
		return st;
	st = declare(v2, args, err);
	if (st >= 0)
		st = v2_read_tables(v2, args, err);
	if (st < 0)
		return st;
	for (i = 0; i < V2_TEXTS; i++) /* all that is needed of them is declared */
		kith_buf_done(&v2->texts[i]);
	*ret_plan = (struct kith_source_plan){
	    .n_shards = 1,
	    .total_units = v2->file_bytes,
	    .unit = "bytes",
	    .rows = v2->file_bytes / ROW_BYTES,
	};
	return KITH_OK;
}

static void close_source(void *state)
{
	struct nsrl_v2 *v2 = state;
	size_t i;

	idmap_done(&v2->numbers);
	kith_buf_done(&v2->codes);
	kith_buf_done(&v2->codes_text);
	for (i = 0; i < V2_TEXTS; i++)
		kith_buf_done(&v2->texts[i]);
	kith_buf_done(&v2->input);
	kith_buf_done(&v2->path);
	kith_buf_done(&v2->member);
	kith_buf_done(&v2->label);
}

const struct kith_source_ops kith_source_nsrl_v2 = {
    .name = "nsrl-v2",
    .summary = "NSRL RDS v2 or v1 text release: folder, .zip or .iso",
    .state_size = sizeof(struct nsrl_v2),
    .probe = probe,
    .open = open_source,
    .read = read_source,
    .close = close_source,
};
