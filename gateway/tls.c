/* Certificates, and what every connection made with one has in common. */
#include "gateway/tls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#define READ_AHEAD ((size_t)64 * 1024) /* of a socket in one system call */

/* Forward secrecy and authenticated encryption only; TLS 1.3 has no others. */
#define CIPHERS_12 "ECDHE+AESGCM:ECDHE+CHACHA20"

struct tls {
	SSL_CTX *ctx;
	char *certificate, *key;
	bool http2;
};

static int refuse_pass_phrase(char *buf, int size, int writing, void *arg)
{
	(void)buf, (void)size, (void)writing, (void)arg;
	return -1;
}

static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len,
			   const unsigned char *in, unsigned in_len, void *arg)
{
	static const unsigned char both[] = "\x02h2\x08http/1.1";
	const struct tls *t = arg;
	unsigned skip = t->http2 ? 0 : 3;
	unsigned char *chosen;

	(void)ssl;
	if (SSL_select_next_proto(&chosen, out_len, both + skip, sizeof(both) - 1 - skip, in,
				  in_len) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL; /* RFC 7301 §3.2 */
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static void set_up(SSL_CTX *ctx, struct tls *t)
{
	if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1 ||
	    SSL_CTX_set_cipher_list(ctx, CIPHERS_12) != 1 ||
	    SSL_CTX_set_num_tickets(ctx, 0) != 1)
		fatal("libssl lacks what TLS needs");
	/* Of good ciphers the client prefers the one that its machine has instructions for. */
	SSL_CTX_set_options(ctx,
			    SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	/* An idle connection holds no buffers; a retried write may come from another place. */
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
				      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_read_ahead(ctx, 1);
	SSL_CTX_set_default_read_buffer_len(ctx, READ_AHEAD);
	SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, t);
	SSL_CTX_set_default_passwd_cb(ctx, refuse_pass_phrase);
}

static void explain(const char *what, const char *file, char why[TLS_WHY_MAX])
{
	unsigned long code = ERR_peek_error(); /* the cause; what follows is its echo */
	const char *reason = ERR_reason_error_string(code);

	/* OpenSSL 3 has no texts of its own for what the system said. */
	if (ERR_SYSTEM_ERROR(code))
		reason = strerror(ERR_GET_REASON(code));
	snprintf(why, TLS_WHY_MAX, "%s %s: %s", what, file, reason ? reason : "not usable");
	ERR_clear_error();
}

static SSL_CTX *read_files(struct tls *t, char why[TLS_WHY_MAX])
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (ctx == NULL)
		fatal("libssl lacks what TLS needs");
	set_up(ctx, t);
	ERR_clear_error();
	if (SSL_CTX_use_certificate_chain_file(ctx, t->certificate) != 1)
		explain("certificate", t->certificate, why);
	else if (SSL_CTX_use_PrivateKey_file(ctx, t->key, SSL_FILETYPE_PEM) != 1 ||
		 SSL_CTX_check_private_key(ctx) != 1)
		explain("key", t->key, why);
	else
		return ctx;
	SSL_CTX_free(ctx);
	return NULL;
}

struct tls *tls_open(const char *certificate, const char *key, char why[TLS_WHY_MAX])
{
	struct tls *t = xcalloc(1, sizeof(*t));

	t->certificate = xstrdup(certificate);
	t->key = xstrdup(key);
	t->ctx = read_files(t, why);
	if (t->ctx != NULL)
		return t;
	tls_free(t);
	return NULL;
}

int tls_reload(struct tls *t, char why[TLS_WHY_MAX])
{
	SSL_CTX *ctx = read_files(t, why);

	if (ctx == NULL)
		return ERR_SYNTAX;
	SSL_CTX_free(t->ctx); /* open connections hold it */
	t->ctx = ctx;
	return 0;
}

void tls_offer_http2(struct tls *t)
{
	t->http2 = true;
}

const char *tls_complaint(const struct tls *t)
{
	const X509 *leaf = SSL_CTX_get0_certificate(t->ctx);

	if (X509_cmp_current_time(X509_get0_notAfter(leaf)) < 0)
		return "the certificate has expired";
	if (X509_cmp_current_time(X509_get0_notBefore(leaf)) > 0)
		return "the certificate is not valid yet";
	return NULL;
}

void tls_free(struct tls *t)
{
	if (t == NULL)
		return;
	SSL_CTX_free(t->ctx);
	free(t->certificate);
	free(t->key);
	free(t);
}

struct ssl_st *tls_server(const struct tls *t, int fd)
{
	SSL *ssl = SSL_new(t->ctx);

	if (ssl == NULL || SSL_set_fd(ssl, fd) != 1)
		fatal("out of memory");
	SSL_set_accept_state(ssl);
	return ssl;
}

bool tls_speaks_http2(const struct ssl_st *ssl)
{
	const unsigned char *name;
	unsigned len;

	SSL_get0_alpn_selected(ssl, &name, &len);
	return len == 2 && memcmp(name, "h2", 2) == 0;
}
