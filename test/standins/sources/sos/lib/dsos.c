/* A stand-in for libdsos: it serves nothing. */
#include <sos/sos.h>

const char *dsos_version(void);

const char *dsos_version(void)
{
	return sos_version();
}
