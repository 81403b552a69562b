/* SPDX-License-Identifier: Apache-2.0 */
/*
 * populate.c: a set's page table, made at once. A process maps a set page by page, or some pages at
 * a time, each time with a fault. Where a long list touches most of a set that is in memory
 * anyway, the faults are a quarter of all work, and one call makes them unnecessary.
 *
 * It must not read a set that is not in memory: of a large one on a slow medium a list may need
 * only a part. So a sample of pages is asked for first, in a way that never waits for the medium.
 * A set that is not there, and is about to be read by and by, is asked for in huge pages: where
 * the file system can do so (ext4 since Linux 6.16, XFS), this and later processes need some
 * hundred faults instead of a hundred thousand. On virtual machines that is most of a list's time.
 */
#define _GNU_SOURCE
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "lib/set.h"

/* Linux maps up to 64 KiB around a fault. A lookup touches about six such places: line, record,
 * name, places. The call costs a tenth of the faults that it replaces, so it pays early. */
#define PLACE         ((uint64_t)64 << 10)
#define LOOKUP_PLACES 4u

/* Pages that are asked for before, and how many may be missing: what the call then reads is a few
 * hundredths of the set, and of a set that is about to be read nearly as a whole. */
#define SAMPLES 256u
#define MISSING 4u

#if defined(MADV_POPULATE_READ) && defined(RWF_NOWAIT)

static bool is_in_memory(const struct kith_db *db)
{
	int fd = kith_db_fd(db);
	unsigned missing = 0, i;

	for (i = 0; i < SAMPLES && missing <= MISSING; i++) {
		uint8_t byte;
		struct iovec to = {&byte, 1};
		uint64_t offset = db->file_size / SAMPLES * i;

		missing += preadv2(fd, &to, 1, (off_t)offset, RWF_NOWAIT) != 1;
	}
	return missing <= MISSING;
}

/* Of a set that memory cannot hold, each huge page would be read again and again. */
static bool has_room(const struct kith_db *db)
{
	long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);

	return pages > 0 && size > 0 && db->file_size < (uint64_t)pages / 2 * (uint64_t)size;
}

void kith_set_expect(kith_set *set, uint64_t n_lookups)
{
	const struct kith_db *db = &set->db;
	union {
		const uint8_t *in; /* cppcheck-suppress unusedStructMember */
		void *out;
	} base = {.in = db->base};

	if (set->populated || n_lookups < db->file_size / PLACE / LOOKUP_PLACES)
		return;
	set->populated = true;
	/* Only hints: what goes wrong here is found when the page is used. */
	if (is_in_memory(db))
		(void)madvise(base.out, (size_t)db->file_size, MADV_POPULATE_READ);
	else if (has_room(db))
		(void)madvise(base.out, db->map_size, MADV_HUGEPAGE);
}

#else

void kith_set_expect(kith_set *set, uint64_t n_lookups)
{
	(void)set;
	(void)n_lookups;
}

#endif
