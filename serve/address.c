/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "address.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"

#define BACKLOG 1024

enum kith_status kith_address_parse(const char *text, struct kith_address *ret,
				    struct kith_err *err)
{
	const char *colon = strrchr(text, ':');
	struct addrinfo hints, *found = NULL;
	char host[64];
	size_t n = colon == NULL ? 0 : (size_t)(colon - text);
	int e;

	if (n >= 2 && text[0] == '[' && text[n - 1] == ']') {
		text++;
		n -= 2;
	}
	if (n == 0 || n >= sizeof host || colon[1] < '0' || colon[1] > '9')
		return kith_fail(err, KITH_E_ARG,
				 "'%s' is not an address such as 127.0.0.1:8080 or [::1]:8080",
				 text);
	memcpy(host, text, n);
	host[n] = '\0';
	memset(&hints, 0, sizeof hints);
	hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
	hints.ai_socktype = SOCK_STREAM;
	e = getaddrinfo(host, colon + 1, &hints, &found);
	if (e != 0)
		return kith_fail(err, KITH_E_ARG, "'%s' is not an address: %s", text,
				 gai_strerror(e));
	memset(ret, 0, sizeof *ret);
	memcpy(&ret->at, found->ai_addr, found->ai_addrlen);
	ret->n = found->ai_addrlen;
	freeaddrinfo(found);
	return KITH_OK;
}

void kith_address_show(const struct kith_address *address, char ret[KITH_ADDRESS_SHOWN])
{
	char host[64], port[8];

	if (getnameinfo((const struct sockaddr *)&address->at, address->n, host, sizeof host, port,
			sizeof port, NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		(void)snprintf(ret, KITH_ADDRESS_SHOWN, "?");
	else
		(void)snprintf(ret, KITH_ADDRESS_SHOWN, strchr(host, ':') ? "[%s]:%s" : "%s:%s",
			       host, port);
}

enum kith_status kith_address_bind(struct kith_address *address, int *ret_fd, struct kith_err *err)
{
	char shown[KITH_ADDRESS_SHOWN];
	socklen_t n = sizeof address->at;
	int on = 1, e;
	int fd = socket(address->at.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0 &&
	    bind(fd, (const struct sockaddr *)&address->at, address->n) == 0 &&
	    listen(fd, BACKLOG) == 0 && getsockname(fd, (struct sockaddr *)&address->at, &n) == 0) {
		*ret_fd = fd;
		return KITH_OK;
	}
	e = errno;
	if (fd >= 0)
		(void)close(fd);
	kith_address_show(address, shown);
	return kith_fail_errno(err, e, "cannot listen on %s", shown);
}

enum kith_status kith_address_bind_unix(const char *path, int *ret_fd, struct kith_err *err)
{
	struct sockaddr_un at;
	struct stat there;
	int fd, e;

	memset(&at, 0, sizeof at);
	at.sun_family = AF_UNIX;
	if (strlen(path) >= sizeof at.sun_path)
		return kith_fail(err, KITH_E_ARG,
				 "'%s': the path of a socket has at most %zu bytes", path,
				 sizeof at.sun_path - 1);
	memcpy(at.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd >= 0 && lstat(path, &there) == 0 && S_ISSOCK(there.st_mode)) {
		/* Left over from a server that is gone? */
		if (connect(fd, (const struct sockaddr *)&at, sizeof at) == 0 || errno == EAGAIN) {
			(void)close(fd);
			return kith_fail(err, KITH_E_BUSY, "another server listens on '%s'", path);
		}
		(void)unlink(path);
	}
	if (fd >= 0 && bind(fd, (const struct sockaddr *)&at, sizeof at) == 0 &&
	    chmod(path, 0660) == 0 && listen(fd, BACKLOG) == 0) {
		*ret_fd = fd;
		return KITH_OK;
	}
	e = errno;
	if (fd >= 0)
		(void)close(fd);
	return kith_fail_errno(err, e, "cannot listen on '%s'", path);
}

void kith_address_no_delay(int fd)
{
	int on = 1;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}
