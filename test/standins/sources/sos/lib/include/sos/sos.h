/* A stand-in for sos.h: the version is all that there is. */
#ifndef SOS_H
#define SOS_H

/* Whatever is compiled with this header has this text in it. */
#define SOS_VERSION "6.0.1"

const char *sos_version(void);

#endif
