/* A stand-in for libsos: it can tell its version, and keeps nothing. */
#include <sos/sos.h>

const char *sos_version(void)
{
	return SOS_VERSION;
}
