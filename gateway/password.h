/*
 * Passwords, kept as what scrypt (RFC 7914) makes of them: `scrypt$15$8$1$SALT$KEY`, log2 N, r
 * and p, the rest base64url. Each computation takes 32 MiB and some 100 ms of a CPU, on
 * purpose: these functions are for worker threads. Any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define PASSWORD_MIN	    10 /* bytes */
#define PASSWORD_MAX	    256
#define PASSWORD_SECRET_MAX 128

/* With a new salt; false: the library refuses, or there is no memory. */
bool password_keep(const char *password, char secret[PASSWORD_SECRET_MAX]);
/*
 * Is it that one? secret NULL, or one that cannot be read: no, after the same time. Compared
 * without a difference in time.
 */
bool password_right(const char *password, const char *secret);
