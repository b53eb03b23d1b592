/* libpq, loaded when it is wanted: it brings some ten other libraries (TLS, Kerberos, LDAP), and a daemon without a database pays for none of
 * them. PG_LIBRARY, its file, is the SONAME of the one that this is built with. Inside the store room only. */
#ifndef RESTMARK_STORE_PG_LIBRARY_H
#define RESTMARK_STORE_PG_LIBRARY_H

#include <libpq-fe.h>

#include "base/error.h"

#define PG_FUNCTIONS(F)                                                                                                          \
        F(PQclear) F(PQcmdStatus) F(PQcmdTuples) F(PQconnectPoll) F(PQconnectStartParams) F(PQconninfoFree) F(PQconninfoParse)       \
        F(PQconsumeInput) F(PQenterPipelineMode) F(PQerrorMessage) F(PQfinish) F(PQflush) F(PQftype) F(PQgetResult)                  \
        F(PQgetisnull) F(PQgetlength) F(PQgetvalue) F(PQisBusy) F(PQnfields) F(PQntuples) F(PQpipelineSync) F(PQresultErrorField)    \
        F(PQresultErrorMessage) F(PQresultStatus) F(PQsendPrepare) F(PQsendQueryParams) F(PQsendQueryPrepared)                       \
        F(PQserverVersion) F(PQsetNoticeProcessor) F(PQsetnonblocking) F(PQsocket) F(PQstatus) F(PQtransactionStatus)

struct pg_library {
#define PG_FUNCTION(name) __typeof__(name) *name;
        PG_FUNCTIONS(PG_FUNCTION)
#undef PG_FUNCTION
};

/* Filled by pg_library_load(). */
extern struct pg_library pg;

int pg_library_load(struct error *e);

#endif
