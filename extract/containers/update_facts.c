/* SPDX-License-Identifier: Apache-2.0 */
#include "containers/update_facts.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"

#define WEIGHT 60u /* image metadata, see kith_emit_fact */

/* Names on Windows have no case; only ASCII matters here. */
static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 'a' - 'A') : c;
}

static bool same(const uint8_t *a, const char *b, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (lower(a[i]) != (uint8_t)b[i])
			return false;
	return true;
}

static bool begins_with(const uint8_t *name, size_t n, const char *with)
{
	return n >= strlen(with) && same(name, with, strlen(with));
}

static bool ends_with(const uint8_t *name, size_t n, const char *with)
{
	size_t m = strlen(with);

	return n >= m && same(name + n - m, with, m);
}

/* Digits behind "-kb": articles have six or seven, eight are allowed for. */
static size_t find_number(const uint8_t *name, size_t n, const uint8_t **ret)
{
	size_t i, digits;

	for (i = 0; i + 3 < n; i++) {
		if (!same(name + i, "-kb", 3))
			continue;
		for (digits = 0; i + 3 + digits < n; digits++)
			if (name[i + 3 + digits] < '0' || name[i + 3 + digits] > '9')
				break;
		if (digits >= 6 && digits <= 8) {
			*ret = name + i + 3;
			return digits;
		}
	}
	return 0;
}

/* Of several the smallest rank, then the smallest number: so that the order does not matter. */
static void take_number(struct kith_update_facts *facts, const uint8_t *digits, size_t n,
			unsigned rank)
{
	char number[sizeof facts->number];

	(void)snprintf(number, sizeof number, "%.*s", (int)n, (const char *)digits);
	if (facts->number[0] != '\0' &&
	    (rank > facts->rank || (rank == facts->rank && strcmp(number, facts->number) >= 0)))
		return;
	memcpy(facts->number, number, sizeof number);
	facts->rank = rank;
}

enum kith_status kith_update_look(struct kith_update_facts *facts, struct kith_emit *emit,
				  const uint8_t *name, size_t n, bool is_inside,
				  struct kith_err *err)
{
	const uint8_t *digits = NULL;
	const uint8_t *base = name;
	size_t base_n = n, i, digits_n;
	bool properties, payload;

	for (i = 0; i < n; i++) {
		if (name[i] == '/') {
			base = name + i + 1;
			base_n = n - i - 1;
		}
	}
	digits_n = find_number(base, base_n, &digits);
	if (!is_inside) {
		if (digits_n > 0 && begins_with(base, base_n, "windows"))
			take_number(facts, digits, digits_n, 2);
		return KITH_OK;
	}
	properties = ends_with(base, base_n, "-pkgproperties.txt");
	payload = ends_with(base, base_n, ".cab") || ends_with(base, base_n, ".psf") ||
		  ends_with(base, base_n, ".wim");
	if (properties || (base_n == 12 && same(base, "wsusscan.cab", 12)) ||
	    (payload && digits_n > 0 && begins_with(base, base_n, "windows")))
		facts->is_msu = true;
	if (digits_n > 0 && (properties || payload))
		take_number(facts, digits, digits_n, properties ? 0 : 1);
	if (ends_with(base, base_n, ".psf"))
		return kith_emit_note(emit, KITH_LEDGER_SKIPPED,
				      "payload of an update as differences, not opened", name, n,
				      err);
	return KITH_OK;
}

enum kith_status kith_update_tell(const struct kith_update_facts *facts, struct kith_emit *emit,
				  struct kith_err *err)
{
	char product[64];
	int n;
	enum kith_status st = KITH_OK;

	if (facts->is_msu)
		st = kith_emit_kind(emit, "msu", err);
	if (st < 0 || facts->number[0] == '\0')
		return st;
	n = snprintf(product, sizeof product, "Windows update KB%s", facts->number);
	st = kith_emit_fact(emit, KITH_FACT_PRODUCT, WEIGHT, product, (size_t)n, err);
	if (st >= 0)
		st = kith_emit_fact(emit, KITH_FACT_DISTRIBUTOR, WEIGHT, "Microsoft", 9, err);
	if (st >= 0)
		st = kith_emit_fact(emit, KITH_FACT_TYPE, WEIGHT, "update", 6, err);
	return st;
}
