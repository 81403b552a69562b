/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "fixture_set.h"

#include <dirent.h>
#include <fcntl.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---------------------------------------------------------------- writing */

#define COMMIT_EVERY 50000u

enum { META, FILES, SHA1_ONLY, NAME, PLACE, PRODUCT, DISTRIBUTOR, SOURCE, LEDGER, INDEX, TABLES };
static const char *const names[TABLES] = {"meta",    "file",        "sha1only", "name",   "place",
					  "product", "distributor", "source",   "ledger", "index"};
static const char *const kinds[KITH_DIGESTS] = {"sha256", "sha1", "md5"};

struct writer {
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi[TABLES];
	uint64_t puts;
	uint64_t files, sha1_only, occurrences, trivial, fragments, conflicts;
	uint64_t entries[KITH_DIGESTS];
	uint64_t n_lines[KITH_DIGESTS];
	uint8_t *lines[KITH_DIGESTS];
	const uint8_t *base;
};

static bool fail(const char *what, int rc)
{
	(void)fprintf(stderr, "fixture: %s: %s\n", what, mdb_strerror(rc));
	return false;
}

static bool put(struct writer *w, int table, const void *key, size_t key_n, const void *value,
		size_t n)
{
	MDB_val k = {key_n, (void *)(uintptr_t)key}, v = {n, (void *)(uintptr_t)value};
	int rc = mdb_put(w->txn, w->dbi[table], &k, &v,
			 table == FILES || table == SHA1_ONLY ? MDB_APPEND : 0);

	if (rc == 0 && ++w->puts % COMMIT_EVERY == 0) {
		rc = mdb_txn_commit(w->txn);
		if (rc == 0)
			rc = mdb_txn_begin(w->env, NULL, 0, &w->txn);
	}
	return rc == 0 || fail(names[table], rc);
}

static bool put_meta(struct writer *w, const char *key, const void *value, size_t n)
{
	return put(w, META, key, strlen(key), value, n);
}

static bool put_count(struct writer *w, const char *key, uint64_t v)
{
	char text[24];

	return put_meta(w, key, text, (size_t)sprintf(text, "%llu", (unsigned long long)v));
}

static bool put_files(struct writer *w, bool sha1_only)
{
	static struct fixture_file file;
	uint64_t n = sha1_only ? w->sha1_only : w->files, i;
	struct kith_buf buf = {0};
	bool good = true;

	for (i = 0; i < n && good; i++) {
		fixture_file(i, n, sha1_only, &file);
		buf.n = 0;
		good = kith_record_encode(&buf, file.marks, file.claims, file.n_claims, file.occs,
					  file.n_occs) &&
		       put(w, sha1_only ? SHA1_ONLY : FILES, file.key, sha1_only ? 20 : 32,
			   buf.data, buf.n);
		w->occurrences += file.n_occs;
		w->trivial += (file.marks & KITH_REC_TRIVIAL) != 0;
		w->fragments += (file.marks & KITH_REC_FRAGMENT) != 0;
		w->conflicts += file.n_claims > 1;
		if (sha1_only)
			w->entries[KITH_SHA1]++;
		else
			w->entries[KITH_SHA256]++;
		w->entries[KITH_SHA1] += (file.claims[0].has & KITH_REC_HAS_SHA1) != 0;
		w->entries[KITH_SHA1] += file.n_claims > 1 && !sha1_only;
		w->entries[KITH_MD5] += (file.claims[0].has & KITH_REC_HAS_MD5) != 0;
		w->entries[KITH_MD5] += file.n_claims > 1;
	}
	kith_buf_done(&buf);
	return good;
}

/* Writes a table of blocks; item() appends item i to buf. */
static bool put_items(struct writer *w, int table, uint32_t count,
		      bool (*item)(struct kith_buf *buf, uint32_t i))
{
	struct kith_buf bytes = {0}, block = {0};
	size_t lens[KITH_BLOCK];
	uint32_t i, n = 0;
	uint8_t key[4];
	bool good = true;

	for (i = 0; i < count && good; i++) {
		size_t before = bytes.n;

		good = item(&bytes, i);
		lens[n++] = bytes.n - before;
		if (n < KITH_BLOCK && i + 1 < count)
			continue;
		kith_put_be32(key, i + 1 - n);
		block.n = 0;
		good = good && kith_block_encode(&block, lens, n, bytes.data) &&
		       put(w, table, key, 4, block.data, block.n);
		bytes.n = 0;
		n = 0;
	}
	kith_buf_done(&bytes);
	kith_buf_done(&block);
	return good;
}

static struct kith_bytes text(const char *s)
{
	struct kith_bytes bytes = {(const uint8_t *)s, strlen(s)};

	return bytes;
}

static bool name_item(struct kith_buf *buf, uint32_t i)
{
	char name[64];
	size_t n = fixture_name(i, name);

	return kith_buf_add(buf, name, n);
}

static bool place_item(struct kith_buf *buf, uint32_t i)
{
	char name[64];
	enum kith_place_kind kind;
	uint32_t parent, ref = 0;
	size_t n = fixture_place(i, name, &kind, &parent);
	struct kith_bytes bytes = {(const uint8_t *)name, n};
	struct kith_rank_list refs = {&ref, kind == KITH_PLACE_FOLDER ? 0 : 1};

	if (kind == KITH_PLACE_PRODUCT)
		ref = (i - 1) / (1 + FIXTURE_FOLDERS);
	return kith_place_encode(buf, kind, i, parent, &refs, bytes);
}

static bool product_item(struct kith_buf *buf, uint32_t i)
{
	static const uint32_t both[] = {0, 1};
	const struct kith_rank_list distributors = {both, i == 2 ? 2 : 1};
	struct kith_bytes systems[] = {text("Amiga, 3"), text("Windows 11")};
	const struct kith_text_list some = {systems, 2}, empty = {NULL, 0};
	char name[] = "Product 0";

	name[8] = (char)('0' + i);
	return kith_product_encode(buf, 0, text(name), text("1.0"), &distributors, &some, &empty,
				   &empty, &empty);
}

static bool distributor_item(struct kith_buf *buf, uint32_t i)
{
	struct kith_bytes link = text("https://example.org/");
	struct kith_text_list links = {&link, i};

	return kith_distributor_encode(buf, i, text(i == 0 ? "Example" : "Unknown"), &links);
}

static bool source_item(struct kith_buf *buf, uint32_t i)
{
	struct kith_source source = {.evidence = KITH_REFERENCE,
				     .id = text("fixture"),
				     .label = text("A fixture"),
				     .notice = text("made by a test")};

	(void)i;
	return kith_source_encode(buf, &source);
}

static bool put_ledger(struct writer *w)
{
	uint8_t key[8] = {0};
	struct kith_buf buf = {0};
	bool good =
	    kith_ledger_encode(&buf, KITH_LEDGER_COUNT, w->files, text("rows read"), text("")) &&
	    put(w, LEDGER, key, 8, buf.data, buf.n);

	buf.n = 0;
	key[7] = 1;
	good =
	    good &&
	    kith_ledger_encode(&buf, KITH_LEDGER_SKIPPED, 2, text("bad sha256"), text("row 17")) &&
	    put(w, LEDGER, key, 8, buf.data, buf.n);
	kith_buf_done(&buf);
	return good;
}

/* An index value with its size, to be filled in when all records have their place. */
static bool put_empty_index(struct writer *w, const char *key, size_t n)
{
	MDB_val k = {strlen(key), (void *)(uintptr_t)key}, v = {n, NULL};
	int rc = mdb_put(w->txn, w->dbi[INDEX], &k, &v, MDB_RESERVE);

	if (rc != 0)
		return fail("index", rc);
	memset(v.mv_data, 0, n);
	return true;
}

static bool put_tables(struct writer *w)
{
	uint8_t id[32], anchor[32];
	int kind;

	fixture_unknown(99, id);
	memcpy(anchor, "KITHANCH\xa5\xa5\xa5\xa5\xa5\xa5\xa5\xa5", 16);
	memcpy(anchor + 16, id, 16);
	if (!put_files(w, false) || !put_files(w, true) ||
	    !put_items(w, NAME, FIXTURE_NAMES, name_item) ||
	    !put_items(w, PLACE, FIXTURE_PLACES, place_item) ||
	    !put_items(w, PRODUCT, FIXTURE_PRODUCTS, product_item) ||
	    !put_items(w, DISTRIBUTOR, 2, distributor_item) ||
	    !put_items(w, SOURCE, 1, source_item) || !put_ledger(w))
		return false;
	for (kind = 0; kind < KITH_DIGESTS; kind++) {
		w->n_lines[kind] = kith_index_lines(w->entries[kind]);
		if (w->entries[kind] > 0 &&
		    !put_empty_index(w, kinds[kind],
				     KITH_INDEX_HEAD + (size_t)w->n_lines[kind] * KITH_LINE))
			return false;
	}
	return put_empty_index(w, "name", 8 * ((FIXTURE_NAMES + 31) / 32)) &&
	       put_empty_index(w, "place", 8 * ((FIXTURE_PLACES + 31) / 32)) &&
	       put_meta(w, "format", "1", 1) && put_meta(w, "id", id, 32) &&
	       put_meta(w, "anchor", anchor, 32) && put_count(w, "count.file", w->files) &&
	       put_count(w, "count.sha1only", w->sha1_only) &&
	       put_count(w, "count.name", FIXTURE_NAMES) &&
	       put_count(w, "count.place", FIXTURE_PLACES) &&
	       put_count(w, "count.product", FIXTURE_PRODUCTS) &&
	       put_count(w, "count.distributor", 2) && put_count(w, "count.source", 1) &&
	       put_count(w, "count.occurrence", w->occurrences) &&
	       put_count(w, "count.trivial", w->trivial) &&
	       put_count(w, "count.fragment", w->fragments) &&
	       put_count(w, "count.conflict", w->conflicts) &&
	       put_meta(w, "notice.1", "made by a test", 14);
}

/* ------------------------------------------------------------ direct index */

static void insert(struct writer *w, int kind, const uint8_t *digest, uint64_t slot)
{
	uint64_t line = kith_index_line(kith_index_prefix(digest), w->n_lines[kind]);

	for (;;) {
		uint8_t *p = w->lines[kind] + line * KITH_LINE, *end = p + KITH_LINE;

		for (; p < end; p += 8) {
			if (kith_get_le64(p) == 0) {
				kith_put_le64(p, slot | kith_index_tag(digest));
				return;
			}
		}
		line = line + 1 == w->n_lines[kind] ? 0 : line + 1;
	}
}

static bool index_files(struct writer *w, MDB_txn *txn, bool sha1_only)
{
	static struct fixture_file file;
	uint64_t n = sha1_only ? w->sha1_only : w->files, i = 0;
	MDB_cursor *cursor;
	MDB_val k, v;

	if (mdb_cursor_open(txn, w->dbi[sha1_only ? SHA1_ONLY : FILES], &cursor) != 0)
		return false;
	for (; mdb_cursor_get(cursor, &k, &v, MDB_NEXT) == 0; i++) {
		const uint8_t *behind = (const uint8_t *)k.mv_data + k.mv_size;
		uint64_t slot = (uint64_t)(behind - w->base) / 2;
		size_t c;

		fixture_file(i, n, sha1_only, &file);
		if (sha1_only)
			slot |= KITH_SLOT_SHA1;
		if (behind != v.mv_data)
			slot |= KITH_SLOT_LARGE;
		insert(w, sha1_only ? KITH_SHA1 : KITH_SHA256, file.key, slot);
		for (c = 0; c < file.n_claims; c++) {
			if ((file.claims[c].has & KITH_REC_HAS_SHA1) != 0)
				insert(w, KITH_SHA1, file.claims[c].sha1, slot);
			if ((file.claims[c].has & KITH_REC_HAS_MD5) != 0)
				insert(w, KITH_MD5, file.claims[c].md5, slot);
		}
	}
	mdb_cursor_close(cursor);
	return true;
}

static bool patch(int fd, const void *data, size_t n, const uint8_t *at, const uint8_t *base)
{
	const uint8_t *p = data;

	while (n > 0) {
		ssize_t put_n = pwrite(fd, p, n, at - base);

		if (put_n <= 0)
			return false;
		p += put_n;
		at += put_n;
		n -= (size_t)put_n;
	}
	return true;
}

static bool patch_offsets(struct writer *w, MDB_txn *txn, int fd, int table)
{
	MDB_val k = {strlen(names[table]), (void *)(uintptr_t)names[table]}, v, row;
	MDB_cursor *cursor;
	const uint8_t *at;
	bool good = true;

	if (mdb_get(txn, w->dbi[INDEX], &k, &v) != 0 ||
	    mdb_cursor_open(txn, w->dbi[table], &cursor) != 0)
		return false;
	for (at = v.mv_data; good && mdb_cursor_get(cursor, &k, &row, MDB_NEXT) == 0; at += 8) {
		uint8_t offset[8];

		kith_put_le64(offset, (uint64_t)((const uint8_t *)row.mv_data - w->base));
		good = patch(fd, offset, 8, at, w->base);
	}
	mdb_cursor_close(cursor);
	return good;
}

/* Finds where the file is in memory: the anchor's bytes are in it once. */
static bool find_base(struct writer *w, MDB_txn *txn, int fd, size_t size, uint64_t *ret_offset,
		      const uint8_t **ret_anchor)
{
	MDB_val k = {6, (void *)(uintptr_t) "anchor"}, v;
	const uint8_t *map = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0), *at;

	if (map == MAP_FAILED || mdb_get(txn, w->dbi[META], &k, &v) != 0)
		return false;
	at = memmem(map, size, v.mv_data, v.mv_size);
	if (at == NULL)
		return false;
	*ret_offset = (uint64_t)(at - map);
	*ret_anchor = v.mv_data;
	w->base = (const uint8_t *)v.mv_data - *ret_offset;
	(void)munmap((void *)(uintptr_t)map, size);
	return true;
}

static bool add_index(struct writer *w, const char *path)
{
	uint8_t head[KITH_INDEX_HEAD] = {0}, number[8];
	const uint8_t *anchor;
	MDB_txn *txn;
	MDB_envinfo info;
	MDB_stat about;
	struct stat st;
	uint64_t offset;
	size_t size;
	int fd = open(path, O_RDWR | O_CLOEXEC), kind;
	bool good;

	if (fd < 0 || mdb_txn_begin(w->env, NULL, MDB_RDONLY, &txn) != 0 ||
	    mdb_env_info(w->env, &info) != 0 || mdb_env_stat(w->env, &about) != 0)
		return false;
	/* the last page may never have been written */
	size = (info.me_last_pgno + 1) * about.ms_psize;
	if (fstat(fd, &st) != 0 || ((size_t)st.st_size < size && ftruncate(fd, (off_t)size) != 0))
		return false;
	if (!find_base(w, txn, fd, size, &offset, &anchor))
		return false;
	for (kind = 0; kind < KITH_DIGESTS; kind++)
		w->lines[kind] = calloc((size_t)w->n_lines[kind], KITH_LINE);
	good = index_files(w, txn, false) && index_files(w, txn, true);
	for (kind = 0; kind < KITH_DIGESTS && good; kind++) {
		MDB_val k = {strlen(kinds[kind]), (void *)(uintptr_t)kinds[kind]}, v;

		if (w->entries[kind] == 0)
			continue;
		memcpy(head, KITH_INDEX_MAGIC, 8);
		kith_put_le64(head + 8, w->n_lines[kind]);
		kith_put_le64(head + 16, w->entries[kind]);
		good = mdb_get(txn, w->dbi[INDEX], &k, &v) == 0 &&
		       patch(fd, head, sizeof head, v.mv_data, w->base) &&
		       patch(fd, w->lines[kind], (size_t)w->n_lines[kind] * KITH_LINE,
			     (const uint8_t *)v.mv_data + KITH_INDEX_HEAD, w->base);
	}
	kith_put_le64(number, offset);
	good = good && patch_offsets(w, txn, fd, NAME) && patch_offsets(w, txn, fd, PLACE) &&
	       patch(fd, number, 8, anchor + 8, w->base);
	mdb_txn_abort(txn);
	(void)close(fd);
	for (kind = 0; kind < KITH_DIGESTS; kind++)
		free(w->lines[kind]);
	return good;
}

bool fixture_set_write(const char *path, uint64_t files, uint64_t sha1_only)
{
	struct writer w = {.files = files, .sha1_only = sha1_only};
	int rc, i;

	(void)unlink(path);
	rc = mdb_env_create(&w.env);
	if (rc == 0)
		rc = mdb_env_set_maxdbs(w.env, TABLES);
	if (rc == 0)
		rc = mdb_env_set_mapsize(w.env, (size_t)16 << 30);
	if (rc == 0)
		rc = mdb_env_open(w.env, path, MDB_NOSUBDIR | MDB_NOLOCK | MDB_NOSYNC, 0644);
	if (rc == 0)
		rc = mdb_txn_begin(w.env, NULL, 0, &w.txn);
	for (i = 0; i < TABLES && rc == 0; i++)
		rc = mdb_dbi_open(w.txn, names[i], MDB_CREATE, &w.dbi[i]);
	if (rc != 0)
		return fail(path, rc);
	if (!put_tables(&w))
		return false;
	rc = mdb_txn_commit(w.txn);
	if (rc != 0)
		return fail("commit", rc);
	if (!add_index(&w, path))
		return fail("index", 0);
	mdb_env_close(w.env);
	return true;
}

/* ----------------------------------------------------------------- folder */

static char folder[256];

const char *fixture_folder(void)
{
	const char *tmp = getenv("TMPDIR");

	(void)snprintf(folder, sizeof folder, "%s/kith-test-XXXXXX", tmp != NULL ? tmp : "/tmp");
	return mkdtemp(folder);
}

void fixture_folder_remove(void)
{
	DIR *dir = opendir(folder);
	const struct dirent *entry;

	while (dir != NULL && (entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.')
			(void)unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir != NULL)
		(void)closedir(dir);
	(void)rmdir(folder);
}

const char *fixture_path(const char *name)
{
	static char paths[4][512];
	static unsigned next;
	char *path = paths[next++ % 4];

	(void)snprintf(path, sizeof paths[0], "%s/%s", folder, name);
	return path;
}

bool fixture_open(uint32_t files, uint32_t sha1_only, kith_set **ret_set, kith_reader **ret_reader)
{
	struct kith_err err = {KITH_OK, 0, ""};

	if (fixture_folder() == NULL ||
	    !fixture_set_write(fixture_path("good.kith"), files, sha1_only))
		return false;
	if (kith_set_open(fixture_path("good.kith"), ret_set, &err) < 0 ||
	    kith_reader_open(*ret_set, ret_reader, &err) < 0) {
		(void)fprintf(stderr, "%s\n", err.msg);
		return false;
	}
	return true;
}

void fixture_close(kith_set *set, kith_reader *reader)
{
	kith_reader_close(reader);
	kith_set_close(set);
	fixture_folder_remove();
}
