/* SPDX-License-Identifier: Apache-2.0 */
/* rpm_payload.h: the files of an RPM's payload, which is a cpio in a compression. */
#ifndef KITH_CONTAINERS_RPM_PAYLOAD_H
#define KITH_CONTAINERS_RPM_PAYLOAD_H

#include "containers/rpm_files.h"

struct rpm_payload {
	const struct kith_container_in *in;
	struct rpm_files *files;
	uint64_t offset;         /* of the payload, which goes to the end of the blob */
	enum kith_format format; /* of its compression; NONE: none */
	bool signed_;            /* a signature covers the header */
};

/* Emits all files; then, even if the payload is damaged, declares those that the header lists with
 * a digest and the payload does not have. */
enum kith_status rpm_payload_walk(const struct rpm_payload *payload, struct kith_err *err);

#endif
