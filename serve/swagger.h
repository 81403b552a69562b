/* SPDX-License-Identifier: Apache-2.0 */
/* swagger.h: swagger.json, the description of the hashlookup dialect in OpenAPI's form. */
#ifndef KITH_SERVE_SWAGGER_H
#define KITH_SERVE_SWAGGER_H

#include <stddef.h>
#include <stdint.h>

extern const uint8_t kith_swagger[];
extern const size_t kith_swagger_n;

#endif
