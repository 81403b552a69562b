/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nsrl_v2_tables.c: NSRLProd, NSRLMfg and NSRLOS. All codes are texts: they were mnemonics ("WIN")
 * before they became numbers. A code may have several rows, and all of them count.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/limits.h"
#include "nsrl_v2.h"

#define FIELDS_MAX 7u

/* Order of the fields in NSRLProd. */
enum prod_field { PROD_CODE, PROD_NAME, PROD_VERSION, PROD_OS, PROD_MFG, PROD_LANGUAGE, PROD_TYPE };

/* A line of a table; fields point into the table's text. */
struct table_row {
	struct kith_bytes field[FIELDS_MAX];
	uint64_t line;
	uint32_t handle; /* of a distributor */
};

struct table {
	struct table_row *rows; /* owned; sorted by their first three fields */
	size_t n, cap;
};

/* What each file looks like: the name is the second field. */
static const struct {
	const char *name, *file;
	size_t fields;
} formats[V2_TEXTS] = {
    [V2_MFG] = {"NSRLMfg line", "NSRLMfg.txt", 2},
    [V2_OS] = {"NSRLOS line", "NSRLOS.txt", 4},
    [V2_PROD] = {"NSRLProd line", "NSRLProd.txt", 7},
    [V2_VERSION] = {"VERSION line", "version.txt", 2},
};

static int cmp_rows(const void *a, const void *b)
{
	const struct table_row *x = a, *y = b;
	size_t i;
	int c;

	for (i = 0; i < 3; i++) {
		c = kith_bytes_cmp(x->field[i].data, x->field[i].n, y->field[i].data,
				   y->field[i].n);
		if (c != 0)
			return c;
	}
	return (x->line > y->line) - (x->line < y->line);
}

static bool same(struct kith_bytes a, struct kith_bytes b)
{
	return kith_bytes_cmp(a.data, a.n, b.data, b.n) == 0;
}

/* One line: code from the left, the last fields from the right, the name is what remains. */
static bool parse_line(struct kith_bytes line, size_t fields, struct table_row *row)
{
	size_t i;

	if (!v2_take_left(&line, &row->field[0]))
		return false;
	for (i = fields; i-- > 2;)
		if (!v2_take_right(&line, &row->field[i]))
			return false;
	/* a name that begins with a quote has to end with another one */
	if (line.n > 0 && line.data[0] == '"' && (line.n < 2 || line.data[line.n - 1] != '"'))
		return false;
	row->field[1] = v2_unquote(line);
	return true;
}

/* Doubled quotes are made single in place: the text is ours. */
static void undouble_in_place(struct kith_buf *text, struct kith_bytes *field)
{
	uint8_t *data, *to;
	size_t i;

	if (!v2_has_doubled(*field))
		return;
	data = text->data + (field->data - text->data);
	to = data;
	for (i = 0; i < field->n; i++) {
		*to++ = data[i];
		if (data[i] == '"' && i + 1 < field->n && data[i + 1] == '"')
			i++;
	}
	field->n = (size_t)(to - data);
}

static enum kith_status add_row(struct table *table, const struct table_row *row,
				struct kith_err *err)
{
	if (table->n >= KITH_LIMIT_ENTITIES)
		return kith_fail(err, KITH_E_LIMIT, "more than %u rows", KITH_LIMIT_ENTITIES);
	if (table->n == table->cap) {
		size_t cap = table->cap == 0 ? 1024 : table->cap * 2;
		struct table_row *rows = realloc(table->rows, cap * sizeof *rows);

		if (rows == NULL)
			return kith_fail_nomem(err);
		table->rows = rows;
		table->cap = cap;
	}
	table->rows[table->n++] = *row;
	return KITH_OK;
}

static enum kith_status parse_table(struct nsrl_v2 *v2, enum v2_text which, struct table *table,
				    struct nsrl_tally *tally, struct kith_err *err)
{
	struct kith_buf *text = &v2->texts[which];
	size_t pos = 0, fields = formats[which].fields, i;
	uint64_t number = 0;
	enum kith_status st = KITH_OK;

	while (pos < text->n && st >= 0) {
		const uint8_t *start = text->data + pos, *lf = memchr(start, '\n', text->n - pos);
		size_t n = lf != NULL ? (size_t)(lf - start) : text->n - pos;
		struct table_row row = {.line = ++number};
		struct kith_bytes line = {start, n};

		pos += lf != NULL ? n + 1 : n;
		if (line.n > 0 && line.data[line.n - 1] == '\r')
			line.n--;
		if (number == 1 || line.n == 0)
			continue; /* the header */
		if (!parse_line(line, fields, &row)) {
			if (lf == NULL) { /* damage, not a bad row */
				st = kith_fail(err, KITH_E_CORRUPT, "cut off in line %" PRIu64,
					       number);
				break;
			}
			nsrl_count(tally, NSRL_MALFORMED, number);
			continue;
		}
		for (i = 0; i < fields; i++)
			undouble_in_place(text, &row.field[i]);
		st = add_row(table, &row, err);
	}
	if (table->n > 0)
		qsort(table->rows, table->n, sizeof *table->rows, cmp_rows);
	return st;
}

/* Number of the first row with that code; table->n when there is none. */
static size_t find_row(const struct table *table, struct kith_bytes code)
{
	size_t low = 0, high = table->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		const struct kith_bytes *at = &table->rows[mid].field[0];

		if (kith_bytes_cmp(at->data, at->n, code.data, code.n) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low < table->n && same(table->rows[low].field[0], code) ? low : table->n;
}

/* ----------------------------------------------------------------- codes */

static bool is_canonical(struct kith_bytes code, uint64_t *ret)
{
	return v2_number(code, ret) && code.n <= 18 && (code.n == 1 || code.data[0] != '0');
}

static bool add_code(struct nsrl_v2 *v2, struct kith_bytes code, uint32_t place)
{
	struct v2_code entry = {v2->codes_text.n, code.n, place};
	uint64_t number;

	if (is_canonical(code, &number))
		return idmap_add(&v2->numbers, (int64_t)number, place, NULL);
	/* codes come sorted, so this array is */
	return kith_buf_add(&v2->codes_text, code.data, code.n) &&
	       kith_buf_add(&v2->codes, &entry, sizeof entry);
}

bool v2_find_code(const struct nsrl_v2 *v2, struct kith_bytes code, uint32_t *ret_place)
{
	const struct v2_code *codes = (const struct v2_code *)(const void *)v2->codes.data;
	size_t low = 0, high = v2->codes.n / sizeof *codes;
	uint64_t number;

	if (is_canonical(code, &number))
		return idmap_find(&v2->numbers, (int64_t)number, ret_place);
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int c = kith_bytes_cmp(v2->codes_text.data + codes[mid].start, codes[mid].n,
				       code.data, code.n);

		if (c == 0) {
			*ret_place = codes[mid].place;
			return true;
		}
		if (c < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return false;
}

/* --------------------------------------------------------------- products */

static enum kith_status add_systems(struct nsrl_products *products, const struct table *systems,
				    struct kith_bytes code, struct kith_buf *text, bool *ret_found,
				    struct kith_err *err)
{
	size_t i = find_row(systems, code);
	enum kith_status st = KITH_OK;

	*ret_found = i < systems->n;
	for (; i < systems->n && same(systems->rows[i].field[0], code) && st >= 0; i++) {
		struct kith_bytes name = systems->rows[i].field[1],
				  version = systems->rows[i].field[2];

		text->n = 0;
		kith_buf_add(text, name.data, name.n);
		if (name.n > 0 && version.n > 0)
			kith_buf_add_byte(text, ' ');
		kith_buf_add(text, version.data, version.n);
		if (text->failed)
			return kith_fail_nomem(err);
		st = nsrl_products_text(products, NSRL_SYSTEMS,
					(struct kith_bytes){text->data, text->n}, err);
	}
	return st;
}

static enum kith_status add_product_row(struct nsrl_products *products, const struct table_row *row,
					const struct table *makers, const struct table *systems,
					struct kith_buf *text, struct nsrl_tally *tally,
					struct kith_err *err)
{
	size_t maker = find_row(makers, row->field[PROD_MFG]);
	bool found;
	enum kith_status st;

	st = nsrl_products_begin(products, row->field[PROD_NAME], row->field[PROD_VERSION], err);
	for (; st >= 0 && maker < makers->n; maker++) {
		if (!same(makers->rows[maker].field[0], row->field[PROD_MFG]))
			break;
		st = nsrl_products_distributor(products, makers->rows[maker].handle, err);
	}
	if (find_row(makers, row->field[PROD_MFG]) == makers->n)
		nsrl_count(tally, NSRL_NO_DISTRIBUTOR, row->line);
	if (st >= 0)
		st = add_systems(products, systems, row->field[PROD_OS], text, &found, err);
	if (st >= 0 && !found)
		nsrl_count(tally, NSRL_NO_SYSTEM, row->line);
	if (st >= 0)
		st = nsrl_products_text(products, NSRL_LANGUAGES, row->field[PROD_LANGUAGE], err);
	if (st >= 0)
		st = nsrl_products_text(products, NSRL_TYPES, row->field[PROD_TYPE], err);
	return st;
}

static enum kith_status declare_products(struct nsrl_v2 *v2, const struct kith_source_args *args,
					 const struct table *tables, struct nsrl_tally *tally,
					 struct kith_err *err)
{
	const struct table *rows = &tables[V2_PROD];
	struct nsrl_products *products = NULL;
	struct kith_buf text = {0};
	uint32_t place;
	size_t i;
	enum kith_status st;

	st = nsrl_products_new(args->decl, v2->root, &products, err);
	for (i = 0; st >= 0 && i < rows->n; i++) {
		struct kith_bytes code = rows->rows[i].field[PROD_CODE];

		st = add_product_row(products, &rows->rows[i], &tables[V2_MFG], &tables[V2_OS],
				     &text, tally, err);
		if (st < 0 || (i + 1 < rows->n && same(code, rows->rows[i + 1].field[PROD_CODE])))
			continue;
		st = nsrl_products_package(products, code, &place, err);
		if (st >= 0 && !add_code(v2, code, place))
			st = kith_fail_nomem(err);
	}
	nsrl_products_free(products);
	kith_buf_done(&text);
	return st;
}

enum kith_status v2_read_tables(struct nsrl_v2 *v2, const struct kith_source_args *args,
				struct kith_err *err)
{
	static const enum v2_text order[] = {V2_MFG, V2_OS, V2_PROD};
	const struct kith_text_list no_links = {NULL, 0};
	struct table tables[V2_TEXTS] = {{0}};
	struct nsrl_tally tally = {0};
	enum kith_status st = KITH_OK;
	size_t i, k;

	for (i = 0; i < 3 && st >= 0; i++) {
		enum v2_text which = order[i];
		struct table *table = &tables[which];
		struct kith_err fault = {0};

		if (!v2->has_text[which])
			kith_ledger_notef(args->ledger, v2->source, KITH_LEDGER_FAILED,
					  "table missing", "%s", formats[which].file);
		st = parse_table(v2, which, table, &tally, &fault);
		if (st == KITH_E_CORRUPT && v2->keep_going) {
			kith_ledger_notef(args->ledger, v2->source, KITH_LEDGER_FAILED,
					  "damaged or cut off", "%s, after %zu rows",
					  formats[which].file, table->n);
			st = KITH_OK;
		} else if (st < 0 && err != NULL) {
			*err = fault;
		}
		for (k = 0; which == V2_MFG && st >= 0 && k < table->n; k++)
			st = kith_decl_distributor(args->decl, table->rows[k].field[1], &no_links,
						   &table->rows[k].handle, err);
		if (which == V2_PROD && st >= 0)
			st = declare_products(v2, args, tables, &tally, err);
		if (st < 0)
			kith_err_context(err, "%s", formats[which].file);
		nsrl_tally_flush(&tally, args->ledger, v2->source, formats[which].name);
	}
	for (i = 0; i < V2_TEXTS; i++)
		free(tables[i].rows);
	return st;
}
