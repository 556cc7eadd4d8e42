/* examples/events/resolve.c — names and services to addresses, waiting for the answer.
 *
 *   ./evrt example resolve [HOST [SERVICE]]
 *
 *   | 127.0.0.1 80
 *
 * evutil_getaddrinfo is getaddrinfo where the system has a good one. It blocks the thread, and so belongs before
 * the loop, or into a thread of its own.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <event2/util.h>

static void
print_address(const struct evutil_addrinfo *ai)
{
	const struct sockaddr_in *v4 = (const void *)ai->ai_addr;
	const struct sockaddr_in6 *v6 = (const void *)ai->ai_addr;
	char text[INET6_ADDRSTRLEN];

	if (ai->ai_family == AF_INET && evutil_inet_ntop(AF_INET, &v4->sin_addr, text, sizeof(text)))
		printf("%s %d\n", text, ntohs(v4->sin_port));
	else if (ai->ai_family == AF_INET6 && evutil_inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof(text)))
		printf("%s %d\n", text, ntohs(v6->sin6_port));
}

int
main(int argc, char **argv)
{
	/* ADDRCONFIG: only families that this machine has; one socket type, or each address comes several times. */
	struct evutil_addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM,
		.ai_flags = EVUTIL_AI_ADDRCONFIG };
	struct evutil_addrinfo *answers;
	const char *host = argc > 1 ? argv[1] : "127.0.0.1", *service = argc > 2 ? argv[2] : "80";
	int err = evutil_getaddrinfo(host, service, &hints, &answers);

	if (err) {
		fprintf(stderr, "%s %s: %s\n", host, service, evutil_gai_strerror(err));
		return 1;
	}
	for (const struct evutil_addrinfo *ai = answers; ai; ai = ai->ai_next)
		print_address(ai);
	evutil_freeaddrinfo(answers);
	return 0;
}
