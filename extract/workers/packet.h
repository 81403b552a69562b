/* SPDX-License-Identifier: Apache-2.0 */
/* packet.h: packets with descriptors over a SOCK_SEQPACKET socket of the AF_UNIX family. */
#ifndef KITH_EXTRACT_PACKET_H
#define KITH_EXTRACT_PACKET_H

#include <stddef.h>

#include "kith.h"

/* Both ends close-on-exec. */
enum kith_status kith_packet_pair(int ret_socks[2], struct kith_err *err);

/* wait: until there is room; else KITH_E_BUSY when there is none. KITH_E_IO when the other side is
 * gone. */
enum kith_status kith_packet_send(int sock, const void *data, size_t n, const int *fds,
				  size_t n_fds, int wait, struct kith_err *err);

/* KITH_END: the other side is gone. KITH_NOT_FOUND: nothing is there and wait is 0. Descriptors
 * beyond cap_fds are closed, and the packet is KITH_E_CORRUPT; so is one with more than cap bytes.
 */
enum kith_status kith_packet_recv(int sock, void *buf, size_t cap, size_t *ret_n, int *fds,
				  size_t cap_fds, size_t *ret_n_fds, int wait,
				  struct kith_err *err);

#endif
