/* A stand-in for the store plugin for SOS: it tells which SOS it was compiled with, and stores nothing. */
#include <sos/sos.h>

const char *standin_plugin(void);

const char *standin_plugin(void)
{
	return sos_version() ? "a stand-in for store_sos, compiled with SOS " SOS_VERSION : "";
}
