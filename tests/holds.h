/* SPDX-License-Identifier: Apache-2.0 */
/* holds.h: what must hold in a test. Not assert(): also in optimised builds. */
#ifndef KITH_TESTS_HOLDS_H
#define KITH_TESTS_HOLDS_H

#include <stdio.h>
#include <stdlib.h>

#define HOLDS(condition)                                                                      \
	do {                                                                                  \
		if (!(condition)) {                                                           \
			(void)fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                              \
		}                                                                             \
	} while (0)

#endif
