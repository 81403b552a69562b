/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nsrl_products.c: rows become products and product places (nsrl_common.h).
 */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/limits.h"
#include "nsrl_common.h"

/* Texts of one product: more is hostile. */
#define TEXTS_MAX ((size_t)64 << 20)
/* A new item is compared with so many before it; repeats are nearly always near. */
#define LOOK_BACK 64u

struct text_ref {
	size_t start, n; /* in `texts` */
};

/* Growing arrays of numbers and of text_ref are kith_bufs, always filled with whole elements. */
struct nsrl_products {
	struct kith_decl *decl;
	uint32_t root;
	bool open; /* a product is being collected */
	struct kith_buf name, version;
	struct kith_buf texts;             /* bytes of the lists */
	struct kith_buf lists[NSRL_LISTS]; /* struct text_ref */
	struct kith_buf distributors;      /* uint32_t */
	struct kith_buf products;          /* uint32_t: handles of this package's */
	struct kith_buf flat;              /* struct kith_bytes, for a declaration */
};

enum kith_status nsrl_products_new(struct kith_decl *decl, uint32_t root,
				   struct nsrl_products **ret, struct kith_err *err)
{
	struct nsrl_products *products = calloc(1, sizeof *products);

	if (products == NULL)
		return kith_fail_nomem(err);
	products->decl = decl;
	products->root = root;
	*ret = products;
	return KITH_OK;
}

void nsrl_products_free(struct nsrl_products *products)
{
	size_t i;

	if (products == NULL)
		return;
	kith_buf_done(&products->name);
	kith_buf_done(&products->version);
	kith_buf_done(&products->texts);
	for (i = 0; i < NSRL_LISTS; i++)
		kith_buf_done(&products->lists[i]);
	kith_buf_done(&products->distributors);
	kith_buf_done(&products->products);
	kith_buf_done(&products->flat);
	free(products);
}

static struct kith_bytes bytes_of(const struct kith_buf *buf)
{
	return (struct kith_bytes){buf->data, buf->n};
}

static bool buf_is(const struct kith_buf *buf, struct kith_bytes text)
{
	return buf->n == text.n && (text.n == 0 || memcmp(buf->data, text.data, text.n) == 0);
}

static int cmp_u32(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Sorts the numbers of a buffer and drops repeats. */
static struct kith_rank_list unique_numbers(struct kith_buf *buf)
{
	uint32_t *items = (uint32_t *)(void *)buf->data;
	size_t n = buf->n / sizeof *items, i, kept = 0;

	if (n > 0)
		qsort(items, n, sizeof *items, cmp_u32);
	for (i = 0; i < n; i++)
		if (kept == 0 || items[kept - 1] != items[i])
			items[kept++] = items[i];
	buf->n = kept * sizeof *items;
	return (struct kith_rank_list){items, kept};
}

static int cmp_text(const void *a, const void *b)
{
	const struct kith_bytes *x = a, *y = b;

	return kith_bytes_cmp(x->data, x->n, y->data, y->n);
}

/* Declares the product that was collected, if there is one. */
static enum kith_status end_product(struct nsrl_products *p, struct kith_err *err)
{
	struct kith_product_decl decl = {.name = bytes_of(&p->name),
					 .version = bytes_of(&p->version)};
	struct kith_text_list *const to[NSRL_LISTS] = {
	    [NSRL_SYSTEMS] = &decl.systems,
	    [NSRL_LANGUAGES] = &decl.languages,
	    [NSRL_TYPES] = &decl.types,
	    [NSRL_LINKS] = &decl.links,
	};
	struct kith_bytes *flat;
	enum kith_status st;
	uint32_t handle;
	size_t total = 0, i, k;

	if (!p->open)
		return KITH_OK;
	for (i = 0; i < NSRL_LISTS; i++)
		total += p->lists[i].n / sizeof(struct text_ref);
	p->flat.n = 0;
	flat = (struct kith_bytes *)(void *)kith_buf_room(&p->flat, (total + 1) * sizeof *flat);
	if (flat == NULL)
		return kith_fail_nomem(err);
	for (i = 0; i < NSRL_LISTS; i++) {
		const struct text_ref *refs =
		    (const struct text_ref *)(const void *)p->lists[i].data;
		size_t n = p->lists[i].n / sizeof *refs, kept = 0;

		for (k = 0; k < n; k++)
			flat[k] = (struct kith_bytes){p->texts.data + refs[k].start, refs[k].n};
		if (n > 0)
			qsort(flat, n, sizeof *flat, cmp_text);
		for (k = 0; k < n; k++)
			if (kept == 0 || cmp_text(&flat[kept - 1], &flat[k]) != 0)
				flat[kept++] = flat[k];
		*to[i] = (struct kith_text_list){flat, kept};
		flat += kept;
		p->lists[i].n = 0;
	}
	decl.distributors = unique_numbers(&p->distributors);
	st = kith_decl_product(p->decl, &decl, &handle, err);
	if (st < 0)
		return st;
	if (!kith_buf_add(&p->products, &handle, sizeof handle))
		return kith_fail_nomem(err);
	p->texts.n = 0;
	p->distributors.n = 0;
	p->open = false;
	return KITH_OK;
}

enum kith_status nsrl_products_begin(struct nsrl_products *p, struct kith_bytes name,
				     struct kith_bytes version, struct kith_err *err)
{
	enum kith_status st;

	if (p->open && buf_is(&p->name, name) && buf_is(&p->version, version))
		return KITH_OK;
	st = end_product(p, err);
	if (st < 0)
		return st;
	p->name.n = 0;
	p->version.n = 0;
	if (!kith_buf_add(&p->name, name.data, name.n) ||
	    !kith_buf_add(&p->version, version.data, version.n))
		return kith_fail_nomem(err);
	p->open = true;
	return KITH_OK;
}

enum kith_status nsrl_products_distributor(struct nsrl_products *p, uint32_t handle,
					   struct kith_err *err)
{
	const uint32_t *items = (const uint32_t *)(const void *)p->distributors.data;
	size_t n = p->distributors.n / sizeof *items, i;

	for (i = n; i > 0 && n - i < LOOK_BACK; i--)
		if (items[i - 1] == handle)
			return KITH_OK;
	if (p->distributors.n > TEXTS_MAX)
		return kith_fail(err, KITH_E_LIMIT, "a product has too many distributors");
	if (!kith_buf_add(&p->distributors, &handle, sizeof handle))
		return kith_fail_nomem(err);
	return KITH_OK;
}

enum kith_status nsrl_products_text(struct nsrl_products *p, enum nsrl_list list,
				    struct kith_bytes text, struct kith_err *err)
{
	const struct text_ref *items = (const struct text_ref *)(const void *)p->lists[list].data;
	size_t n = p->lists[list].n / sizeof *items, i;
	struct text_ref ref = {p->texts.n, text.n};

	if (text.n == 0)
		return KITH_OK;
	for (i = n; i > 0 && n - i < LOOK_BACK; i--)
		if (items[i - 1].n == text.n &&
		    memcmp(p->texts.data + items[i - 1].start, text.data, text.n) == 0)
			return KITH_OK;
	if (text.n > TEXTS_MAX || p->texts.n > TEXTS_MAX - text.n)
		return kith_fail(err, KITH_E_LIMIT, "a product has too many attributes");
	if (!kith_buf_add(&p->texts, text.data, text.n) ||
	    !kith_buf_add(&p->lists[list], &ref, sizeof ref))
		return kith_fail_nomem(err);
	return KITH_OK;
}

enum kith_status nsrl_products_package(struct nsrl_products *p, struct kith_bytes id,
				       uint32_t *ret_place, struct kith_err *err)
{
	struct kith_rank_list handles;
	enum kith_status st;

	st = end_product(p, err);
	if (st < 0)
		return st;
	handles = unique_numbers(&p->products);
	st = kith_decl_place(p->decl, p->root, KITH_PLACE_PRODUCT, id, &handles, ret_place, err);
	p->products.n = 0;
	return st;
}
