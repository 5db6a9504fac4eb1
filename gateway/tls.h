/*
 * The users' port speaks TLS 1.2 and 1.3: certificates. With transport_tls.c, which moves the
 * bytes, the only user of OpenSSL's libssl.
 *
 * The parent opens the certificate and its workers inherit it by fork(), so that a worker that
 * is started again never depends on what the files hold by then. There are no session tickets
 * and there is no cache: each connection has keys of its own, and every worker takes every
 * connection. ALPN offers h2, unless that is off, then http/1.1. Loop thread only.
 */
#pragma once

#include <stdbool.h>

#include "proto/base/err.h"

#define TLS_WHY_MAX 512

/* A certificate with its key. */
struct tls;

/*
 * Read a PEM file with the certificate and those between it and the CA, and one with its key,
 * without a pass phrase. NULL: *why says in one line what is wrong.
 */
struct tls *tls_open(const char *certificate, const char *key, char why[TLS_WHY_MAX]);
/*
 * Read both files again, for connections that come from now on. ERR_SYNTAX: what was read
 * before stays, and *why says what is wrong.
 */
int tls_reload(struct tls *t, char why[TLS_WHY_MAX]) MUST_CHECK;
/* Offer HTTP/2 first from now on. */
void tls_offer_http2(struct tls *t);
/* What is wrong with a certificate that is usable nevertheless; NULL: nothing. */
const char *tls_complaint(const struct tls *t);
/* Connections that are open live on. */
void tls_free(struct tls *t);

struct ssl_st;
/* A new connection's session over a connected socket, before its handshake; SSL_free() it. */
struct ssl_st *tls_server(const struct tls *t, int fd);
/* After the handshake: was HTTP/2 chosen? */
bool tls_speaks_http2(const struct ssl_st *ssl);
