/* SPDX-License-Identifier: Apache-2.0 */
/* assets.h: the bytes of the page's files, which embed.cmake writes. */
#ifndef KITH_SERVE_PAGE_ASSETS_H
#define KITH_SERVE_PAGE_ASSETS_H

#include <stddef.h>
#include <stdint.h>

#define KITH_ASSET(id, file, type)             \
	extern const uint8_t kith_page_##id[]; \
	extern const size_t kith_page_##id##_n;
#include "assets.def"
#undef KITH_ASSET

#endif
