/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dns_server.h: answers DNS over UDP, on a thread of its own with a worker of its own, so that a
 * flood of datagrams leaves connections alone. What was lost on the way is asked again by the other
 * side, so nothing is kept between datagrams.
 */
#ifndef KITH_SERVE_DNS_SERVER_H
#define KITH_SERVE_DNS_SERVER_H

#include "address.h"
#include "worker.h"

struct kith_dns;

enum kith_status kith_dns_new(struct kith_worker *worker, const char *zone, struct kith_dns **ret,
			      struct kith_err *err);
/* A port 0 becomes a real one in ret_shown. */
enum kith_status kith_dns_listen(struct kith_dns *dns, const char *text,
				 char ret_shown[KITH_ADDRESS_SHOWN], struct kith_err *err);
enum kith_status kith_dns_start(struct kith_dns *dns, struct kith_err *err);
/* Ends the thread; NULL is accepted. */
void kith_dns_free(struct kith_dns *dns);

#endif
