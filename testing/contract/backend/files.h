/* testing/contract/backend/files.h — cases for pollers that take any kind of descriptor (poll, select). */
#ifndef EVRT_TESTING_CONTRACT_BACKEND_FILES_H_
#define EVRT_TESTING_CONTRACT_BACKEND_FILES_H_

/* A regular file is always ready. */
void files_are_always_ready(void);
/* The check for an open descriptor fails in the kernel: set says so and registers nothing. */
void the_check_may_fail(void);
/* One beyond FD_SETSIZE, to which everything can happen that happens to others. */
void numbers_beyond_fd_setsize(void);

#endif
