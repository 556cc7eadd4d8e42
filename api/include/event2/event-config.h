/* event2/event-config.h — what this build of the library is, and what its platform offers.
 *
 * Programs test these macros to learn the version (EVENT__NUMERIC_VERSION), a feature of the build
 * (EVENT__HAVE_OPENSSL) or the width of a type. The names are those that libevent 2.1.12 defines,
 * and 2.2's EVENT__HAVE_MBEDTLS.
 * The file is the same on every machine that the library supports (64-bit Linux); it is not generated.
 */
#ifndef EVENT2_EVENT_CONFIG_H_INCLUDED_
#define EVENT2_EVENT_CONFIG_H_INCLUDED_

/* --- version ------------------------------------------------------------------------------ */
/* The release whose interface this is: 0xMMmmpp00, major, minor, patch. */
#define EVENT__NUMERIC_VERSION 0x02010c00
#define EVENT__VERSION "2.1.12-stable"
#define EVENT__PACKAGE "libevent"
#define EVENT__PACKAGE_NAME "libevent"
#define EVENT__PACKAGE_TARNAME "libevent"
#define EVENT__PACKAGE_VERSION "2.1.12-stable"
#define EVENT__PACKAGE_STRING "libevent 2.1.12-stable"
#define EVENT__PACKAGE_BUGREPORT ""
#define EVENT__PACKAGE_URL ""
#define EVENT__LT_OBJDIR ".libs/"

/* --- features of this build --------------------------------------------------------------- */
#define EVENT__HAVE_EPOLL 1
#define EVENT__HAVE_MBEDTLS 1
#define EVENT__HAVE_OPENSSL 1
#define EVENT__HAVE_PTHREADS 1

/* --- widths of types, in bytes ------------------------------------------------------------ */
#define EVENT__SIZEOF_SHORT 2
#define EVENT__SIZEOF_INT 4
#define EVENT__SIZEOF_LONG 8
#define EVENT__SIZEOF_LONG_LONG 8
#define EVENT__SIZEOF_OFF_T 8
#define EVENT__SIZEOF_PTHREAD_T 8
#define EVENT__SIZEOF_SIZE_T 8
#define EVENT__SIZEOF_TIME_T 8
#define EVENT__SIZEOF_VOID_P 8

/* --- types of the platform ---------------------------------------------------------------- */
#define EVENT__HAVE_FD_MASK 1
#define EVENT__HAVE_SA_FAMILY_T 1
#define EVENT__HAVE_STRUCT_ADDRINFO 1
#define EVENT__HAVE_STRUCT_IN6_ADDR 1
#define EVENT__HAVE_STRUCT_IN6_ADDR_S6_ADDR16 1
#define EVENT__HAVE_STRUCT_IN6_ADDR_S6_ADDR32 1
#define EVENT__HAVE_STRUCT_LINGER 1
#define EVENT__HAVE_STRUCT_SOCKADDR_IN6 1
#define EVENT__HAVE_STRUCT_SOCKADDR_STORAGE 1
#define EVENT__HAVE_STRUCT_SOCKADDR_STORAGE_SS_FAMILY 1
#define EVENT__HAVE_STRUCT_SOCKADDR_UN 1
#define EVENT__HAVE_UINT16_T 1
#define EVENT__HAVE_UINT32_T 1
#define EVENT__HAVE_UINT64_T 1
#define EVENT__HAVE_UINT8_T 1
#define EVENT__HAVE_UINTPTR_T 1

/* --- headers of the platform -------------------------------------------------------------- */
#define EVENT__HAVE_ARPA_INET_H 1
#define EVENT__HAVE_DLFCN_H 1
#define EVENT__HAVE_ERRNO_H 1
#define EVENT__HAVE_FCNTL_H 1
#define EVENT__HAVE_IFADDRS_H 1
#define EVENT__HAVE_INTTYPES_H 1
#define EVENT__HAVE_NETDB_H 1
#define EVENT__HAVE_NETINET_IN_H 1
#define EVENT__HAVE_NETINET_TCP_H 1
#define EVENT__HAVE_OPENSSL_SSL_H 1
#define EVENT__HAVE_POLL_H 1
#define EVENT__HAVE_STDARG_H 1
#define EVENT__HAVE_STDDEF_H 1
#define EVENT__HAVE_STDINT_H 1
#define EVENT__HAVE_STDIO_H 1
#define EVENT__HAVE_STDLIB_H 1
#define EVENT__HAVE_STRINGS_H 1
#define EVENT__HAVE_STRING_H 1
#define EVENT__HAVE_SYS_EPOLL_H 1
#define EVENT__HAVE_SYS_EVENTFD_H 1
#define EVENT__HAVE_SYS_IOCTL_H 1
#define EVENT__HAVE_SYS_MMAN_H 1
#define EVENT__HAVE_SYS_PARAM_H 1
#define EVENT__HAVE_SYS_QUEUE_H 1
#define EVENT__HAVE_SYS_RANDOM_H 1
#define EVENT__HAVE_SYS_RESOURCE_H 1
#define EVENT__HAVE_SYS_SELECT_H 1
#define EVENT__HAVE_SYS_SENDFILE_H 1
#define EVENT__HAVE_SYS_SOCKET_H 1
#define EVENT__HAVE_SYS_STAT_H 1
#define EVENT__HAVE_SYS_TIMERFD_H 1
#define EVENT__HAVE_SYS_TIME_H 1
#define EVENT__HAVE_SYS_TYPES_H 1
#define EVENT__HAVE_SYS_UIO_H 1
#define EVENT__HAVE_SYS_UN_H 1
#define EVENT__HAVE_SYS_WAIT_H 1
#define EVENT__HAVE_UNISTD_H 1
#define EVENT__HAVE_WCHAR_H 1

/* --- functions of the platform ------------------------------------------------------------ */
#define EVENT__HAVE_ACCEPT4 1
#define EVENT__HAVE_CLOCK_GETTIME 1
#define EVENT__HAVE_EPOLL_CREATE1 1
#define EVENT__HAVE_EPOLL_CTL 1
#define EVENT__HAVE_EVENTFD 1
#define EVENT__HAVE_FCNTL 1
#define EVENT__HAVE_GETADDRINFO 1
#define EVENT__HAVE_GETEGID 1
#define EVENT__HAVE_GETEUID 1
#define EVENT__HAVE_GETIFADDRS 1
#define EVENT__HAVE_GETNAMEINFO 1
#define EVENT__HAVE_GETPROTOBYNUMBER 1
#define EVENT__HAVE_GETRANDOM 1
#define EVENT__HAVE_GETSERVBYNAME 1
#define EVENT__HAVE_GETTIMEOFDAY 1
#define EVENT__HAVE_INET_NTOP 1
#define EVENT__HAVE_INET_PTON 1
#define EVENT__HAVE_MMAP 1
#define EVENT__HAVE_NANOSLEEP 1
#define EVENT__HAVE_PIPE 1
#define EVENT__HAVE_PIPE2 1
#define EVENT__HAVE_POLL 1
#define EVENT__HAVE_PUTENV 1
#define EVENT__HAVE_SELECT 1
#define EVENT__HAVE_SENDFILE 1
#define EVENT__HAVE_SETENV 1
#define EVENT__HAVE_SETRLIMIT 1
#define EVENT__HAVE_SIGACTION 1
#define EVENT__HAVE_SIGNAL 1
#define EVENT__HAVE_SPLICE 1
#define EVENT__HAVE_STRSEP 1
#define EVENT__HAVE_STRTOK_R 1
#define EVENT__HAVE_STRTOLL 1
#define EVENT__HAVE_TIMERFD_CREATE 1
#define EVENT__HAVE_UMASK 1
#define EVENT__HAVE_UNSETENV 1
#define EVENT__HAVE_USLEEP 1
#define EVENT__HAVE_VASPRINTF 1

/* --- macros and words of the platform and the compiler ------------------------------------ */
#define EVENT__HAVE_SETFD 1
#define EVENT__HAVE_TAILQFOREACH 1
#define EVENT__HAVE_TIMERADD 1
#define EVENT__HAVE_TIMERCLEAR 1
#define EVENT__HAVE_TIMERCMP 1
#define EVENT__HAVE_TIMERISSET 1
#define EVENT__HAVE___FUNCTION__ 1
#define EVENT__HAVE___func__ 1
#define EVENT__TIME_WITH_SYS_TIME 1
#ifndef STDC_HEADERS
#define STDC_HEADERS 1
#endif
/* Strict language modes hide struct addrinfo, ssize_t and timeradd() otherwise. It takes effect where
 * this is the first header of the unit. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif

/* --- names that stay undefined here ------------------------------------------------------- *
 *
 *   EVENT__DISABLE_DEBUG_MODE EVENT__DISABLE_MM_REPLACEMENT EVENT__DISABLE_THREAD_SUPPORT
 *   EVENT__HAVE_AFUNIX_H EVENT__HAVE_ARC4RANDOM EVENT__HAVE_ARC4RANDOM_ADDRANDOM
 *   EVENT__HAVE_ARC4RANDOM_BUF EVENT__HAVE_DECL_CTL_KERN EVENT__HAVE_DECL_KERN_ARND
 *   EVENT__HAVE_DEVPOLL EVENT__HAVE_EVENT_PORTS EVENT__HAVE_GETHOSTBYNAME_R
 *   EVENT__HAVE_GETHOSTBYNAME_R_3_ARG EVENT__HAVE_GETHOSTBYNAME_R_5_ARG
 *   EVENT__HAVE_GETHOSTBYNAME_R_6_ARG EVENT__HAVE_ISSETUGID EVENT__HAVE_KQUEUE
 *   EVENT__HAVE_LIBWS2_32 EVENT__HAVE_LIBZ EVENT__HAVE_MACH_ABSOLUTE_TIME EVENT__HAVE_MACH_MACH_H
 *   EVENT__HAVE_MACH_MACH_TIME_H EVENT__HAVE_MINIX_CONFIG_H EVENT__HAVE_NETINET_IN6_H
 *   EVENT__HAVE_PORT_CREATE EVENT__HAVE_PORT_H EVENT__HAVE_PTHREAD EVENT__HAVE_STRLCPY
 *   EVENT__HAVE_STRUCT_SOCKADDR_IN6_SIN6_LEN EVENT__HAVE_STRUCT_SOCKADDR_IN_SIN_LEN
 *   EVENT__HAVE_STRUCT_SOCKADDR_STORAGE___SS_FAMILY EVENT__HAVE_SYSCTL EVENT__HAVE_SYS_DEVPOLL_H
 *   EVENT__HAVE_SYS_EVENT_H EVENT__HAVE_SYS_SYSCTL_H EVENT__HAVE_WORKING_KQUEUE
 *   EVENT__HAVE_ZLIB_H EVENT__HAVE__GMTIME64 EVENT__HAVE__GMTIME64_S
 *   EVENT__PTHREAD_CREATE_JOINABLE
 */

#endif
