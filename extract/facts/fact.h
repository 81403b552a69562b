/* SPDX-License-Identifier: Apache-2.0 */
/* fact.h: the kinds of facts about a product. */
#ifndef KITH_EXTRACT_FACT_H
#define KITH_EXTRACT_FACT_H

enum kith_fact {
	KITH_FACT_PRODUCT,     /* "bash", "Windows 11 Pro" */
	KITH_FACT_VERSION,     /* "5.2.15-2+b2" */
	KITH_FACT_DISTRIBUTOR, /* "Debian"; the best of several: the one with the highest weight */
	KITH_FACT_SYSTEM,      /* operating system */
	KITH_FACT_LANGUAGE,
	KITH_FACT_TYPE, /* "application", "operating system", "update" */
	KITH_FACT_LINK, /* home page */
	KITH_FACTS
};

#endif
