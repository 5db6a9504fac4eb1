/*
 * The statements that a connection knows by name: the server parses and plans them once.
 *
 * A name is announced in the pipeline that first uses it, and stands once the server has said
 * so; after an error the server skips the rest of a pipeline, announcements included. Loop
 * thread only.
 */
#pragma once

#include <stdbool.h>

/* More are sent without a name. The programs have fewer. */
#define PG_PREPARED_MAX 256

struct pg_prepared {
	char *sql[PG_PREPARED_MAX]; /* its place is its name */
	unsigned standing;	    /* the first ones: said by the server */
	unsigned announced;	    /* those, and the ones of the running pipeline */
};

/*
 * The statement's number, or −1 when there is no room. *is_new: it must be announced now.
 * Compares by text.
 */
int pg_prepared_number(struct pg_prepared *p, const char *sql, bool *is_new);
/* The server has taken the next announcement. */
void pg_prepared_stand(struct pg_prepared *p);
/* The pipeline is over: forget the announcements that it did not take. */
void pg_prepared_settle(struct pg_prepared *p);
/* The connection is gone, and with it all names. */
void pg_prepared_clear(struct pg_prepared *p);
