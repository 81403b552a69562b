/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mkrds_model.c: the release that is described, whatever kind is written.
 *
 * Packages are stretches of rows; a package's rows belong to one or more objects (media). Rows are
 * walked in order: about ten share a folder, about 60 % stand in containers of some 30 rows, which
 * are rows themselves, up to RDS_DEPTH - 1 deep.
 */
#include <stdlib.h>
#include <string.h>

#include "mkrds.h"

static uint64_t chance_of(const struct rds_release *rel, enum rds_tag tag, uint64_t number)
{
	return rds_mix(rel->opt.seed ^ (uint64_t)tag << 56 ^ number);
}

uint32_t rds_package_id(uint32_t package)
{
	return 200000u + 7u * package;
}

uint32_t rds_company_id(uint32_t company)
{
	return 1000u + company;
}

uint32_t rds_system_id(uint32_t system)
{
	return 300u + 3u * system;
}

uint32_t rds_object_id(uint32_t object)
{
	return 50000u + 2u * object;
}

/* ------------------------------------------------------------- packages */

/* A few packages have most of the rows. The first is never tiny: it has the samples' rows. */
static uint64_t weight_of(const struct rds_release *rel, uint32_t package)
{
	uint64_t c = chance_of(rel, RDS_TAG_PACKAGE, package) & 63;

	return 1 + c * c + (package == 0 ? 500 : 0);
}

bool rds_release_init(struct rds_release *rel, const struct rds_options *opt)
{
	uint64_t weights = 0, sum = 0;
	uint32_t n = opt->packages;

	memset(rel, 0, sizeof(*rel));
	rel->opt = *opt;
	if (n == 0)
		n = opt->rows / 10000 > 5 ? (uint32_t)(opt->rows / 10000) : 5;
	rel->n_packages = n;
	rel->n_companies = 12 + n / 12;
	/* With one row a content there are four times the names to draw. */
	rel->name_pool = (uint32_t)((double)opt->rows / 3.6) + 50;
	rel->path_pool = (uint32_t)(opt->rows / 12) + 10;
	/* Small releases have all kinds of odd things, large ones a realistic share. */
	rel->realistic = rel->name_pool >= 100000;
	rel->odd = rel->realistic ? 5000 : 400;
	rel->packages = calloc((size_t)n + 1, sizeof(*rel->packages));
	if (rel->packages == NULL)
		return false;
	for (uint32_t i = 0; i < n; i++)
		weights += weight_of(rel, i);
	for (uint32_t i = 0; i < n; i++) {
		struct rds_package *p = &rel->packages[i];
		uint64_t c = chance_of(rel, RDS_TAG_PACKAGE, i);

		p->first_row = (uint64_t)((double)sum / (double)weights * (double)opt->rows);
		p->first_object = rel->n_objects;
		p->n_objects = 1 + (uint32_t)(c >> 16) % 3;
		rel->n_objects += p->n_objects;
		p->n_applications = i % 13 == 3 ? 0 : i % 7 == 1 ? 2 : 1;
		sum += weight_of(rel, i);
	}
	rel->packages[n].first_row = opt->rows;
	rel->packages[n].first_object = rel->n_objects;
	return true;
}

void rds_release_done(struct rds_release *rel)
{
	free(rel->packages);
	rel->packages = NULL;
}

/*
 * Up to RDS_LINKS different numbers below `below`. In a release of odd things several are usual;
 * otherwise one is, so that a package has nearly four rows in PKG as the modern set of 2025 has
 * (139,483 rows for 36,839 packages).
 */
static void pick_links(const struct rds_release *rel, struct rds_links *links, uint64_t chance,
		       uint32_t below)
{
	static const uint8_t many[8] = {1, 1, 1, 2, 2, 2, 3, 3}, few[8] = {1, 1, 1, 1, 1, 2, 2, 2};
	uint32_t n = rel->realistic ? few[chance & 7] : many[chance & 7];

	links->n = 0;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t id = (uint32_t)(chance >> (8 + 16 * i) & 0xffff) % below;
		bool have = false;

		for (uint32_t j = 0; j < links->n; j++)
			have = have || links->id[j] == id;
		if (!have)
			links->id[links->n++] = id;
	}
}

void rds_application(const struct rds_release *rel, uint32_t package, uint32_t nth,
		     struct rds_application *ret)
{
	/* Some packages are the one before once more, under another id. */
	uint32_t product = package % 9 == 2 ? package - 1 : package;
	uint64_t chance = chance_of(rel, RDS_TAG_PACKAGE, (uint64_t)(product + 1) << 32);

	rds_product_text(rel->opt.seed, nth == 0 ? product : product + 5000u, &ret->name,
			 &ret->version);
	pick_links(rel, &ret->systems, chance, rds_n_systems);
	pick_links(rel, &ret->companies, rds_mix(chance), rel->n_companies);
	pick_links(rel, &ret->languages, rds_mix(chance + 1), rds_n_languages);
	pick_links(rel, &ret->types, rds_mix(chance + 2), rds_n_types - 1);
	/* The samples' user shall see something plain: one of each, and a sensible one. */
	if (product == 0) {
		ret->systems = (struct rds_links){.n = 1, .id = {1}};
		ret->companies = (struct rds_links){.n = 1, .id = {0}};
		ret->languages = (struct rds_links){.n = 1, .id = {0}};
		ret->types = (struct rds_links){.n = 1, .id = {1}};
	}
	/* The key of PKG has no name in it, so a second application needs another type. */
	if (nth > 0) {
		ret->types.n = 1;
		ret->types.id[0] = rds_n_types - 1;
	}
}

/* --------------------------------------------------------------- digests */

static int digit(char c)
{
	return c <= '9' ? c - '0' : (c | 32) - 'a' + 10;
}

static void unhex(uint8_t *out, const char *hex, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out[i] = (uint8_t)(digit(hex[2 * i]) << 4 | digit(hex[2 * i + 1]));
}

static void fill(const struct rds_release *rel, uint32_t file, uint32_t which, uint8_t *out,
		 size_t n)
{
	uint64_t x = chance_of(rel, RDS_TAG_DIGEST, (uint64_t)which << 32 | file);

	for (size_t i = 0; i < n; i += 8) {
		for (size_t j = 0; j < 8 && i + j < n; j++)
			out[i + j] = (uint8_t)(x >> (8 * j));
		x = rds_mix(x);
	}
}

static uint64_t size_of(const struct rds_release *rel, uint32_t file)
{
	uint64_t c = chance_of(rel, RDS_TAG_SIZE, file);
	uint32_t bits = 4 + (uint32_t)(c % 20);

	if ((c >> 8 & 2047) == 0)
		bits = 34; /* beyond 4 GiB */
	return (c >> 24 & ((UINT64_C(1) << bits) - 1)) + 1;
}

/*
 * Twins: a few files share a digest with the file before. In real releases that is one in
 * hundreds of thousands; small releases get some of each kind too.
 */
enum twin { TWIN_NONE, TWIN_MD5, TWIN_SHA1, TWIN_SHA256, TWIN_SIZE };

static enum twin twin_of(uint32_t file)
{
	uint32_t r = file < 2000 ? file % 499 : file % 99991;

	if (file < 60 || file >= RDS_HOSTILE_FILE)
		return TWIN_NONE;
	return r == 101   ? TWIN_MD5
	       : r == 211 ? TWIN_SHA1
	       : r == 307 ? TWIN_SHA256
	       : r == 401 ? TWIN_SIZE
			  : TWIN_NONE;
}

void rds_file_digests(const struct rds_release *rel, uint32_t file, struct rds_digests *ret)
{
	enum twin twin = twin_of(file);
	bool same_all = twin == TWIN_SIZE;

	if (file < rds_n_known_files) {
		const struct rds_known *known = &rds_known_files[file];

		unhex(ret->sha256, known->sha256, 32);
		unhex(ret->sha1, known->sha1, 20);
		unhex(ret->md5, known->md5, 16);
		unhex(ret->crc32, known->crc32, 4);
		ret->size = known->size;
		return;
	}
	fill(rel, file - (same_all || twin == TWIN_SHA256), 0, ret->sha256, 32);
	fill(rel, file - (same_all || twin == TWIN_SHA1), 1, ret->sha1, 20);
	fill(rel, file - (same_all || twin == TWIN_MD5), 2, ret->md5, 16);
	fill(rel, file - same_all, 3, ret->crc32, 4);
	ret->size = size_of(rel, file);
}

/* ------------------------------------------------------------------ walk */

void rds_walk_init(struct rds_walk *walk, const struct rds_release *rel)
{
	memset(walk, 0, sizeof(*walk));
	walk->rel = rel;
	walk->package = UINT32_MAX;
	walk->object = UINT32_MAX;
	walk->n_files = rds_n_known_files;
}

/* The object that a row of a package belongs to: equal shares. */
static uint32_t object_of(const struct rds_package *p, uint64_t row)
{
	uint64_t rows = p[1].first_row - p[0].first_row;

	return p->first_object + (uint32_t)((row - p->first_row) * p->n_objects / rows);
}

static void pick_file(struct rds_walk *walk, uint64_t chance, struct rds_row *row)
{
	const struct rds_release *rel = walk->rel;
	double rows_per_file = rel->opt.rows_per_file;
	uint32_t old = walk->n_files - rds_n_known_files;
	uint32_t pick = (uint32_t)(chance & 0xffff);

	if (rows_per_file > 1.0 && pick < 655) {
		row->file = RDS_FILE_EMPTY; /* 1 % of all rows */
	} else if (rows_per_file > 1.0 && pick < 900) {
		row->file = 3 + (uint32_t)(chance >> 16 & 0xffff) % (rds_n_known_files - 3);
	} else if (old < 50 || (double)(chance >> 16 & 0xffffff) * rows_per_file < 16777216.0) {
		row->file = walk->n_files++;
	} else {
		/* Half of the repetitions are of recent files, as with several media. */
		uint32_t span = (chance >> 40 & 1) != 0 && old > 5000 ? 5000 : old;

		row->file = walk->n_files - 1 - (uint32_t)((chance >> 41) % span);
	}
	/* Usually a file has its own name. */
	if (row->file < rds_n_known_files || (chance >> 60) < 2)
		row->name = (uint32_t)(rds_mix(chance) % rel->name_pool);
	else
		row->name = (uint32_t)(chance_of(rel, RDS_TAG_NAME, row->file) % rel->name_pool);
}

/* The first rows of each release: what the samples' user looks up. */
static void fixed_row(struct rds_walk *walk, struct rds_row *row)
{
	switch (row->number) {
	case 0:
		row->name = RDS_NAME_SETUP;
		row->path = RDS_PATH_NONE;
		break;
	case 1:
		row->file = RDS_FILE_EDITOR;
		row->name = RDS_NAME_EDITOR;
		row->path = RDS_PATH_EDITOR;
		break;
	case 2:
		row->file = RDS_FILE_HELLO;
		row->name = RDS_NAME_HELLO;
		row->path = RDS_PATH_EDITOR;
		break;
	default: break;
	}
	/* A second product ships the same text under another name. */
	if (walk->package == 1 && row->number == walk->rel->packages[1].first_row) {
		row->file = RDS_FILE_HELLO;
		row->name = RDS_NAME_WELCOME;
	}
}

bool rds_walk_next(struct rds_walk *walk, struct rds_row *ret)
{
	const struct rds_release *rel = walk->rel;
	uint64_t row = walk->next, chance, folder_chance;
	uint32_t level, object;

	if (row >= rel->opt.rows)
		return false;
	while (walk->package == UINT32_MAX || rel->packages[walk->package + 1].first_row <= row)
		walk->package++;
	object = object_of(&rel->packages[walk->package], row);
	if (object != walk->object) {
		walk->object = object;
		walk->level = 0;
		walk->stack[0].folder_left = 0;
	}
	while (walk->level > 0 && walk->stack[walk->level].left == 0)
		walk->level--;
	level = walk->level;
	chance = chance_of(rel, RDS_TAG_ROW, row);
	folder_chance = rds_mix(chance + 1);
	if (walk->stack[level].folder_left == 0) {
		walk->stack[level].folder_left = 1 + (uint32_t)(folder_chance % 19);
		walk->stack[level].path = (folder_chance >> 20 & 31) == 0
					      ? RDS_PATH_NONE
					      : (uint32_t)((folder_chance >> 25) % rel->path_pool);
	}
	walk->stack[level].folder_left--;
	if (level > 0)
		walk->stack[level].left--;

	ret->number = row;
	ret->package = walk->package;
	ret->object = object;
	ret->level = level;
	ret->container = level > 0 ? walk->stack[level].container : 0;
	ret->path = walk->stack[level].path;
	pick_file(walk, chance, ret);
	fixed_row(walk, ret);
	/* Open a container: 4 % of the rows outside, fewer inside. */
	if (row == 0 || (row > 2 && level + 1 < RDS_DEPTH && ret->file >= rds_n_known_files &&
			 (folder_chance >> 54) < (level == 0 ? 42 : 9))) {
		if (row != 0)
			ret->name =
			    RDS_NAME_ARCHIVES + (uint32_t)(rds_mix(chance + 2) % rel->name_pool);
		level = ++walk->level;
		walk->stack[level].container = row;
		walk->stack[level].left = 1 + (folder_chance >> 4 & 0xffff) % 59;
		walk->stack[level].folder_left = 0;
		if (row == 0)
			walk->stack[level].left = 2;
	}
	walk->next++;
	return true;
}

/* ------------------------------------------------------------ short rows */

/* qsort has no place for these. */
static const struct rds_release *sort_release;
static bool sort_sha1;

static int compare_names(uint32_t a, uint32_t b)
{
	struct rds_text x, y;
	int c;

	rds_name_text(sort_release->opt.seed, sort_release->odd, a, &x);
	rds_name_text(sort_release->opt.seed, sort_release->odd, b, &y);
	c = memcmp(x.s, y.s, x.n < y.n ? x.n : y.n);
	return c != 0 ? c : (x.n > y.n) - (x.n < y.n);
}

static int compare_files(uint32_t a, uint32_t b)
{
	struct rds_digests x, y;
	int c;

	rds_file_digests(sort_release, a, &x);
	rds_file_digests(sort_release, b, &y);
	c = sort_sha1 ? 0 : memcmp(x.sha256, y.sha256, 32);
	if (c == 0)
		c = memcmp(x.sha1, y.sha1, 20);
	if (c == 0)
		c = memcmp(x.md5, y.md5, 16);
	return c != 0 ? c : memcmp(x.crc32, y.crc32, 4);
}

/* The order of FILE's primary key: digests, name, size, package. */
static int compare_rows(const void *a, const void *b)
{
	const struct rds_short *x = a, *y = b;
	int c = (x->prefix > y->prefix) - (x->prefix < y->prefix);

	if (c == 0 && x->file != y->file)
		c = compare_files(x->file, y->file);
	if (c == 0 && x->name != y->name)
		c = compare_names(x->name, y->name);
	if (c == 0 && x->file != y->file) {
		struct rds_digests p, q;

		rds_file_digests(sort_release, x->file, &p);
		rds_file_digests(sort_release, y->file, &q);
		c = (p.size > q.size) - (p.size < q.size);
	}
	return c != 0 ? c : (x->package > y->package) - (x->package < y->package);
}

struct rds_short *rds_short_rows(const struct rds_release *rel, bool sha1, uint64_t *ret_n)
{
	struct rds_short *rows = malloc((size_t)(rel->opt.rows + 1) * sizeof(*rows));
	struct rds_walk walk;
	struct rds_row row;
	uint64_t n = 0, kept = 0;

	if (rows == NULL)
		return NULL;
	for (rds_walk_init(&walk, rel); rds_walk_next(&walk, &row); n++) {
		struct rds_digests digests;

		rds_file_digests(rel, row.file, &digests);
		rows[n].prefix = 0;
		for (uint32_t i = 0; i < 8; i++)
			rows[n].prefix =
			    rows[n].prefix << 8 | (sha1 ? digests.sha1[i] : digests.sha256[i]);
		rows[n].file = row.file;
		rows[n].name = row.name;
		rows[n].package = row.package;
	}
	sort_release = rel;
	sort_sha1 = sha1;
	qsort(rows, (size_t)n, sizeof(*rows), compare_rows);
	for (uint64_t i = 0; i < n; i++) {
		if (kept == 0 || compare_rows(&rows[kept - 1], &rows[i]) != 0)
			rows[kept++] = rows[i];
	}
	*ret_n = kept;
	return rows;
}

uint32_t rds_n_hostile(const struct rds_release *rel)
{
	uint64_t n = rel->opt.rows / 500;

	if (!rel->opt.hostile)
		return 0;
	return n < 2 * RDS_BAD_KINDS ? 2 * RDS_BAD_KINDS : n > 100000 ? 100000 : (uint32_t)n;
}
