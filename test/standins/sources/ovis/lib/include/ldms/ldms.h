/* A stand-in for ldms.h: whose version and commit it is are all that there is. */
#ifndef LDMS_H
#define LDMS_H

const char *ldms_version(void);
const char *ldms_commit(void);

#endif
